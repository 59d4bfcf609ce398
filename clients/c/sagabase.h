/* The C client of Sagabase.
 *
 *   struct sagabase_client *client;
 *   struct sagabase_status status = sagabase_open("127.0.0.1:2113", &client);
 *   if (status.code == SAGABASE_OK)
 *       status = sagabase_append_to_stream(client, &request, NULL, &response);
 *
 * Data are the messages of protos/sagabase/v1/ as protobuf-c generates them: what a field means,
 * its unit and its limits are told there.
 *
 * Every function blocks until it has its answer. A client is one connection and may be used by
 * any number of threads at once; what a read, a subscription or a session allows is told there.
 *
 * Ownership: requests and options are borrowed for the call. The response of a unary call is the
 * caller's: free it with its generated ..._free_unpacked(response, NULL). What a read, subscription
 * or session hands out is borrowed until its next ..._next or ..._receive, or its close. An output
 * parameter is written only together with SAGABASE_OK. */
#ifndef SAGABASE_H
#define SAGABASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sagabase/v1/admin.pb-c.h"
#include "sagabase/v1/event_store.pb-c.h"
#include "sagabase/v1/participant.pb-c.h"
#include "sagabase/v1/reducers.pb-c.h"
#include "sagabase/v1/saga_definition.pb-c.h"
#include "sagabase/v1/sagas.pb-c.h"
#include "sagabase/v1/snapshots.pb-c.h"

/* --- errors --------------------------------------------------------------- */

/* gRPC's codes. What each means for a method is told at the method, in the .proto. */
enum sagabase_code {
    SAGABASE_OK = 0,
    SAGABASE_CANCELLED = 1, /* by ..._cancel or ..._close, never by the server */
    SAGABASE_UNKNOWN = 2,
    SAGABASE_INVALID_ARGUMENT = 3,
    SAGABASE_DEADLINE_EXCEEDED = 4,
    SAGABASE_NOT_FOUND = 5,
    SAGABASE_ALREADY_EXISTS = 6,
    SAGABASE_PERMISSION_DENIED = 7,
    SAGABASE_RESOURCE_EXHAUSTED = 8,
    SAGABASE_FAILED_PRECONDITION = 9,
    SAGABASE_ABORTED = 10, /* the status tells why: read again, decide again */
    SAGABASE_OUT_OF_RANGE = 11,
    SAGABASE_UNIMPLEMENTED = 12,
    SAGABASE_INTERNAL = 13,
    SAGABASE_UNAVAILABLE = 14, /* not reached: try the same again, an append with the same ids */
    SAGABASE_DATA_LOSS = 15,
    SAGABASE_UNAUTHENTICATED = 16,
};

enum {
    SAGABASE_MESSAGE_BYTES = 512,      /* of a status, with the NUL; longer ones are cut */
    SAGABASE_STREAM_NAME_BYTES = 1025, /* with the NUL */
    SAGABASE_UUID_BYTES = 37,          /* with the NUL */
};

/* A stream's state: with UNSPECIFIED it is at `revision`. */
struct sagabase_stream_state {
    Sagabase__V1__StreamState state;
    uint64_t revision;
};

/* The first stream of an append that was not as expected. */
struct sagabase_conflict {
    char stream[SAGABASE_STREAM_NAME_BYTES]; /* empty: there was no conflict */
    struct sagabase_stream_state expected;
    struct sagabase_stream_state actual;
};

/* A value: nothing to free. */
struct sagabase_status {
    enum sagabase_code code;
    char message[SAGABASE_MESSAGE_BYTES]; /* for people */

    /* Set with SAGABASE_ABORTED, one or the other: */
    struct sagabase_conflict conflict;
    bool condition_failed;       /* the append's condition did not hold ... */
    uint64_t condition_position; /* ... because of the event at this position */
};

/* "ABORTED" for SAGABASE_ABORTED. Static memory. Any thread. */
const char *sagabase_code_name(enum sagabase_code code);

