/* Runs the conformance script with the C client library.
 *
 *   run SCRIPT HOST:PORT
 *
 * Prints `ok - case` or `not ok - case: why` for each case. Cases of raw calls are
 * passed over. */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "clients/c/sagabase.h"
#include "tests/conformance/message_json.h"
#include "tests/conformance/notation.h"

enum { ARENA_BYTES = 64 << 20, SUBSCRIPTIONS_MAX = 4, SESSION_IN_FLIGHT_MAX = 256 };

static const struct sagabase_options options = {.timeout_ms = 30000};

struct subscription {
    const char *name; /* NULL: free */
    struct sagabase_subscription *call;
    json_t *pending; /* events that came behind what a step waited for */
};

struct run {
    struct sagabase_client *client;
    struct arena arena; /* of one step */
    json_t *variables;  /* of one case */
    struct subscription subscriptions[SUBSCRIPTIONS_MAX];
    char why[WHY_BYTES];
};

/* --- calls ------------------------------------------------------------------------ */

struct unary {
    const char *name;
    const ProtobufCMessageDescriptor *request_type;
    struct sagabase_status (*call)(struct sagabase_client *client, const void *request,
                                   void *response);
};

#define UNARY(function, request_name, response_name)                                               \
    static struct sagabase_status call_##function(struct sagabase_client *client,                  \
                                                  const void *request, void *response)             \
    {                                                                                              \
        return sagabase_##function(client, request, &options,                                      \
                                   (Sagabase__V1__##response_name **)response);                    \
    }

UNARY(append_to_stream, AppendToStreamRequest, AppendToStreamResponse)
UNARY(append, AppendRequest, AppendResponse)
UNARY(get_stream, GetStreamRequest, GetStreamResponse)
UNARY(list_streams, ListStreamsRequest, ListStreamsResponse)
UNARY(list_event_types, ListEventTypesRequest, ListEventTypesResponse)
UNARY(list_categories, ListCategoriesRequest, ListCategoriesResponse)
UNARY(set_stream_policy, SetStreamPolicyRequest, SetStreamPolicyResponse)
UNARY(get_stream_policy, GetStreamPolicyRequest, GetStreamPolicyResponse)
UNARY(delete_stream, DeleteStreamRequest, DeleteStreamResponse)
UNARY(tombstone_stream, TombstoneStreamRequest, TombstoneStreamResponse)
UNARY(get_info, GetInfoRequest, GetInfoResponse)
UNARY(put_snapshot, PutSnapshotRequest, PutSnapshotResponse)
UNARY(get_snapshot, GetSnapshotRequest, GetSnapshotResponse)
UNARY(delete_snapshot, DeleteSnapshotRequest, DeleteSnapshotResponse)
UNARY(list_snapshots, ListSnapshotsRequest, ListSnapshotsResponse)
UNARY(set_snapshot_policy, SetSnapshotPolicyRequest, SetSnapshotPolicyResponse)
UNARY(list_snapshot_policies, ListSnapshotPoliciesRequest, ListSnapshotPoliciesResponse)
UNARY(put_reducer, PutReducerRequest, PutReducerResponse)
UNARY(delete_reducer, DeleteReducerRequest, DeleteReducerResponse)
UNARY(list_reducers, ListReducersRequest, ListReducersResponse)
UNARY(get_state, GetStateRequest, GetStateResponse)
UNARY(put_upcaster, PutUpcasterRequest, PutUpcasterResponse)
UNARY(delete_upcaster, DeleteUpcasterRequest, DeleteUpcasterResponse)
UNARY(list_upcasters, ListUpcastersRequest, ListUpcastersResponse)

static const struct unary unaries[] = {
    {"AppendToStream", &sagabase__v1__append_to_stream_request__descriptor, call_append_to_stream},
    {"Append", &sagabase__v1__append_request__descriptor, call_append},
    {"GetStream", &sagabase__v1__get_stream_request__descriptor, call_get_stream},
    {"ListStreams", &sagabase__v1__list_streams_request__descriptor, call_list_streams},
    {"ListEventTypes", &sagabase__v1__list_event_types_request__descriptor, call_list_event_types},
    {"ListCategories", &sagabase__v1__list_categories_request__descriptor, call_list_categories},
    {"SetStreamPolicy", &sagabase__v1__set_stream_policy_request__descriptor,
     call_set_stream_policy},
    {"GetStreamPolicy", &sagabase__v1__get_stream_policy_request__descriptor,
     call_get_stream_policy},
    {"DeleteStream", &sagabase__v1__delete_stream_request__descriptor, call_delete_stream},
    {"TombstoneStream", &sagabase__v1__tombstone_stream_request__descriptor, call_tombstone_stream},
    {"GetInfo", &sagabase__v1__get_info_request__descriptor, call_get_info},
    {"PutSnapshot", &sagabase__v1__put_snapshot_request__descriptor, call_put_snapshot},
    {"GetSnapshot", &sagabase__v1__get_snapshot_request__descriptor, call_get_snapshot},
    {"DeleteSnapshot", &sagabase__v1__delete_snapshot_request__descriptor, call_delete_snapshot},
    {"ListSnapshots", &sagabase__v1__list_snapshots_request__descriptor, call_list_snapshots},
    {"SetSnapshotPolicy", &sagabase__v1__set_snapshot_policy_request__descriptor,
     call_set_snapshot_policy},
    {"ListSnapshotPolicies", &sagabase__v1__list_snapshot_policies_request__descriptor,
     call_list_snapshot_policies},
    {"PutReducer", &sagabase__v1__put_reducer_request__descriptor, call_put_reducer},
    {"DeleteReducer", &sagabase__v1__delete_reducer_request__descriptor, call_delete_reducer},
    {"ListReducers", &sagabase__v1__list_reducers_request__descriptor, call_list_reducers},
    {"GetState", &sagabase__v1__get_state_request__descriptor, call_get_state},
    {"PutUpcaster", &sagabase__v1__put_upcaster_request__descriptor, call_put_upcaster},
    {"DeleteUpcaster", &sagabase__v1__delete_upcaster_request__descriptor, call_delete_upcaster},
    {"ListUpcasters", &sagabase__v1__list_upcasters_request__descriptor, call_list_upcasters},
};

/* A part of the step, written out and as a message in the arena. */
static const void *request_of(struct run *run, const ProtobufCMessageDescriptor *type,
                              const json_t *json)
{
    json_t *expanded = notation_expand(json);
    json_t *body = notation_substitute(expanded, run->variables);
    const void *request = message_from_json(type, body, &run->arena);

    json_decref(expanded);
    json_decref(body);
    return request;
}

static struct sagabase_status call_unary(struct run *run, const struct unary *unary,
                                         const json_t *step, json_t **answer)
{
    const void *request = request_of(run, unary->request_type, json_object_get(step, "request"));
    ProtobufCMessage *response = NULL;
    struct sagabase_status status = unary->call(run->client, request, &response);

    if (status.code == SAGABASE_OK) {
        *answer = json_from_message(response);
        protobuf_c_message_free_unpacked(response, NULL);
    }
    return status;
}

static void add_events(json_t *events, Sagabase__V1__RecordedEvent *const *recorded, size_t count)
{
    for (size_t i = 0; i < count; i++)
        json_array_append_new(events, json_from_message(&recorded[i]->base));
}

static struct sagabase_status call_read(struct run *run, const char *name, const json_t *request,
                                        json_t **answer)
{
    struct sagabase_read *read = NULL;
    struct sagabase_page page = {0};
    struct sagabase_status status =
        strcmp(name, "ReadAll") == 0
            ? sagabase_read_all(
                  run->client,
                  request_of(run, &sagabase__v1__read_all_request__descriptor, request), &options,
                  &read)
            : sagabase_read_stream(
                  run->client,
                  request_of(run, &sagabase__v1__read_stream_request__descriptor, request),
                  &options, &read);

    *answer = json_array();
    while (status.code == SAGABASE_OK &&
           (status = sagabase_read_next(read, &page)).code == SAGABASE_OK && page.count > 0)
        add_events(*answer, page.events, page.count);
    sagabase_read_close(read);
    return status;
}

static struct sagabase_status call_load(struct run *run, const json_t *request, json_t **answer)
{
    struct sagabase_read *read = NULL;
    struct sagabase_page page;
    struct sagabase_status status = sagabase_load_stream(
        run->client, request_of(run, &sagabase__v1__load_stream_request__descriptor, request),
        &options, &read);
    json_t *events = json_array();
    bool due = false;

    *answer = json_pack("{s:o}", "events", events);
    while (status.code == SAGABASE_OK &&
           (status = sagabase_read_next(read, &page)).code == SAGABASE_OK &&
           (page.count > 0 || page.snapshot)) {
        if (page.snapshot)
            json_object_set_new(*answer, "snapshot", json_from_message(&page.snapshot->base));
        due |= page.due;
        add_events(events, page.events, page.count);
    }
    json_object_set_new(*answer, "due", json_boolean(due));
    sagabase_read_close(read);
    return status;
}

static struct sagabase_status subscribe(struct run *run, const json_t *request,
                                        struct sagabase_subscription **subscription)
{
    return sagabase_subscribe(
        run->client, request_of(run, &sagabase__v1__subscribe_request__descriptor, request),
        &options, subscription);
}

/* To its end, which is an error. */
static struct sagabase_status call_subscribe(struct run *run, const json_t *request)
{
    struct sagabase_subscription *subscription = NULL;
    const Sagabase__V1__SubscribeResponse *message;
    struct sagabase_status status = subscribe(run, request, &subscription);

    while (status.code == SAGABASE_OK)
        status = sagabase_subscription_next(subscription, &message);
    sagabase_subscription_close(subscription);
    return status;
}

static struct sagabase_status receive_results(struct sagabase_session *session, json_t *results,
                                              size_t *received)
{
    const Sagabase__V1__AppendSessionResponse *response = NULL;
    struct sagabase_status status = sagabase_session_receive(session, &response);

    *received = 0;
    if (status.code != SAGABASE_OK || !response)
        return status;
    *received = response->n_results;
    for (size_t i = 0; i < response->n_results; i++)
        json_array_append_new(results, json_from_message(&response->results[i]->base));
    return status;
}

static struct sagabase_status call_session(struct run *run, const json_t *step, json_t **answer)
{
    json_t *requests = notation_expand(json_object_get(step, "requests"));
    struct sagabase_session *session = NULL;
    struct sagabase_status status = sagabase_session_open(run->client, &options, &session);
    size_t in_flight = 0, received = 0;

    *answer = json_array();
    for (size_t i = 0; i < json_array_size(requests) && status.code == SAGABASE_OK; i++) {
        status = sagabase_session_send(
            session, request_of(run, &sagabase__v1__append_session_request__descriptor,
                                json_array_get(requests, i)));
        in_flight++;
        while (in_flight == SESSION_IN_FLIGHT_MAX && status.code == SAGABASE_OK) {
            status = receive_results(session, *answer, &received);
            in_flight -= received;
        }
    }
    if (status.code == SAGABASE_OK)
        status = sagabase_session_finish(session);
    do {
        if (status.code == SAGABASE_OK)
            status = receive_results(session, *answer, &received);
    } while (status.code == SAGABASE_OK && received > 0);
    sagabase_session_close(session);
    json_decref(requests);
    return status;
}

/* --- steps --------------------------------------------------------------------------- */

static json_t *state_json(const struct sagabase_stream_state *state)
{
    char revision[32];

    if (state->state != SAGABASE__V1__STREAM_STATE__STREAM_STATE_UNSPECIFIED)
        return json_from_enum(&sagabase__v1__stream_state__descriptor, (int)state->state);
    snprintf(revision, sizeof revision, "%llu", (unsigned long long)state->revision);
    return json_string(revision);
}

static bool is_state(const struct sagabase_stream_state *state)
{
    return state->state != SAGABASE__V1__STREAM_STATE__STREAM_STATE_UNSPECIFIED;
}

static json_t *conflict_json(const struct sagabase_conflict *conflict)
{
    return json_pack("{s:s, s:o, s:o}", "stream", conflict->stream,
                     is_state(&conflict->expected) ? "expected_state" : "expected_revision",
                     state_json(&conflict->expected),
                     is_state(&conflict->actual) ? "actual_state" : "actual_revision",
                     state_json(&conflict->actual));
}

static bool check_condition(struct run *run, const json_t *expected,
                            const struct sagabase_status *status)
{
    char position[32];

    if (!status->condition_failed) {
        snprintf(run->why, WHY_BYTES, "condition: did not fail");
        return false;
    }
    snprintf(position, sizeof position, "%llu", (unsigned long long)status->condition_position);
    json_t *condition = json_pack("{s:s}", "position", position);
    bool same = notation_compare(expected, condition, run->variables, "condition", run->why);
    json_decref(condition);
    return same;
}

static bool check_error(struct run *run, const json_t *expected,
                        const struct sagabase_status *status)
{
    const char *code = json_string_value(json_object_get(expected, "code"));
    const char *message = json_string_value(json_object_get(expected, "message"));
    const json_t *wanted = json_object_get(expected, "conflict");

    if (strcmp(sagabase_code_name(status->code), code) != 0) {
        snprintf(run->why, WHY_BYTES, "code: %s (%.200s) instead of %s",
                 sagabase_code_name(status->code), status->message, code);
        return false;
    }
    if (!strstr(status->message, message)) {
        snprintf(run->why, WHY_BYTES, "message: '%.200s' without '%s'", status->message, message);
        return false;
    }
    if (json_object_get(expected, "condition"))
        return check_condition(run, json_object_get(expected, "condition"), status);
    if (!wanted)
        return true;
    json_t *conflict = conflict_json(&status->conflict);
    bool same = notation_compare(wanted, conflict, run->variables, "conflict", run->why);
    json_decref(conflict);
    return same;
}

static struct sagabase_status run_call(struct run *run, const json_t *step, const char **part,
                                       json_t **answer)
{
    const char *name = json_string_value(json_object_get(step, "call"));
    const json_t *request = json_object_get(step, "request");

    for (size_t i = 0; i < sizeof unaries / sizeof *unaries; i++)
        if (strcmp(name, unaries[i].name) == 0) {
            *part = "response";
            return call_unary(run, &unaries[i], step, answer);
        }
    if (strcmp(name, "AppendSession") == 0) {
        *part = "results";
        return call_session(run, step, answer);
    }
    if (strcmp(name, "LoadStream") == 0) {
        *part = "loaded";
        return call_load(run, request, answer);
    }
    *part = "events";
    return strcmp(name, "Subscribe") == 0 ? call_subscribe(run, request)
                                          : call_read(run, name, request, answer);
}

static bool step_call(struct run *run, const json_t *step)
{
    const json_t *error = json_object_get(step, "error");
    const char *part = NULL;
    json_t *answer = NULL;
    struct sagabase_status status = run_call(run, step, &part, &answer);
    bool good;

    if (error) {
        good = check_error(run, error, &status);
    } else if (status.code != SAGABASE_OK) {
        snprintf(run->why, WHY_BYTES, "%s: %.300s", sagabase_code_name(status.code),
                 status.message);
        good = false;
    } else {
        json_t *expected = notation_expand(json_object_get(step, part));
        good = notation_compare(expected, answer, run->variables, part, run->why);
        json_decref(expected);
    }
    json_decref(answer);
    return good;
}

static struct subscription *find_subscription(struct run *run, const char *name)
{
    for (size_t i = 0; i < SUBSCRIPTIONS_MAX; i++) {
        const char *taken = run->subscriptions[i].name;
        if (name ? taken && strcmp(taken, name) == 0 : !taken)
            return &run->subscriptions[i];
    }
    assert(!"the script names a subscription that is open");
    return NULL;
}

static bool step_open(struct run *run, const json_t *step)
{
    struct subscription *subscription = find_subscription(run, NULL);
    struct sagabase_status status =
        subscribe(run, json_object_get(step, "request"), &subscription->call);

    if (status.code != SAGABASE_OK) {
        snprintf(run->why, WHY_BYTES, "%.400s", status.message);
        return false;
    }
    subscription->name = json_string_value(json_object_get(step, "as"));
    subscription->pending = json_array();
    return true;
}

static void close_subscription(struct subscription *subscription)
{
    sagabase_subscription_close(subscription->call);
    json_decref(subscription->pending);
    *subscription = (struct subscription){0};
}

/* Reads on; `events` grows. True with the message that was waited for, or with enough events. */
static bool read_on(struct run *run, struct subscription *subscription, const char *until,
                    size_t enough, json_t *events, json_t **message)
{
    while (until || json_array_size(events) < enough) {
        const Sagabase__V1__SubscribeResponse *response;
        struct sagabase_status status = sagabase_subscription_next(subscription->call, &response);
        if (status.code != SAGABASE_OK) {
            snprintf(run->why, WHY_BYTES, "subscription ended: %.300s", status.message);
            return false;
        }
        if (response->message_case == SAGABASE__V1__SUBSCRIBE_RESPONSE__MESSAGE_EVENTS)
            add_events(events, response->events->events, response->events->n_events);
        json_t *json = json_from_message(&response->base);
        *message = until ? json_incref(json_object_get(json, until)) : NULL;
        json_decref(json);
        if (*message)
            break;
    }
    return true;
}

static bool step_receive(struct run *run, const json_t *step)
{
    struct subscription *subscription =
        find_subscription(run, json_string_value(json_object_get(step, "receive")));
    const char *until = json_string_value(json_object_get(step, "until"));
    const json_t *wanted_message = json_object_get(step, "message");
    json_t *wanted = notation_expand(json_object_get(step, "events"));
    json_t *events = subscription->pending, *message = NULL;
    size_t enough = json_array_size(wanted);

    subscription->pending = json_array();
    bool good = read_on(run, subscription, until, enough, events, &message);
    if (good && message && wanted_message)
        good = notation_compare(wanted_message, message, run->variables, until, run->why);
    while (!until && json_array_size(events) > enough) {
        json_array_append(subscription->pending, json_array_get(events, enough));
        json_array_remove(events, enough);
    }
    if (good && wanted)
        good = notation_compare(wanted, events, run->variables, "events", run->why);
    json_decref(wanted);
    json_decref(events);
    json_decref(message);
    return good;
}

static bool run_step(struct run *run, const json_t *step)
{
    const json_t *cancel = json_object_get(step, "cancel");

    if (json_object_get(step, "open"))
        return step_open(run, step);
    if (json_object_get(step, "receive"))
        return step_receive(run, step);
    if (!cancel)
        return step_call(run, step);
    close_subscription(find_subscription(run, json_string_value(cancel)));
    return true;
}

/* The library sends no bytes that are no request. */
static bool is_raw(const json_t *one)
{
    return json_object_get(json_array_get(json_object_get(one, "steps"), 0), "raw") != NULL;
}

static bool run_case(struct run *run, const json_t *one)
{
    const char *name = json_string_value(json_object_get(one, "name"));
    const json_t *steps = json_object_get(one, "steps");
    bool good = true;
    size_t i = 0;

    run->variables = json_object();
    for (; i < json_array_size(steps) && good; i++) {
        arena_init(&run->arena, ARENA_BYTES);
        good = run_step(run, json_array_get(steps, i));
        arena_destroy(&run->arena);
    }
    for (size_t j = 0; j < SUBSCRIPTIONS_MAX; j++)
        if (run->subscriptions[j].name)
            close_subscription(&run->subscriptions[j]);
    json_decref(run->variables);
    if (good)
        printf("ok - %s\n", name);
    else
        printf("not ok - %s: step %zu: %s\n", name, i, run->why);
    return good;
}

int main(int argc, char **argv)
{
    struct run run = {0};
    json_error_t error;
    size_t failures = 0;

    if (argc != 3) {
        fprintf(stderr, "usage: run SCRIPT HOST:PORT\n");
        return 2;
    }
    json_t *script = json_load_file(argv[1], 0, &error);
    if (!script) {
        fprintf(stderr, "%s:%d: %s\n", argv[1], error.line, error.text);
        return 2;
    }
    struct sagabase_status status = sagabase_open(argv[2], &run.client);
    assert(status.code == SAGABASE_OK);
    const json_t *cases = json_object_get(script, "cases");
    for (size_t i = 0; i < json_array_size(cases); i++)
        if (!is_raw(json_array_get(cases, i)))
            failures += !run_case(&run, json_array_get(cases, i));
    sagabase_close(run.client);
    json_decref(script);
    return failures ? 1 : 0;
}
