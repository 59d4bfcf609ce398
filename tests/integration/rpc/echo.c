#include "tests/integration/rpc/echo.h"

#include <assert.h>
#include <inttypes.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "grpc/health/v1/health.pb-c.h"

enum { LARGE_BYTES = 64 << 10 };

typedef Grpc__Health__V1__HealthCheckRequest Message;

static struct echo *echo_of(struct call *call)
{
    return call_context(call);
}

static const char *text_of(const ProtobufCMessage *message)
{
    return ((const Message *)message)->service;
}

static void reply_text(struct call *call, const char *text)
{
    Message response = GRPC__HEALTH__V1__HEALTH_CHECK_REQUEST__INIT;

    response.service = (char *)text;
    call_reply(call, &response.base);
}

/* --- unary ---------------------------------------------------------------- */

static void unary(struct call *call, const ProtobufCMessage *request)
{
    const char *text = text_of(request);

    if (strcmp(text, "fail") == 0)
        return call_fail_with(call, status_make(STATUS_ABORTED, "as asked"), request);
    reply_text(call, text);
}

static void deadline(struct call *call, const ProtobufCMessage *request)
{
    char text[64];
    int64_t deadline_us = call_deadline_us(call);

    (void)request;
    snprintf(text, sizeof text, "%s", deadline_us == INT64_MAX ? "none" : "some");
    reply_text(call, text);
}

struct held {
    struct call *call;
    const char *text;
    struct step woken;
};

static void on_released(struct step *step, bool ok)
{
    struct held *self = container_of(step, struct held, woken);
    struct call *call = self->call;

    assert(ok); /* a unary call is not over before it is answered */
    reply_text(call, self->text);
    call_release(call);
}

static void wait_for_release(struct call *call, struct held *self)
{
    struct echo *echo = echo_of(call);

    call_hold(call);
    for (unsigned i = 0;; i++) {
        struct held *none = NULL;
        assert(i < ECHO_HELD_MAX);
        if (atomic_compare_exchange_strong(&echo->waiting[i], &none, self))
            break;
    }
    atomic_fetch_add(&echo->held, 1);
}

static void hold(struct call *call, const ProtobufCMessage *request)
{
    struct held *self = arena_alloc(call_arena(call), sizeof *self);

    self->call = call;
    self->text = text_of(request);
    self->woken.run = on_released;
    wait_for_release(call, self);
}

void echo_release_held(struct echo *echo)
{
    for (unsigned i = 0; i < ECHO_HELD_MAX; i++) {
        struct held *held = atomic_exchange(&echo->waiting[i], NULL);
        if (held)
            call_wake(held->call, &held->woken);
    }
}

/* --- streams -------------------------------------------------------------- */

struct stream {
    struct call *call;
    unsigned count;
    char *large;
    struct arena arena; /* of the message received */
    bool is_over;
    struct step sent;
    struct step received;
    struct step closed;
};

static void on_closed(struct step *step, bool ok)
{
    struct stream *self = container_of(step, struct stream, closed);

    (void)ok;
    assert(!self->is_over);
    self->is_over = true;
    arena_destroy(&self->arena);
    atomic_fetch_add(&echo_of(self->call)->closed, 1);
}

static struct stream *stream_create(struct call *call, void (*on_sent)(struct step *, bool))
{
    struct stream *self = arena_alloc(call_arena(call), sizeof *self);

    self->call = call;
    self->sent.run = on_sent;
    self->closed.run = on_closed;
    call_on_closed(call, &self->closed);
    return self;
}

static void park(struct call *call, const ProtobufCMessage *request)
{
    (void)request;
    stream_create(call, NULL);
    atomic_fetch_add(&echo_of(call)->held, 1);
}

struct late {
    struct held held;
    const ProtobufCMessage *request;
    struct step sent;
    struct step closed;
};

static void on_late_sent(struct step *step, bool ok)
{
    struct call *call = container_of(step, struct late, sent)->held.call;

    if (!ok)
        atomic_fetch_add(&echo_of(call)->failed, 1);
    call_end(call, OK); /* ignored if it is over */
    call_release(call);
}

static void on_late_woken(struct step *step, bool ok)
{
    struct late *self = container_of(step, struct late, held.woken);

    (void)ok;
    call_send(self->held.call, self->request, &self->sent);
}

static void on_late_closed(struct step *step, bool ok)
{
    struct call *call = container_of(step, struct late, closed)->held.call;

    (void)ok;
    atomic_fetch_add(&echo_of(call)->closed, 1);
}

static void late(struct call *call, const ProtobufCMessage *request)
{
    struct late *self = arena_alloc(call_arena(call), sizeof *self);

    self->held.call = call;
    self->held.woken.run = on_late_woken;
    self->request = request;
    self->sent.run = on_late_sent;
    self->closed.run = on_late_closed;
    call_on_closed(call, &self->closed);
    wait_for_release(call, &self->held);
}

static void send_large(struct stream *self)
{
    Message message = GRPC__HEALTH__V1__HEALTH_CHECK_REQUEST__INIT;

    message.service = self->large;
    call_send(self->call, &message.base, &self->sent);
}

static void on_large_sent(struct step *step, bool ok)
{
    struct stream *self = container_of(step, struct stream, sent);

    assert(!self->is_over);
    if (!ok)
        return;
    atomic_fetch_add(&echo_of(self->call)->sent, 1);
    send_large(self);
}

