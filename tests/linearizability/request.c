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

static void put_events(struct request *request, uint32_t tag, uint32_t number, uint32_t index,
                       uint32_t count, uint32_t *event)
{
    Sagabase__V1__StreamAppend *append = &request->appends[index];

    for (uint32_t i = 0; i < count; i++, ++*event) {
        Sagabase__V1__ProposedEvent *proposed = &request->events[index][i];
        *proposed = (Sagabase__V1__ProposedEvent)SAGABASE__V1__PROPOSED_EVENT__INIT;
        snprintf(request->ids[index][i], ID_BYTES,
                 "%08" PRIx32 "-%04" PRIx32 "-4000-8000-%012" PRIx32, tag, *event, number);
        proposed->id = request->ids[index][i];
        proposed->type = (char *)"Noted";
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

void request_put_append(struct request *request, const struct operation *operation, uint32_t tag,
                        uint32_t number)
{
    uint32_t event = 0;

    request->append = (Sagabase__V1__AppendRequest)SAGABASE__V1__APPEND_REQUEST__INIT;
    for (uint32_t i = 0; i < operation->part_count; i++) {
        if (operation->parts[i].events == 0) {
            put_check(request, i, &operation->parts[i]);
            continue;
        }
        put_part(request, i, &operation->parts[i]);
        put_events(request, tag, number, i, operation->parts[i].events, &event);
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
