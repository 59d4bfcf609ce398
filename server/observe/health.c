/* Who watches is told by a wake on its own thread; there it looks at the status again
 * and sends it if the watcher does not know it yet. So changes that come faster than a watcher
 * reads are told as one.
 *
 *           differs from what was sent
 *   QUIET ------------------------------> SENDING
 *     ^ <--------------- sent --------------- |
 */
#include "server/observe/health.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "grpc/health/v1/health.pb-c.h"
#include "server/services/services.h"

typedef Grpc__Health__V1__HealthCheckRequest Request;
typedef Grpc__Health__V1__HealthCheckResponse Response;
typedef Grpc__Health__V1__HealthCheckResponse__ServingStatus Status;

enum {
    SERVICE_NAME_BYTES_MAX = 256,
    NOTHING_SENT = -1,
    SERVING = GRPC__HEALTH__V1__HEALTH_CHECK_RESPONSE__SERVING_STATUS__SERVING,
    NOT_SERVING = GRPC__HEALTH__V1__HEALTH_CHECK_RESPONSE__SERVING_STATUS__NOT_SERVING,
    SERVICE_UNKNOWN = GRPC__HEALTH__V1__HEALTH_CHECK_RESPONSE__SERVING_STATUS__SERVICE_UNKNOWN,
};

struct health {
    const char *const *services;
    pthread_mutex_t mutex;
    bool is_serving;        /* under the mutex, like all below */
    struct watch *watchers; /* their number is bounded by that of calls */
};

struct watch {
    struct call *call;
    struct health *health;
    bool is_known; /* the service */
    bool is_sending;
    bool is_over;
    int status_sent;

    struct watch *next; /* these three under the mutex */
    struct watch *previous;
    bool is_woken; /* a wake is underway */

    struct step changed;
    struct step sent;
    struct step closed;
};

struct health *health_create(const char *const *services)
{
    struct health *health = calloc(1, sizeof *health);

    if (!health)
        return NULL;
    health->services = services;
    health->is_serving = true;
    pthread_mutex_init(&health->mutex, NULL);
    return health;
}

void health_free(struct health *health)
{
    pthread_mutex_destroy(&health->mutex);
    free(health);
}

void health_set_serving(struct health *health, bool serving)
{
    pthread_mutex_lock(&health->mutex);
    bool has_changed = health->is_serving != serving;
    health->is_serving = serving;
    for (struct watch *watch = health->watchers; watch && has_changed; watch = watch->next) {
        if (!watch->is_woken)
            call_wake(watch->call, &watch->changed);
        watch->is_woken = true;
    }
    pthread_mutex_unlock(&health->mutex);
}

static bool knows(const struct health *health, const char *service)
{
    if (service[0] == 0)
        return true; /* the server as a whole */
    for (const char *const *known = health->services; *known; known++)
        if (strcmp(*known, service) == 0)
            return true;
    return false;
}

bool health_is_serving(struct health *health)
{
    pthread_mutex_lock(&health->mutex);
    bool is_serving = health->is_serving;
    pthread_mutex_unlock(&health->mutex);
    return is_serving;
}

static int status_now(struct health *health)
{
    return health_is_serving(health) ? SERVING : NOT_SERVING;
}

static struct health *health_of(struct call *call)
{
    return ((const struct services *)call_context(call))->health;
}

/* --- Check ---------------------------------------------------------------- */

static struct status check_name(const char *service)
{
    if (strlen(service) > SERVICE_NAME_BYTES_MAX)
        return status_make(STATUS_INVALID_ARGUMENT, "service: at most %d bytes",
                           SERVICE_NAME_BYTES_MAX);
    return OK;
}

static void check(struct call *call, const ProtobufCMessage *message)
{
    const Request *request = (const void *)message;
    struct health *health = health_of(call);
    Response response = GRPC__HEALTH__V1__HEALTH_CHECK_RESPONSE__INIT;

    struct status status = check_name(request->service);
    if (!status_ok(status))
        return call_fail(call, status);
    if (!knows(health, request->service))
        return call_fail(call, status_make(STATUS_NOT_FOUND, "service: unknown"));
    response.status = (Status)status_now(health);
    call_reply(call, &response.base);
}

/* --- Watch ---------------------------------------------------------------- */

static void advance(struct watch *self);
static void on_changed(struct step *step, bool ok);
static void on_sent(struct step *step, bool ok);
static void on_closed(struct step *step, bool ok);

static void join(struct watch *self)
{
    struct health *health = self->health;

    call_hold(self->call); /* until we have left and no wake is underway */
    pthread_mutex_lock(&health->mutex);
    self->next = health->watchers;
    if (self->next)
        self->next->previous = self;
    health->watchers = self;
    pthread_mutex_unlock(&health->mutex);
}

/* True if a wake is still underway; no further one will be. */
static bool leave(struct watch *self)
{
    struct health *health = self->health;

    pthread_mutex_lock(&health->mutex);
    if (self->next)
        self->next->previous = self->previous;
    if (self->previous)
        self->previous->next = self->next;
    else
        health->watchers = self->next;
    bool is_woken = self->is_woken;
    pthread_mutex_unlock(&health->mutex);
    return is_woken;
}

static void watch(struct call *call, const ProtobufCMessage *message)
{
    const Request *request = (const void *)message;
    struct watch *self = arena_alloc(call_arena(call), sizeof *self);

    struct status status = check_name(request->service);
    if (!status_ok(status))
        return call_fail(call, status);
    if (!self)
        return call_fail(call, status_make(STATUS_RESOURCE_EXHAUSTED, "request too large"));
    self->call = call;
    self->health = health_of(call);
    self->is_known = knows(self->health, request->service);
    self->status_sent = NOTHING_SENT;
    self->changed.run = on_changed;
    self->sent.run = on_sent;
    self->closed.run = on_closed;
    call_on_closed(call, &self->closed);
    join(self);
    advance(self);
}

static void advance(struct watch *self)
{
    int status = self->is_known ? status_now(self->health) : SERVICE_UNKNOWN;
    Response response = GRPC__HEALTH__V1__HEALTH_CHECK_RESPONSE__INIT;

    if (self->is_sending || status == self->status_sent)
        return;
    self->is_sending = true;
    self->status_sent = status;
    response.status = (Status)status;
    call_send(self->call, &response.base, &self->sent);
}

static void on_sent(struct step *step, bool ok)
{
    struct watch *self = container_of(step, struct watch, sent);

    self->is_sending = false;
    if (ok)
        advance(self);
}

static void on_changed(struct step *step, bool ok)
{
    struct watch *self = container_of(step, struct watch, changed);

    if (self->is_over)
        return call_release(self->call);
    pthread_mutex_lock(&self->health->mutex);
    self->is_woken = false;
    pthread_mutex_unlock(&self->health->mutex);
    if (ok)
        advance(self);
}

static void on_closed(struct step *step, bool ok)
{
    struct watch *self = container_of(step, struct watch, closed);

    (void)ok;
    self->is_over = true;
    if (!leave(self))
        call_release(self->call);
}

const struct method health_methods[] = {
    {
        .path = "/grpc.health.v1.Health/Check",
        .request_type = &grpc__health__v1__health_check_request__descriptor,
        .kind = METHOD_UNARY,
        .handle = check,
    },
    {
        .path = "/grpc.health.v1.Health/Watch",
        .request_type = &grpc__health__v1__health_check_request__descriptor,
        .kind = METHOD_SERVER_STREAM,
        .handle = watch,
    },
    {0},
};
