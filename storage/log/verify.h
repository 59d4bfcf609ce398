/* A verification under way. Only for files of this folder. */
#ifndef STORAGE_LOG_VERIFY_H
#define STORAGE_LOG_VERIFY_H

#include "storage/log/derive.h"
#include "storage/log/findings.h"

/* So many entries, and the sum of their checksums: equal sums mean equal entries. */
struct tally {
    uint64_t count;
    uint64_t sum;
};

struct verification {
    struct engine *engine;
    struct findings findings;
    struct types *types;                  /* of the log */
    uint64_t end, stream_count, indexed;  /* of the log; of meta */
    bool log_damaged, end_known;          /* then what the log does not hold is no surprise */
    bool is_scavenged;                    /* types may be known of which no event is left */
    struct tally expected[DERIVED_KINDS]; /* what follows from the log */
    struct tally stored[DERIVED_KINDS];   /* what is there; categories are looked up instead */
    uint64_t present[DERIVED_KINDS];      /* of the expected: how many were found by their key */
    struct tally malformed;               /* entries of `index` that are of no kind */
    uint64_t known_categories[1 << 12];   /* hashes of some that were looked up */
    uint64_t done;                        /* for progress */
    struct status status;                 /* of a look-up inside a scan */
};

void tally_add(struct tally *tally, struct bytes key, struct bytes value);

/* verify_explain.c: names what differs in the kinds whose tallies do. */
struct status verify_explain(struct verification *self);

/* verify_explain.c: an entry that follows from the log is looked up. */
void verify_look_up(struct verification *self, const struct derived *entry);

#endif
