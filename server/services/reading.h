/* A read that is answered page by page. A page is read when the one before was
 * sent, so a slow reader costs one page, and a reader that is gone stops it. Where events
 * are selected, a page may be empty: each looks at a bounded number of them, and sending it
 * lets other calls have their turn and shows the client that work goes on.
 *
 *   reading_start ---> send page ---sent---> send page ---sent---> ... end
 */
#ifndef SERVER_SERVICES_READING_H
#define SERVER_SERVICES_READING_H

#include <stdbool.h>
#include <stdint.h>

#include "base/status.h"
#include "sagabase/v1/event_store.pb-c.h"
#include "server/reducers/upcast.h"
#include "server/rpc/call.h"
#include "server/subscriptions/filter.h"
#include "storage/log/query.h"

struct event_log;

/* What both read methods share; in the call's arena. */
struct reading {
    struct call *call;
    struct event_log *log;
    uint64_t stream_number; /* 0: the whole store */
    bool backwards;
    uint64_t next;        /* revision or position of the next event */
    uint64_t end;         /* forwards: of the first event that is not looked at */
    uint64_t events_left; /* to send */
    bool has_query, has_filter;
    struct query query;
    struct filter filter;
    struct filter_rules rules;
    struct upcasting upcasting;
    struct bytes beside; /* packed fields that go with the first page; set before the start */
    struct step sent, closed;
};

/* Where a request begins, in words that both requests share. */
struct reading_from {
    bool given_index; /* a revision or position */
    uint64_t index;
    bool given_edge;
    int edge; /* sagabase.v1.Edge */
    bool given_time;
    int64_t time_us;
};

/* Which events are sent: `query` and `filter` may be NULL. First of all. */
struct status reading_select(struct reading *reading, const Sagabase__V1__Query *query,
                             const Sagabase__V1__Filter *filter);

/* Events are sent in their newest form. */
void reading_upcast(struct reading *reading, struct reducers *reducers);

/* Sets backwards, next, end and events_left for a sequence of which begin..end - 1 are to be seen.
 * `direction` is a sagabase.v1.Direction, `count` as in the requests. INVALID_ARGUMENT
 * names the field. */
struct status reading_aim(struct reading *reading, int direction, struct reading_from from,
                          int64_t count, uint64_t begin, uint64_t end);

/* Sends the pages and ends the call. */
void reading_start(struct reading *reading);

#endif