/* --- client ---------------------------------------------------------------- */

struct sagabase_client;

/* How one call is made. NULL stands for all zero. */
struct sagabase_options {
    /* Until the call is given up with SAGABASE_DEADLINE_EXCEEDED, retries included: milliseconds,
     * 0: never. For a read, subscription or session: its whole life. */
    int64_t timeout_ms;

    /* How often a unary call that ended with SAGABASE_UNAVAILABLE is made again, after 50 ms,
     * then twice as long each time up to 5 s. Safe for appends too: they carry their event ids,
     * and the server stores no event twice. 0: never. Reads, subscriptions and sessions are not
     * retried: resume them from the last event seen. */
    unsigned retries;

    /* While there is no connection, wait for one as long as the time allows, instead of ending the
     * call with SAGABASE_UNAVAILABLE. */
    bool wait_for_server;

    /* The trace that the call belongs to, as W3C Trace Context writes it: of a command that is
     * worked on, Command.traceparent and tracestate. NULL or empty: none. The server keeps it with
     * the events that the call appends and with the saga that it starts. */
    const char *traceparent;
    const char *tracestate;
};

/* Prepares a connection to `target`, "host:port", which is made with the first call and made again
 * when it is lost. Pings the server every 30 s while a call is open, so that a dead
 * connection is noticed within 40 s. Proxies of the environment are not used. INVALID_ARGUMENT: the
 * target is empty. Close the client with sagabase_close. Any thread; do not fork() afterwards. */
struct sagabase_status sagabase_open(const char *target, struct sagabase_client **client);

/* No call of the client may be underway, and its reads, subscriptions and sessions must be
 * closed. NULL is allowed. */
void sagabase_close(struct sagabase_client *client);

/* A new random event id in text form, with a NUL. Choose it before the first try of an append
 * and keep it for the others. Any thread. */
void sagabase_uuid(char text[SAGABASE_UUID_BYTES]);

/* --- unary calls: any thread ------------------------------------------------ */

struct sagabase_status sagabase_append_to_stream(struct sagabase_client *client,
                                                 const Sagabase__V1__AppendToStreamRequest *request,
                                                 const struct sagabase_options *options,
                                                 Sagabase__V1__AppendToStreamResponse **response);

struct sagabase_status sagabase_append(struct sagabase_client *client,
                                       const Sagabase__V1__AppendRequest *request,
                                       const struct sagabase_options *options,
                                       Sagabase__V1__AppendResponse **response);

struct sagabase_status sagabase_get_stream(struct sagabase_client *client,
                                           const Sagabase__V1__GetStreamRequest *request,
                                           const struct sagabase_options *options,
                                           Sagabase__V1__GetStreamResponse **response);

struct sagabase_status sagabase_list_streams(struct sagabase_client *client,
                                             const Sagabase__V1__ListStreamsRequest *request,
                                             const struct sagabase_options *options,
                                             Sagabase__V1__ListStreamsResponse **response);

struct sagabase_status sagabase_list_event_types(struct sagabase_client *client,
                                                 const Sagabase__V1__ListEventTypesRequest *request,
                                                 const struct sagabase_options *options,
                                                 Sagabase__V1__ListEventTypesResponse **response);

struct sagabase_status sagabase_list_categories(struct sagabase_client *client,
                                                const Sagabase__V1__ListCategoriesRequest *request,
                                                const struct sagabase_options *options,
                                                Sagabase__V1__ListCategoriesResponse **response);

struct sagabase_status sagabase_set_stream_policy(
    struct sagabase_client *client, const Sagabase__V1__SetStreamPolicyRequest *request,
    const struct sagabase_options *options, Sagabase__V1__SetStreamPolicyResponse **response);

struct sagabase_status sagabase_get_stream_policy(
    struct sagabase_client *client, const Sagabase__V1__GetStreamPolicyRequest *request,
    const struct sagabase_options *options, Sagabase__V1__GetStreamPolicyResponse **response);

