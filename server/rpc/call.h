/* One RPC, from "slot armed" to "memory returned".
 *
 *   ARMED --arrived--> OPEN --call_reply/call_fail/call_end--> FINISHING --> gone
 *
 * A call belongs to one queue thread: everything here runs on that thread,
 * handlers and steps too, unless it says "any thread". A handler therefore
 * needs no locks. Exactly one of call_reply(), call_fail() and call_end() ends a
 * call; a call that the runtime ended by itself (peer gone, deadline, shutdown) may
 * still be ended by its handler, which is then ignored. */
#ifndef SERVER_RPC_CALL_H
#define SERVER_RPC_CALL_H

#include <protobuf-c/protobuf-c.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buffer.h"
#include "base/bytes.h"
#include "base/inbox.h"
#include "base/status.h"
#include "base/trace.h"

struct call;

/* Something that will run on a queue thread. Embed it; recover the owner with
 * container_of. One step is underway at most once at a time. */
struct step {
    void (*run)(struct step *step, bool ok);
    struct inbox_link link; /* the runtime's */
    struct call *call;      /* the runtime's: whom a wake is for */
};

enum method_kind {
    METHOD_UNARY,         /* one request, one response: call_reply */
    METHOD_SERVER_STREAM, /* one request, responses: call_send, call_end */
    METHOD_BIDI_STREAM,   /* requests and responses: call_receive, call_send, call_end */
};

/* One row of the API. A service is a table of them, ended by a row without path. */
struct method {
    const char *path; /* "/package.Service/Method", static */
    const ProtobufCMessageDescriptor *request_type;
    enum method_kind kind;
    unsigned armed; /* slots kept ready for a burst of calls; 0: a few */

    /* `request` and all it points to live until the call is gone; it is NULL
     * for METHOD_BIDI_STREAM. It has passed check_request(). */
    void (*handle)(struct call *call, const ProtobufCMessage *request);
};

/* Memory that lives as long as the call, bounded by rpc_options.arena_bytes_max. */
struct arena *call_arena(struct call *call);

/* rpc_options.context: what the services work on. */
void *call_context(struct call *call);

/* Microseconds on the monotonic clock; INT64_MAX if the client set none. */
int64_t call_deadline_us(const struct call *call);

/* The peer is gone, the deadline has passed, or the call was ended. Ask now
 * and then in long work. */
bool call_cancelled(const struct call *call);

/* A value of the request's metadata by its lower-case key, borrowed from the
 * call; {NULL, 0} if absent. */
struct bytes call_metadata(const struct call *call, const char *key);

enum { TRACESTATE_BYTES_MAX = 512 }; /* what W3C wants to be kept; more may be dropped as a whole */

/* What the client said of the trace that the call belongs to. */
struct call_trace {
    struct trace_context context;
    struct bytes traceparent; /* as trace_context_write() writes it */
    struct bytes tracestate;  /* empty: none */
};

/* Lives as long as the call. NULL: the client said nothing, or nothing well-formed. */
const struct call_trace *call_trace(struct call *call);

/* The span of a call that is sampled, for attributes and links; NULL: it is not. It ends with the
 * call, its memory stays until the call is released. */
struct trace_span *call_span(const struct call *call);

/* --- unary -------------------------------------------------------------- */

/* Packs the response before it returns: the caller keeps it. */
void call_reply(struct call *call, const ProtobufCMessage *response);

/* The same for a response that is packed already: takes the buffer's memory without copying and
 * leaves the buffer empty. */
void call_reply_packed(struct call *call, struct buffer *response);

/* Ends the call, unary or stream, with an error. */
void call_fail(struct call *call, struct status status);

/* The same with a detail for programs: a google.rpc.Status that holds `detail`
 * as its Any goes into grpc-status-details-bin. Packs before it returns. */
void call_fail_with(struct call *call, struct status status, const ProtobufCMessage *detail);

/* --- streams ------------------------------------------------------------ */

/* Sends one message; `sent` runs when the transport has accepted it, which is the
 * back-pressure, or with ok = false if the peer is gone or has taken nothing for
 * rpc_options.stall_timeout_ms. One at a time. */
void call_send(struct call *call, const ProtobufCMessage *message, struct step *sent);

/* The same for a message that is packed already: takes the buffer's memory
 * without copying and leaves the buffer empty. */
void call_send_packed(struct call *call, struct buffer *message, struct step *sent);

/* Sends the last message, as call_send_packed does, and ends the stream well, both at once. Not
 * while a send is underway. */
void call_end_packed(struct call *call, struct buffer *message);

/* Receives the next message of a bidirectional stream into `arena`, where it
 * lives. `received` runs with ok = true and call_received() either the message or
 * NULL (the client has sent its last); with ok = false if the peer is gone, or if
 * the message was refused and the call already ended. One at a time. */
void call_receive(struct call *call, struct arena *arena, struct step *received);
const ProtobufCMessage *call_received(const struct call *call);

/* Ends a stream; OK is a good end. Not while a send is underway, except with an error. */
void call_end(struct call *call, struct status status);

/* --- life ---------------------------------------------------------------- */

/* `closed` will run exactly once, when the call is over for whatever reason: the peer
 * vanished, the deadline passed, the server shuts down, or the handler ended it. After it
 * no other step of this call runs, unless a wake is still underway (below).
 * The call's memory lives at least until `closed` has returned and every call_hold() was
 * released. Set it at the start of handling, if at all. */
void call_on_closed(struct call *call, struct step *closed);

/* When the server stops, `stopping` runs in place of ending the stream with UNAVAILABLE. The
 * handler says goodbye and ends it; what is left after rpc_server_stop()'s grace is cancelled. Set
 * it at the start of handling. */
void call_on_stopping(struct call *call, struct step *stopping);

/* Any thread may wake a call that it holds: `step` runs soon on the call's
 * thread, with ok = false if the call is over by then. Steps of many calls are
 * handed over together, with one wake-up of the thread. */
void call_wake(struct call *call, struct step *step);

/* `step` runs once on the call's thread, no sooner than `delay_us` from now, unless the call is
 * over by then. A call waits for one time only: a later use replaces the step and the time of
 * an earlier one. On the call's thread, before `closed` has run. */
void call_wake_after(struct call *call, struct step *step, int64_t delay_us);

/* Keeps the call's memory beyond its end, for as long as another thread may touch it:
 * hold before submitting work elsewhere, release on the call's thread in the woken step. */
void call_hold(struct call *call);
void call_release(struct call *call);

#endif
