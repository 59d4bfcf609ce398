#include "tests/linearizability/request.h"

#include <inttypes.h>
#include <stdio.h>

static Sagabase__V1__StreamState state_of(enum expected expected)
{
    switch (expected) {
    case EXPECTED_NO_STREAM:
        return SAGABASE__V1__STREAM_STATE__STREAM_STATE_NO_STREAM;
    case EXPECTED_EXISTS:
        return SAGABASE__V1__STREAM_STATE__STREAM_STATE_STREAM_EXISTS;
    default:
        return SAGABASE__V1__STREAM_STATE__STREAM_STATE_ANY;
    }
}

void request_put_name(char name[NAME_BYTES], uint32_t stream)
{
    snprintf(name, NAME_BYTES, "line-%" PRIu32, stream);
}

static const char *const type_names[TYPES] = {"Noted", "Changed", "Removed"};
static const char *const tag_names[TAGS] = {"kind:left", "kind:right"};

/* The names of the bits that are set. */
static size_t put_names(char **list, const char *const *names, uint32_t count, uint32_t bits)
{
    size_t named = 0;

    for (uint32_t i = 0; i < count; i++)
        if (bits >> i & 1)
            list[named++] = (char *)names[i];
    return named;
}

static void put_events(struct request *request, uint32_t tag, uint32_t number, uint32_t type,
                       uint32_t index, uint32_t count, uint32_t *event)
{
    Sagabase__V1__StreamAppend *append = &request->appends[index];

    for (uint32_t i = 0; i < count; i++, ++*event) {
        Sagabase__V1__ProposedEvent *proposed = &request->events[index][i];
        *proposed = (Sagabase__V1__ProposedEvent)SAGABASE__V1__PROPOSED_EVENT__INIT;
        snprintf(request->ids[index][i], ID_BYTES,
                 "%08" PRIx32 "-%04" PRIx32 "-4000-8000-%012" PRIx32, tag, *event, number);
        proposed->id = request->ids[index][i];
        proposed->type = (char *)type_names[type];
        proposed->tags = request->tags;
        proposed->n_tags = request->tag_count;
        request->event_list[index][i] = proposed;
    }
    append->n_events = count;
    append->events = request->event_list[index];
}

static void put_part(struct request *request, uint32_t index, const struct part *part)
{
    Sagabase__V1__StreamAppend *append = &request->appends[index];

    *append = (Sagabase__V1__StreamAppend)SAGABASE__V1__STREAM_APPEND__INIT;
    request_put_name(request->names[index], part->stream);
    append->stream = request->names[index];
    if (part->expected == EXPECTED_REVISION) {
        append->expected_case = SAGABASE__V1__STREAM_APPEND__EXPECTED_REVISION;
        append->revision = part->revision;
    } else {
        append->expected_case = SAGABASE__V1__STREAM_APPEND__EXPECTED_STATE;
        append->state = state_of(part->expected);
    }
    request->append_list[index] = append;
}

static void put_check(struct request *request, uint32_t index, const struct part *part)
{
    size_t at = request->append.n_checks++;
    Sagabase__V1__StreamCheck *check = &request->checks[at];

    *check = (Sagabase__V1__StreamCheck)SAGABASE__V1__STREAM_CHECK__INIT;
    request_put_name(request->names[index], part->stream);
    check->stream = request->names[index];
    if (part->expected == EXPECTED_REVISION) {
        check->expected_case = SAGABASE__V1__STREAM_CHECK__EXPECTED_REVISION;
        check->revision = part->revision;
    } else {
        check->expected_case = SAGABASE__V1__STREAM_CHECK__EXPECTED_STATE;
        check->state = state_of(part->expected);
    }
    request->check_list[at] = check;
}

static void put_condition(struct request *request, const struct condition *condition)
{
    request->item = (Sagabase__V1__QueryItem)SAGABASE__V1__QUERY_ITEM__INIT;
    request->item.types = request->query_types;
    request->item.n_types = put_names(request->query_types, type_names, TYPES, condition->types);
    request->item.tags = request->query_tags;
    request->item.n_tags = put_names(request->query_tags, tag_names, TAGS, condition->tags);
    request->item_list[0] = &request->item;
    request->query = (Sagabase__V1__Query)SAGABASE__V1__QUERY__INIT;
    request->query.items = request->item_list;
    request->query.n_items = 1;
    request->condition = (Sagabase__V1__AppendCondition)SAGABASE__V1__APPEND_CONDITION__INIT;
    request->condition.fail_if = &request->query;
    if (condition->seen > 0) {
        request->condition.seen_case = SAGABASE__V1__APPEND_CONDITION__SEEN_AFTER_POSITION;
        request->condition.after_position = condition->seen - 1;
    }
    request->append.condition = &request->condition;
}

void request_put_append(struct request *request, const struct operation *operation, uint32_t tag,
                        uint32_t number)
{
    uint32_t event = 0;

    request->append = (Sagabase__V1__AppendRequest)SAGABASE__V1__APPEND_REQUEST__INIT;
    request->tag_count = put_names(request->tags, tag_names, TAGS, operation->tags);
    if (operation->condition.given)
        put_condition(request, &operation->condition);
    for (uint32_t i = 0; i < operation->part_count; i++) {
        if (operation->parts[i].events == 0) {
            put_check(request, i, &operation->parts[i]);
            continue;
        }
        put_part(request, i, &operation->parts[i]);
        put_events(request, tag, number, operation->type, i, operation->parts[i].events, &event);
        request->append.n_appends++;
    }
    request->append.appends = request->append_list;
    request->append.checks = request->check_list;
}

void request_put_append_to_stream(struct request *request)
{
    const Sagabase__V1__StreamAppend *append = &request->appends[0];
    Sagabase__V1__AppendToStreamRequest *to_stream = &request->to_stream;

    *to_stream = (Sagabase__V1__AppendToStreamRequest)SAGABASE__V1__APPEND_TO_STREAM_REQUEST__INIT;
    to_stream->stream = append->stream;
    to_stream->n_events = append->n_events;
    to_stream->events = append->events;
    if (append->expected_case == SAGABASE__V1__STREAM_APPEND__EXPECTED_REVISION) {
        to_stream->expected_case = SAGABASE__V1__APPEND_TO_STREAM_REQUEST__EXPECTED_REVISION;
        to_stream->revision = append->revision;
    } else {
        to_stream->expected_case = SAGABASE__V1__APPEND_TO_STREAM_REQUEST__EXPECTED_STATE;
        to_stream->state = append->state;
    }
}

struct status request_identify(const Sagabase__V1__RecordedEvent *event, uint64_t *identity)
{
    unsigned tag, index, number;

    if (sscanf(event->id, "%8x-%4x-4000-8000-%12x", &tag, &index, &number) != 3)
        return status_make(STATUS_INTERNAL, "an id that nobody sent: %.40s", event->id);
    *identity = (uint64_t)number << 8 | index;
    return OK;
}
