/* Which events a subscription sends. One thread at a time. */
#ifndef SERVER_SUBSCRIPTIONS_FILTER_H
#define SERVER_SUBSCRIPTIONS_FILTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/status.h"

enum {
    FILTER_PREFIXES_MAX = 64,
    FILTER_REGEX_BYTES_MAX = 1024,
    FILTER_MATCH_STEPS_MAX = 100000, /* for one name or type */
    FILTER_TURN_US = 5000,           /* then others have their turn; passed by at most one event */
};

/* What is asked for; must outlive the filter. A part that is empty does not ask. */
struct filter_rules {
    const struct bytes *stream_prefixes;
    size_t stream_prefix_count;
    const struct bytes *type_prefixes;
    size_t type_prefix_count;
    struct bytes stream_regex;
    struct bytes type_regex;
};

/* Prefixes and expression for one of the two things that are looked at. */
struct filter_part {
    const char *regex_field; /* "filter.stream_regex" */
    const struct bytes *prefixes;
    size_t prefix_count;
    void *regex; /* pcre2_code; NULL: none */
};

struct filter {
    struct filter_part stream;
    struct filter_part type;
    void *match;         /* pcre2_match_data, while there is work */
    void *limits;        /* pcre2_match_context */
    int64_t turn_end_us; /* monotonic */
    bool turn_is_over;
    struct status failure; /* sticky, see below */
};

/* INVALID_ARGUMENT names the field: too many or too long rules, or a regular expression that
 * does not compile, with the place in it. After an error nothing is left to destroy. */
struct status filter_init(struct filter *filter, const struct filter_rules *rules);
void filter_destroy(struct filter *filter);

/* False also when matching takes more than FILTER_MATCH_STEPS_MAX steps or cannot be done:
 * then filter->failure is set, and stays. */
bool filter_accepts(struct filter *filter, struct bytes stream, struct bytes type);

/* Expressions may take long for each of many names. Whoever looks at some on a thread of others
 * begins a turn, and stops when it is over, after one event at least. */
void filter_begin_turn(struct filter *filter);

static inline bool filter_turn_is_over(const struct filter *filter)
{
    return filter->turn_is_over;
}

/* Gives back the memory that matching needs, until it is needed again. */
void filter_rest(struct filter *filter);

#endif
