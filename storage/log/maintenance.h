/* What an operator does to a store that nobody serves: to look whether it is whole, and to make
 * again what follows from the log. Neither ever changes the log. Single-threaded. */
#ifndef STORAGE_LOG_MAINTENANCE_H
#define STORAGE_LOG_MAINTENANCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"
#include "storage/engine/engine.h"

struct maintenance {
    struct engine *engine;

    /* One disagreement: "family: what", in printable characters. */
    void (*tell)(void *context, const char *line);
    size_t told_max; /* how many are told at most; all are counted. 0: none */

    /* Now and then; `work` is static memory: "log", "names" ... `total` may be a guess. */
    void (*progress)(void *context, const char *work, uint64_t done, uint64_t total);
    void *context;

    size_t streams_max; /* followed in one walk over the log; 0: WALK_STREAMS_MAX */
};

struct store_facts {
    uint64_t events;
    uint64_t streams;
    uint64_t types;
    uint64_t indexed;       /* events before it are in the trailing index */
    uint64_t disagreements; /* 0: the store is whole */
};

/* Reads everything once, in order: the log is checked record by record and what follows from it
 * is summed up, then the other families are summed up too. Where sums agree, the entries do.
 * Where they do not, a second pass looks entries up one by one to name what differs.
 *
 * Memory: 16 bytes a stream, at most 64 MiB (beyond, the log is read again for each further
 * 4,194,304 streams), 16 bytes a type, one record.
 *
 * OK: the facts are complete, whatever they are. FAILED_PRECONDITION: a newer format.
 * Else: the engine could not be read. */
struct status store_verify(const struct maintenance *maintenance, struct store_facts *facts);

/* Makes streams, names, types, index and counters again from the log. While it runs, a mark in
 * `meta` keeps servers away; killed, it is simply repeated.
 *
 * Policies follow from nothing else: they are left as they are.
 *
 * DATA_LOSS: the log itself is damaged, which is told; nothing was changed.
 * FAILED_PRECONDITION: a newer format. */
struct status store_rebuild(const struct maintenance *maintenance, struct store_facts *facts);

#endif