struct sagabase_status sagabase_delete_stream(struct sagabase_client *client,
                                              const Sagabase__V1__DeleteStreamRequest *request,
                                              const struct sagabase_options *options,
                                              Sagabase__V1__DeleteStreamResponse **response);

struct sagabase_status sagabase_tombstone_stream(
    struct sagabase_client *client, const Sagabase__V1__TombstoneStreamRequest *request,
    const struct sagabase_options *options, Sagabase__V1__TombstoneStreamResponse **response);

struct sagabase_status sagabase_erase_stream(struct sagabase_client *client,
                                             const Sagabase__V1__EraseStreamRequest *request,
                                             const struct sagabase_options *options,
                                             Sagabase__V1__EraseStreamResponse **response);

struct sagabase_status sagabase_erase_event(struct sagabase_client *client,
                                            const Sagabase__V1__EraseEventRequest *request,
                                            const struct sagabase_options *options,
                                            Sagabase__V1__EraseEventResponse **response);

struct sagabase_status sagabase_get_info(struct sagabase_client *client,
                                         const Sagabase__V1__GetInfoRequest *request,
                                         const struct sagabase_options *options,
                                         Sagabase__V1__GetInfoResponse **response);

struct sagabase_status sagabase_checkpoint(struct sagabase_client *client,
                                           const Sagabase__V1__CheckpointRequest *request,
                                           const struct sagabase_options *options,
                                           Sagabase__V1__CheckpointResponse **response);

struct sagabase_status sagabase_start_scavenge(struct sagabase_client *client,
                                               const Sagabase__V1__StartScavengeRequest *request,
                                               const struct sagabase_options *options,
                                               Sagabase__V1__StartScavengeResponse **response);

struct sagabase_status sagabase_get_scavenge(struct sagabase_client *client,
                                             const Sagabase__V1__GetScavengeRequest *request,
                                             const struct sagabase_options *options,
                                             Sagabase__V1__GetScavengeResponse **response);

struct sagabase_status sagabase_cancel_scavenge(struct sagabase_client *client,
                                                const Sagabase__V1__CancelScavengeRequest *request,
                                                const struct sagabase_options *options,
                                                Sagabase__V1__CancelScavengeResponse **response);

struct sagabase_status sagabase_set_log_level(struct sagabase_client *client,
                                              const Sagabase__V1__SetLogLevelRequest *request,
                                              const struct sagabase_options *options,
                                              Sagabase__V1__SetLogLevelResponse **response);

/* --- reading ----------------------------------------------------------------- */

/* A read underway: pages of events until its end. */
struct sagabase_read;

/* Events of one page, in the direction of the read. */
struct sagabase_page {
    Sagabase__V1__RecordedEvent *const *events;
    size_t count; /* 0: the read has come to its end, unless there is a snapshot */

    /* Of sagabase_load_stream, in its first page only: */
    const Sagabase__V1__Snapshot *snapshot; /* before the events; NULL: the stream has none */
    bool due;                               /* it is time for the next one */
};

/* These return before the server has answered: its errors (NOT_FOUND ...) come from
 * sagabase_read_next. Any thread. Close the read with sagabase_read_close. */
struct sagabase_status sagabase_read_stream(struct sagabase_client *client,
                                            const Sagabase__V1__ReadStreamRequest *request,
                                            const struct sagabase_options *options,
                                            struct sagabase_read **read);
struct sagabase_status sagabase_read_all(struct sagabase_client *client,
                                         const Sagabase__V1__ReadAllRequest *request,
                                         const struct sagabase_options *options,
                                         struct sagabase_read **read);

/* The newest snapshot of a stream, if it has one, then the events behind it. */
struct sagabase_status sagabase_load_stream(struct sagabase_client *client,
                                            const Sagabase__V1__LoadStreamRequest *request,
                                            const struct sagabase_options *options,
                                            struct sagabase_read **read);

/* Waits for the next page. After an empty page or an error it gives the same again.
 * One thread at a time. */
