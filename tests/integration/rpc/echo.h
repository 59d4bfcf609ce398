/* A small server for the tests of the runtime: methods that say back what they hear.
 * The messages are those of grpc.health.v1, of which only the text `service` is used. */
#ifndef TESTS_INTEGRATION_RPC_ECHO_H
#define TESTS_INTEGRATION_RPC_ECHO_H

#include <stdatomic.h>
#include <stdint.h>

#include "server/rpc/rpc_server.h"

enum { ECHO_HELD_MAX = 256 };

/* call_context() of every call: what the tests want to know, and what they decide. */
struct echo {
    struct rpc_server *server;
    atomic_uint closed; /* streams whose `closed` step has run */
    atomic_uint sent;   /* messages that the transport has accepted */
    atomic_uint held;   /* calls that wait for echo_release_held() */
    atomic_uint failed; /* sends of Late that came too late */

    struct held *_Atomic waiting[ECHO_HELD_MAX];
};

/* /echo.Echo/
 *   Unary      the request; "fail" is answered with ABORTED and a detail
 *   Forever    the request, again and again, each message 64 KiB (server stream)
 *   Count      as many messages as the text says, packed by hand (server stream)
 *   Bidi       each request, until the client half-closes
 *   Hold       the request, once the test says so from a thread of its own (unary)
 *   Late       the same as a server stream, which sends even if it is over
 *   Park       nothing, until the stream is over (server stream)
 *   After      the request 3 times, each a millisecond after the one before (server stream)
 *   Deadline   the deadline and the value of the metadata "x-echo" (unary) */
extern const struct method echo_methods[];

struct echo *echo_start(unsigned threads);

/* With rpc_options.stall_timeout_ms. */
struct echo *echo_start_impatient(unsigned threads, int64_t stall_timeout_ms);
void echo_stop(struct echo *echo, int64_t grace_ms);
void echo_free(struct echo *echo);

/* Wakes every call that is held; from the calling thread. */
void echo_release_held(struct echo *echo);

/* Waits until the counter has at least that value. */
void echo_wait(const atomic_uint *counter, unsigned value);

#endif
