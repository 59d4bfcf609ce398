/* What a call is made of, inside this room.
 *
 * Two counts decide its life. `tags` counts operations underway in gRPC; once the
 * call has ended and none is left, `closed` runs. `references` counts the call's own
 * life until then, holds, and wakes underway; at 0 the memory goes back to the loop.
 * A loop shuts its queue only after the last of its calls, so the queue is open for as long
 * as anybody may wake one of them. */
#ifndef SERVER_RPC_CALL_INTERNAL_H
#define SERVER_RPC_CALL_INTERNAL_H

#include <grpc/grpc.h>
#include <stdalign.h>
#include <stdatomic.h>
#include <stddef.h>

#include "server/rpc/call.h"
#include "server/rpc/loop.h"
#include "server/rpc/method_table.h"

struct call {
    struct loop *loop;
    const struct table_row *row; /* NULL: for methods that nobody has registered */
    struct call *next;           /* of loop->streams or loop->idle */
    struct call *previous;       /* of loop->streams */

    /* What gRPC writes when the call arrives. */
    grpc_call *grpc;
    gpr_timespec deadline;
    grpc_metadata_array metadata;
    grpc_call_details details; /* without a row */
    grpc_byte_buffer *payload; /* the request, later the message received */

    /* Tags. */
    struct step arrived;
    struct step opened;   /* initial metadata of a stream was sent */
    struct step left;     /* the peer of a stream needs no more, or is gone */
    struct step sent;     /* a message was sent */
    struct step received; /* a message was received */
    struct step finished; /* the status was sent */

    /* The handler's. */
    struct step *on_sent;
    struct step *on_received;
    struct step *on_closed;
    struct step *on_stopping;
    struct step *on_time;
    struct timer timer; /* for on_time */
    struct timer stall; /* the end of our patience with a send that is underway */
    struct arena *receive_arena;
    const ProtobufCMessage *message; /* the one received */

    _Atomic unsigned references;
    unsigned tags;
    bool answered;    /* by the handler */
    bool ended;       /* by the handler, the runtime or the peer */
    bool closed;      /* on_closed has run */
    bool status_due;  /* ended during a send: the status follows it */
    bool opening_due; /* nothing was sent yet on a stream */
    int cancelled;    /* gRPC's answer, not used */
    struct status status;
    int64_t began_us; /* monotonic */
    bool is_trace_read;
    const struct call_trace *trace; /* what call_trace() found */
    struct trace_span *span;        /* NULL: not sampled */
    grpc_metadata detail;           /* of the status; lent to gRPC until `finished` */
    bool has_detail;

    struct arena arena;
    alignas(max_align_t) uint8_t memory[]; /* the arena's first block */
};

static inline bool call_is_stream(const struct call *call)
{
    return call->row && call->row->method->kind != METHOD_UNARY;
}

/* Memory for a slot. */
struct call *call_create(struct loop *loop, const struct table_row *row);

/* Of a slot that no call has used, or at the end of one. */
void call_free(struct call *call);

/* Starts operations of the call that end with `tag`. */
void call_start(struct call *call, const grpc_op *ops, size_t count, struct step *tag);

/* A new call: runs the handler, or answers what cannot be handled. */
void call_open(struct call *call);

/* The message that has arrived, in `arena`, checked. */
struct status call_unpack(struct call *call, struct arena *arena, const ProtobufCMessage **message);

/* Ends the call, on behalf of the handler or of the runtime; once. */
void call_finish(struct call *call, struct status status);

/* The last act of every tag: the call may be gone after it. */
void call_settle(struct call *call);

/* call_trace.c: with a tracer, the span of a call. */
void call_trace_begin(struct call *call);
void call_trace_end(struct call *call);

/* stream.c */
void stream_open(struct call *call);
void stream_finish(struct call *call);

/* The last message and the status at once; the message stays the caller's. */
void stream_finish_with(struct call *call, grpc_byte_buffer *packed);

/* The handler has returned: if it has sent nothing, the client learns that the call is open. */
void stream_greet(struct call *call);
void stream_settle(struct call *call);
void stream_close(struct call *call);

/* The client did not take in time what was sent: cancels the stream. */
void stream_give_up(struct call *call);

/* Shutdown: ends every stream of the loop that is still open. */
void streams_end(struct loop *loop);

#endif