struct sagabase_status sagabase_read_next(struct sagabase_read *read, struct sagabase_page *page);

/* Makes sagabase_read_next return SAGABASE_CANCELLED soon. Any thread, also while another waits
 * there; not from a signal handler: let a thread that waits in sigwait() call it. */
void sagabase_read_cancel(struct sagabase_read *read);

/* Ends the read, wherever it is, and frees it. No other call on it may be underway. NULL is
 * allowed. */
void sagabase_read_close(struct sagabase_read *read);

/* --- subscribing -------------------------------------------------------------- */

/* Past events, then new ones. */
struct sagabase_subscription;

/* Threads, errors and close as for sagabase_read_stream. */
struct sagabase_status sagabase_subscribe(struct sagabase_client *client,
                                          const Sagabase__V1__SubscribeRequest *request,
                                          const struct sagabase_options *options,
                                          struct sagabase_subscription **subscription);

/* Waits for the next message. It never ends well: what ends a subscription is an error. With
 * SAGABASE_UNAVAILABLE subscribe again behind the last event or checkpoint seen.
 * One thread at a time. */
struct sagabase_status sagabase_subscription_next(struct sagabase_subscription *subscription,
                                                  const Sagabase__V1__SubscribeResponse **message);

/* As sagabase_read_cancel. */
void sagabase_subscription_cancel(struct sagabase_subscription *subscription);

/* As sagabase_read_close. */
void sagabase_subscription_close(struct sagabase_subscription *subscription);

/* --- append sessions ------------------------------------------------------------ */

/* Many appends in flight on one call. One thread may send while another receives; a single thread
 * may do both as long as it never has more than 256 appends in flight. */
struct sagabase_session;

/* Returns before the server has answered. Any thread. Close it with sagabase_session_close. */
struct sagabase_status sagabase_session_open(struct sagabase_client *client,
                                             const struct sagabase_options *options,
                                             struct sagabase_session **session);

/* Sends one append; waits while the server takes no more. SAGABASE_CANCELLED: the session is
 * over, and sagabase_session_receive tells why; what of the appends without a result is stored is
 * unknown: send them again, with the same event ids, in a new session.
 * One thread at a time. */
struct sagabase_status sagabase_session_send(struct sagabase_session *session,
                                             const Sagabase__V1__AppendSessionRequest *request);

/* Says that nothing more will be sent: when the results are out, receive gives NULL.
 * The sending thread, once. */
struct sagabase_status sagabase_session_finish(struct sagabase_session *session);

/* Waits for the next results. NULL: there are no more, all is answered. One thread at a time. */
struct sagabase_status sagabase_session_receive(
    struct sagabase_session *session, const Sagabase__V1__AppendSessionResponse **response);

/* An append's failure as a status. */
struct sagabase_status sagabase_failure(const Sagabase__V1__AppendFailure *failure);

/* As sagabase_read_cancel: sending and receiving end soon. */
void sagabase_session_cancel(struct sagabase_session *session);

/* As sagabase_read_close. Appends without a result may or may not be stored. */
void sagabase_session_close(struct sagabase_session *session);

/* --- snapshots: unary calls, any thread -------------------------------------------- */

struct sagabase_status sagabase_put_snapshot(struct sagabase_client *client,
                                             const Sagabase__V1__PutSnapshotRequest *request,
                                             const struct sagabase_options *options,
                                             Sagabase__V1__PutSnapshotResponse **response);

struct sagabase_status sagabase_get_snapshot(struct sagabase_client *client,
                                             const Sagabase__V1__GetSnapshotRequest *request,
                                             const struct sagabase_options *options,
                                             Sagabase__V1__GetSnapshotResponse **response);

struct sagabase_status sagabase_delete_snapshot(struct sagabase_client *client,
                                                const Sagabase__V1__DeleteSnapshotRequest *request,
                                                const struct sagabase_options *options,
                                                Sagabase__V1__DeleteSnapshotResponse **response);

