/* Operations as the messages that are sent. */
#ifndef TESTS_LINEARIZABILITY_REQUEST_H
#define TESTS_LINEARIZABILITY_REQUEST_H

#include "base/status.h"
#include "sagabase/v1/event_store.pb-c.h"
#include "tests/linearizability/history.h"

enum {
    EVENTS_MAX = 3, /* of one part */
    NAME_BYTES = 24,
    ID_BYTES = 37,
};

/* The messages of one append; they point into each other. */
struct request {
    char names[PARTS_MAX + CHECKS_MAX][NAME_BYTES];
    char ids[PARTS_MAX][EVENTS_MAX][ID_BYTES];
    Sagabase__V1__ProposedEvent events[PARTS_MAX][EVENTS_MAX];
    Sagabase__V1__ProposedEvent *event_list[PARTS_MAX][EVENTS_MAX];
    Sagabase__V1__StreamAppend appends[PARTS_MAX];
    Sagabase__V1__StreamAppend *append_list[PARTS_MAX];
    Sagabase__V1__StreamCheck checks[CHECKS_MAX];
    Sagabase__V1__StreamCheck *check_list[CHECKS_MAX];
    char *tags[TAGS]; /* of every event */
    size_t tag_count;
    char *query_types[TYPES];
    char *query_tags[TAGS];
    Sagabase__V1__QueryItem item;
    Sagabase__V1__QueryItem *item_list[1];
    Sagabase__V1__Query query;
    Sagabase__V1__AppendCondition condition;
    Sagabase__V1__AppendRequest append;
    Sagabase__V1__AppendToStreamRequest to_stream;
};

/* The name of a stream. */
void request_put_name(char name[NAME_BYTES], uint32_t stream);

/* Fills request->append. Every id tells `tag`, the append's number, and the event in it. */
void request_put_append(struct request *request, const struct operation *operation, uint32_t tag,
                        uint32_t number);

/* Then fills request->to_stream with the only part of request->append, which has no condition. */
void request_put_append_to_stream(struct request *request);

/* From an event's id: the append's number << 8 | the event in it. */
struct status request_identify(const Sagabase__V1__RecordedEvent *event, uint64_t *identity);

#endif
