#include "server/services/following.h"

static void on_sent(struct step *step, bool ok);
static void on_commit(void *context);
static void on_woken(struct step *step, bool ok);
static void on_timed(struct step *step, bool ok);
static void on_closed(struct step *step, bool ok);

struct status following_open(struct following *self, struct call *call, struct event_log *log)
{
    self->call = call;
    self->options.wake = on_commit;
    self->options.context = self;
    self->sent.run = on_sent;
    self->woken.run = on_woken;
    self->timed.run = on_timed;
    self->closed.run = on_closed;
    TRY(subscription_open(&self->subscription, log, &self->options));
    call_hold(call);
    call_on_closed(call, &self->closed);
    return OK;
}

void following_advance(struct following *self)
{
    struct subscription_output output;

    if (call_cancelled(self->call))
        return call_end(self->call, status_make(STATUS_CANCELLED, "the client is gone"));
    output = subscription_next(&self->subscription);
    switch (output.kind) {
    case OUTPUT_EVENTS:
    case OUTPUT_CHECKPOINT:
    case OUTPUT_CAUGHT_UP:
    case OUTPUT_FELL_BEHIND:
        return self->output(self, &output);
    case OUTPUT_NOTHING:
        return following_yield(self);
    case OUTPUT_PARKED:
        if (output.wait_us > 0)
            call_wake_after(self->call, &self->timed, output.wait_us);
        return;
    case OUTPUT_FAILED:
        return call_end(self->call, output.status);
    }
}

void following_yield(struct following *self)
{
    self->yielding = true;
    call_wake(self->call, &self->woken);
}

static void on_sent(struct step *step, bool ok)
{
    struct following *self = container_of(step, struct following, sent);

    if (ok)
        following_advance(self); /* otherwise the peer is gone and `closed` follows */
}

/* On the writer thread: back to the thread that owns the call. */
static void on_commit(void *context)
{
    struct following *self = context;

    call_wake(self->call, &self->woken);
}

static void on_woken(struct step *step, bool ok)
{
    struct following *self = container_of(step, struct following, woken);

    self->yielding = false;
    if (self->is_over)
        return call_release(self->call); /* `closed` left it to us */
    if (!ok)
        self->woken_too_late = true; /* `closed` follows */
    else
        following_advance(self);
}

/* It may have been woken or closed since, or be at work. */
static void on_timed(struct step *step, bool ok)
{
    struct following *self = container_of(step, struct following, timed);

    if (ok && subscription_rouse(&self->subscription))
        following_advance(self);
}

static void on_closed(struct step *step, bool ok)
{
    struct following *self = container_of(step, struct following, closed);
    bool woken = subscription_close(&self->subscription) && !self->woken_too_late;

    (void)ok;
    self->is_over = true;
    if (self->over)
        self->over(self);
    if (!woken && !self->yielding)
        call_release(self->call);
}