struct sagabase_status sagabase_list_snapshots(struct sagabase_client *client,
                                               const Sagabase__V1__ListSnapshotsRequest *request,
                                               const struct sagabase_options *options,
                                               Sagabase__V1__ListSnapshotsResponse **response);

struct sagabase_status sagabase_set_snapshot_policy(
    struct sagabase_client *client, const Sagabase__V1__SetSnapshotPolicyRequest *request,
    const struct sagabase_options *options, Sagabase__V1__SetSnapshotPolicyResponse **response);

struct sagabase_status sagabase_list_snapshot_policies(
    struct sagabase_client *client, const Sagabase__V1__ListSnapshotPoliciesRequest *request,
    const struct sagabase_options *options, Sagabase__V1__ListSnapshotPoliciesResponse **response);

/* --- snapshots that are due ---------------------------------------------------------- */

/* Streams as they become due for a snapshot. */
struct sagabase_due;

/* Threads, errors and close as for sagabase_read_stream. */
struct sagabase_status sagabase_subscribe_due(struct sagabase_client *client,
                                              const Sagabase__V1__SubscribeDueRequest *request,
                                              const struct sagabase_options *options,
                                              struct sagabase_due **due);

/* Waits for the next stream. It never ends well: what ends it is an error. With
 * SAGABASE_UNAVAILABLE subscribe again: what is due then is told again. One thread at a time. */
struct sagabase_status sagabase_due_next(struct sagabase_due *due,
                                         const Sagabase__V1__SubscribeDueResponse **stream);

/* As sagabase_read_cancel. */
void sagabase_due_cancel(struct sagabase_due *due);

/* As sagabase_read_close. */
void sagabase_due_close(struct sagabase_due *due);

/* --- reducers and upcasters: unary calls, any thread -------------------------------- */

struct sagabase_status sagabase_put_reducer(struct sagabase_client *client,
                                            const Sagabase__V1__PutReducerRequest *request,
                                            const struct sagabase_options *options,
                                            Sagabase__V1__PutReducerResponse **response);

struct sagabase_status sagabase_delete_reducer(struct sagabase_client *client,
                                               const Sagabase__V1__DeleteReducerRequest *request,
                                               const struct sagabase_options *options,
                                               Sagabase__V1__DeleteReducerResponse **response);

struct sagabase_status sagabase_list_reducers(struct sagabase_client *client,
                                              const Sagabase__V1__ListReducersRequest *request,
                                              const struct sagabase_options *options,
                                              Sagabase__V1__ListReducersResponse **response);

struct sagabase_status sagabase_get_state(struct sagabase_client *client,
                                          const Sagabase__V1__GetStateRequest *request,
                                          const struct sagabase_options *options,
                                          Sagabase__V1__GetStateResponse **response);

struct sagabase_status sagabase_put_upcaster(struct sagabase_client *client,
                                             const Sagabase__V1__PutUpcasterRequest *request,
                                             const struct sagabase_options *options,
                                             Sagabase__V1__PutUpcasterResponse **response);

struct sagabase_status sagabase_delete_upcaster(struct sagabase_client *client,
                                                const Sagabase__V1__DeleteUpcasterRequest *request,
                                                const struct sagabase_options *options,
                                                Sagabase__V1__DeleteUpcasterResponse **response);

struct sagabase_status sagabase_list_upcasters(struct sagabase_client *client,
                                               const Sagabase__V1__ListUpcastersRequest *request,
                                               const struct sagabase_options *options,
                                               Sagabase__V1__ListUpcastersResponse **response);

/* --- sagas: unary calls, any thread ----------------------------------------------- */

struct sagabase_status sagabase_put_definition(struct sagabase_client *client,
                                               const Sagabase__V1__PutDefinitionRequest *request,
                                               const struct sagabase_options *options,
                                               Sagabase__V1__PutDefinitionResponse **response);