static void forever(struct call *call, const ProtobufCMessage *request)
{
    struct stream *self = stream_create(call, on_large_sent);

    (void)request;
    self->large = arena_alloc(call_arena(call), LARGE_BYTES + 1);
    memset(self->large, 'x', LARGE_BYTES);
    send_large(self);
}

static void send_count(struct stream *self)
{
    struct buffer packed;
    char text[16];

    if (self->count == 0)
        return call_end(self->call, OK);
    int size = snprintf(text, sizeof text, "%u", self->count--);
    buffer_init(&packed, 64);
    buffer_put_byte(&packed, 0x0a);
    buffer_put_byte(&packed, (uint8_t)size);
    buffer_put_text(&packed, text);
    call_send_packed(self->call, &packed, &self->sent);
    assert(packed.data == NULL);
}

static void on_count_sent(struct step *step, bool ok)
{
    if (ok)
        send_count(container_of(step, struct stream, sent));
}

static void count(struct call *call, const ProtobufCMessage *request)
{
    struct stream *self = stream_create(call, on_count_sent);

    self->count = (unsigned)strtoul(text_of(request), NULL, 10);
    send_count(self);
}

struct after {
    struct call *call;
    const ProtobufCMessage *request;
    unsigned left;
    struct step timed;
    struct step sent;
};

static void on_after(struct step *step, bool ok)
{
    struct after *self = container_of(step, struct after, timed);

    assert(ok);
    call_send(self->call, self->request, &self->sent);
}

static void on_after_sent(struct step *step, bool ok)
{
    struct after *self = container_of(step, struct after, sent);

    if (!ok)
        return;
    if (--self->left == 0)
        return call_end(self->call, OK);
    call_wake_after(self->call, &self->timed, 1000);
}

/* "never": not in the life of any test; the stream ends otherwise. */
static void after(struct call *call, const ProtobufCMessage *request)
{
    struct after *self = arena_alloc(call_arena(call), sizeof *self);
    struct stream *stream = stream_create(call, NULL);

    (void)stream; /* counts its end */
    self->call = call;
    self->request = request;
    self->left = 3;
    self->timed.run = on_after;
    self->sent.run = on_after_sent;
    call_wake_after(call, &self->timed,
                    strcmp(text_of(request), "never") == 0 ? INT64_C(3600000000) : 1000);
    atomic_fetch_add(&echo_of(call)->held, 1);
}

static void receive(struct stream *self)
{
    arena_destroy(&self->arena);
    arena_init(&self->arena, 4096);
    call_receive(self->call, &self->arena, &self->received);
}

static void on_echoed(struct step *step, bool ok)
{
    struct stream *self = container_of(step, struct stream, sent);

    assert(!self->is_over);
    if (ok)
        receive(self);
}

static void on_heard(struct step *step, bool ok)
{
    struct stream *self = container_of(step, struct stream, received);

    assert(!self->is_over);
    if (!ok)
        return;
    if (!call_received(self->call))
        return call_end(self->call, OK);
    call_send(self->call, call_received(self->call), &self->sent);
}

static void bidi(struct call *call, const ProtobufCMessage *request)
{
    struct stream *self = stream_create(call, on_echoed);

    assert(!request);
    self->received.run = on_heard;
    receive(self);
}

/* --- server --------------------------------------------------------------- */

#define REQUEST &grpc__health__v1__health_check_request__descriptor

const struct method echo_methods[] = {
    {"/echo.Echo/Unary", REQUEST, METHOD_UNARY, 64, unary},
    {"/echo.Echo/Deadline", REQUEST, METHOD_UNARY, 0, deadline},
    {"/echo.Echo/Hold", REQUEST, METHOD_UNARY, 0, hold},
    {"/echo.Echo/Late", REQUEST, METHOD_SERVER_STREAM, 0, late},
    {"/echo.Echo/Park", REQUEST, METHOD_SERVER_STREAM, 0, park},
    {"/echo.Echo/After", REQUEST, METHOD_SERVER_STREAM, 0, after},
    {"/echo.Echo/Forever", REQUEST, METHOD_SERVER_STREAM, 0, forever},
    {"/echo.Echo/Count", REQUEST, METHOD_SERVER_STREAM, 0, count},
    {"/echo.Echo/Bidi", REQUEST, METHOD_BIDI_STREAM, 0, bidi},
    {0},
};

struct echo *echo_start(unsigned threads)
{
    return echo_start_impatient(threads, 0);
}

struct echo *echo_start_impatient(unsigned threads, int64_t stall_timeout_ms)
{
    static const struct method *const services[] = {echo_methods, NULL};
    struct echo *echo = calloc(1, sizeof *echo);
    struct rpc_options options = {
        .listen = "127.0.0.1:0",
        .services = services,
        .context = echo,
        .threads = threads,
        .busy_poll_us = 200,
        .message_bytes_max = 1 << 20,
        .arena_bytes_max = 2 << 20,
        .stall_timeout_ms = stall_timeout_ms,
    };

    struct status status = rpc_server_start(&options, &echo->server);
    if (!status_ok(status)) {
        fprintf(stderr, "%s\n", status.message);
        abort();
    }
    return echo;
}

void echo_stop(struct echo *echo, int64_t grace_ms)
{
    rpc_server_stop(echo->server, grace_ms);
}

void echo_free(struct echo *echo)
{
    rpc_server_free(echo->server);
    free(echo);
}

void echo_wait(const atomic_uint *counter, unsigned value)
{
    while (atomic_load(counter) < value)
        sched_yield();
}