struct sagabase_status sagabase_validate_definition(
    struct sagabase_client *client, const Sagabase__V1__ValidateDefinitionRequest *request,
    const struct sagabase_options *options, Sagabase__V1__ValidateDefinitionResponse **response);

struct sagabase_status sagabase_get_definition(struct sagabase_client *client,
                                               const Sagabase__V1__GetDefinitionRequest *request,
                                               const struct sagabase_options *options,
                                               Sagabase__V1__GetDefinitionResponse **response);

struct sagabase_status sagabase_list_definitions(
    struct sagabase_client *client, const Sagabase__V1__ListDefinitionsRequest *request,
    const struct sagabase_options *options, Sagabase__V1__ListDefinitionsResponse **response);

struct sagabase_status sagabase_set_default_version(
    struct sagabase_client *client, const Sagabase__V1__SetDefaultVersionRequest *request,
    const struct sagabase_options *options, Sagabase__V1__SetDefaultVersionResponse **response);

struct sagabase_status sagabase_start_saga(struct sagabase_client *client,
                                           const Sagabase__V1__StartSagaRequest *request,
                                           const struct sagabase_options *options,
                                           Sagabase__V1__StartSagaResponse **response);

struct sagabase_status sagabase_get_saga(struct sagabase_client *client,
                                         const Sagabase__V1__GetSagaRequest *request,
                                         const struct sagabase_options *options,
                                         Sagabase__V1__GetSagaResponse **response);

struct sagabase_status sagabase_list_sagas(struct sagabase_client *client,
                                           const Sagabase__V1__ListSagasRequest *request,
                                           const struct sagabase_options *options,
                                           Sagabase__V1__ListSagasResponse **response);

struct sagabase_status sagabase_signal_saga(struct sagabase_client *client,
                                            const Sagabase__V1__SignalSagaRequest *request,
                                            const struct sagabase_options *options,
                                            Sagabase__V1__SignalSagaResponse **response);

struct sagabase_status sagabase_cancel_saga(struct sagabase_client *client,
                                            const Sagabase__V1__CancelSagaRequest *request,
                                            const struct sagabase_options *options,
                                            Sagabase__V1__CancelSagaResponse **response);

struct sagabase_status sagabase_terminate_saga(struct sagabase_client *client,
                                               const Sagabase__V1__TerminateSagaRequest *request,
                                               const struct sagabase_options *options,
                                               Sagabase__V1__TerminateSagaResponse **response);

struct sagabase_status sagabase_pause_saga(struct sagabase_client *client,
                                           const Sagabase__V1__PauseSagaRequest *request,
                                           const struct sagabase_options *options,
                                           Sagabase__V1__PauseSagaResponse **response);

struct sagabase_status sagabase_resume_saga(struct sagabase_client *client,
                                            const Sagabase__V1__ResumeSagaRequest *request,
                                            const struct sagabase_options *options,
                                            Sagabase__V1__ResumeSagaResponse **response);

struct sagabase_status sagabase_retry_step(struct sagabase_client *client,
                                           const Sagabase__V1__RetryStepRequest *request,
                                           const struct sagabase_options *options,
                                           Sagabase__V1__RetryStepResponse **response);

struct sagabase_status sagabase_skip_step(struct sagabase_client *client,
                                          const Sagabase__V1__SkipStepRequest *request,
                                          const struct sagabase_options *options,
                                          Sagabase__V1__SkipStepResponse **response);

struct sagabase_status sagabase_resolve_step(struct sagabase_client *client,
                                             const Sagabase__V1__ResolveStepRequest *request,
                                             const struct sagabase_options *options,
                                             Sagabase__V1__ResolveStepResponse **response);

struct sagabase_status sagabase_poll_command(struct sagabase_client *client,
                                             const Sagabase__V1__PollCommandRequest *request,
                                             const struct sagabase_options *options,
                                             Sagabase__V1__PollCommandResponse **response);

struct sagabase_status sagabase_complete_command(
    struct sagabase_client *client, const Sagabase__V1__CompleteCommandRequest *request,
    const struct sagabase_options *options, Sagabase__V1__CompleteCommandResponse **response);

struct sagabase_status sagabase_fail_command(struct sagabase_client *client,
                                             const Sagabase__V1__FailCommandRequest *request,
                                             const struct sagabase_options *options,
                                             Sagabase__V1__FailCommandResponse **response);

struct sagabase_status sagabase_heartbeat(struct sagabase_client *client,
                                          const Sagabase__V1__HeartbeatRequest *request,
                                          const struct sagabase_options *options,
                                          Sagabase__V1__HeartbeatResponse **response);

/* --- sagas that are watched, histories that are read ---------------------------- */

/* Responses that come one after another. */
struct sagabase_saga_stream;

/* Threads, errors and close as for sagabase_read_stream. */
struct sagabase_status sagabase_wait_saga(struct sagabase_client *client,
                                          const Sagabase__V1__WaitSagaRequest *request,
                                          const struct sagabase_options *options,
                                          struct sagabase_saga_stream **stream);
struct sagabase_status sagabase_get_history(struct sagabase_client *client,
                                            const Sagabase__V1__GetHistoryRequest *request,
                                            const struct sagabase_options *options,
                                            struct sagabase_saga_stream **stream);
struct sagabase_status sagabase_watch_sagas(struct sagabase_client *client,
                                            const Sagabase__V1__WatchSagasRequest *request,
                                            const struct sagabase_options *options,
                                            struct sagabase_saga_stream **stream);

/* Waits for the next response of a stream that the function of the same name has opened. NULL: it
 * has ended well; a wait does once the saga has ended or is parked, watching never does.
 * One thread at a time. */
struct sagabase_status sagabase_wait_saga_next(struct sagabase_saga_stream *stream,
                                               const Sagabase__V1__WaitSagaResponse **response);
struct sagabase_status sagabase_get_history_next(struct sagabase_saga_stream *stream,
                                                 const Sagabase__V1__GetHistoryResponse **response);
struct sagabase_status sagabase_watch_sagas_next(struct sagabase_saga_stream *stream,
                                                 const Sagabase__V1__WatchSagasResponse **response);

/* As sagabase_read_cancel. */
void sagabase_saga_stream_cancel(struct sagabase_saga_stream *stream);

/* As sagabase_read_close. */
void sagabase_saga_stream_close(struct sagabase_saga_stream *stream);

/* --- working as a participant ----------------------------------------------------- */

/* Commands to do, replies to send. One thread may send while another receives. */
struct sagabase_work;

/* Returns before the server has answered. Send a hello first. Any thread. Close it with
 * sagabase_work_close. */
struct sagabase_status sagabase_work_open(struct sagabase_client *client,
                                          const struct sagabase_options *options,
                                          struct sagabase_work **work);

/* Sends one message; waits while the server takes no more. SAGABASE_CANCELLED: the stream is over,
 * and sagabase_work_receive tells why; send replies without an ack again, on a new stream or by
 * sagabase_complete_command. One thread at a time. */
struct sagabase_status sagabase_work_send(struct sagabase_work *work,
                                          const Sagabase__V1__WorkRequest *request);

/* Says that nothing more will be sent: commands without a reply are given to others at once. When
 * the acks are out, receive gives NULL. The sending thread, once. */
struct sagabase_status sagabase_work_finish(struct sagabase_work *work);

/* Waits for the next message. NULL: the stream has ended well, after a drain or finish. One thread
 * at a time. */
struct sagabase_status sagabase_work_receive(struct sagabase_work *work,
                                             const Sagabase__V1__WorkResponse **response);

/* As sagabase_read_cancel: sending and receiving end soon. */
void sagabase_work_cancel(struct sagabase_work *work);

/* As sagabase_read_close. Commands without a reply are kept for a while for a hello that resumes
 * them, then given to others. */
void sagabase_work_close(struct sagabase_work *work);

#endif
