#include "server/reducers/upcast.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "server/reducers/reducers_state.h"
#include "server/reducers/script.h"
#include "storage/log/event.h"

enum {
    PART_US = 5000,                 /* then others have their turn */
    PART_BYTES = 256 << 10,         /* passed by at most one event */
    PART_BYTES_MAX = 4 << 20,       /* which has its limits */
    SCRIPT_MEMORY_KEPT = 256 << 10, /* of an upcaster between two events */
};

void upcasting_begin(struct upcasting *upcasting, struct reducers *reducers)
{
    *upcasting = (struct upcasting){.reducers = reducers, .failure = OK};
}

void upcasting_take(struct upcasting *upcasting, struct buffer *frames)
{
    buffer_destroy(&upcasting->page);
    upcasting->page = *frames;
    upcasting->done = 0;
    *frames = (struct buffer){0};
}

void upcasting_clear(struct upcasting *upcasting)
{
    buffer_destroy(&upcasting->page);
    upcasting->done = 0;
}

/* --- failing ---------------------------------------------------------------------------------- */

static void on_over(struct errand *errand)
{
    struct disabling *disabling = container_of(errand, struct disabling, errand);

    disabling_end(disabling);
    free(disabling);
}

/* Takes the registration. Nobody waits for it: the reader is told at once. */
static void disable(struct upcasting *upcasting, struct registration *registration,
                    const struct event *event, const char *error)
{
    struct disabling *disabling = calloc(1, sizeof *disabling);

    log_line(LOG_WARN, "upcasters", "disabled", "type=%s stream=%s revision=%" PRIu64,
             log_name(event->type).text, log_name(event->stream).text, event->revision);
    if (!disabling) { /* the next reader fails at it again */
        registration_release(registration);
        return;
    }
    disabling->errand.over = on_over;
    disabling_submit(disabling, upcasting->reducers, registration, error, &event->stream,
                     event->revision);
}

static struct status is_disabled(const struct registration *registration)
{
    const Sagabase__V1__Disabled *disabled = registration->disabled;

    return status_make(STATUS_FAILED_PRECONDITION,
                       "the upcaster of \"%.*s\" is disabled since it failed at %.*s@%" PRIu64
                       ": %s",
                       name_shown(registration->name), (const char *)registration->name.data,
                       name_shown(bytes_of_text(disabled->stream)), disabled->stream,
                       disabled->revision, disabled->error);
}

/* --- one event -------------------------------------------------------------------------------- */

/* With the registration's lock. */
static struct status run(struct registration *registration, const struct event *event,
                         struct buffer *part)
{
    Sagabase__V1__RecordedEvent *message;

    if (!registration->script)
        TRY(script_create(SCRIPT_UPCASTER, bytes_of_text(registration->upcaster->upcaster->source),
                          &registration->script));
    message = sagabase__v1__recorded_event__unpack(NULL, event->wire.size, event->wire.data);
    if (!message)
        return status_make(STATUS_RESOURCE_EXHAUSTED, "upcaster: out of memory");
    struct status status = script_upcast(registration->script, message, part);
    sagabase__v1__recorded_event__free_unpacked(message, NULL);
    return status;
}

/* What it keeps between two events is worth nothing. */
static void forget(struct registration *registration)
{
    if (registration->script && script_memory(registration->script) > SCRIPT_MEMORY_KEPT) {
        script_free(registration->script);
        registration->script = NULL;
    }
}

/* Takes the registration. */
static struct status upcast(struct upcasting *upcasting, struct registration *registration,
                            const struct event *event, struct buffer *part)
{
    char error[SCRIPT_ERROR_BYTES_MAX + 1] = "";

    pthread_mutex_lock(&registration->lock);
    struct status status = run(registration, event, part);
    if (status.code == STATUS_FAILED_PRECONDITION)
        snprintf(error, sizeof error, "%s",
                 registration->script ? script_error(registration->script) : status.message);
    forget(registration);
    pthread_mutex_unlock(&registration->lock);
    counter_add(&upcasting->reducers->upcast, 1);
    if (status.code != STATUS_FAILED_PRECONDITION) {
        registration_release(registration);
        return status;
    }
    disable(upcasting, registration, event, error);
    return status_make(
        STATUS_FAILED_PRECONDITION, "the upcaster of \"%.*s\" fails at %.*s@%" PRIu64 ": %s",
        name_shown(event->type), (const char *)event->type.data, name_shown(event->stream),
        (const char *)event->stream.data, event->revision, error);
}

static struct status put_event(struct upcasting *upcasting, const struct event *event,
                               struct buffer *part)
{
    struct registration *registration =
        event->erased_us ? NULL : registry_find(upcasting->reducers->upcasters, event->type);

    if (!registration) {
        buffer_put(part, event->frame);
        return OK;
    }
    if (!registration->disabled)
        return upcast(upcasting, registration, event, part);
    struct status status = is_disabled(registration);
    registration_release(registration);
    return status;
}

/* --- a part of a page ------------------------------------------------------------------------- */

struct status upcasting_next(struct upcasting *upcasting, struct buffer *part)
{
    struct bytes page = buffer_bytes(&upcasting->page);
    int64_t end_us = clock_monotonic_us(system_clock()) + PART_US;
    struct bytes rest = {page.data + upcasting->done, page.size - upcasting->done};
    struct event event;

    buffer_init(part, PART_BYTES_MAX);
    TRY(upcasting->failure);
    while (event_next(&rest, &event)) {
        upcasting->failure = put_event(upcasting, &event, part);
        if (!status_ok(upcasting->failure))
            break;
        upcasting->done = page.size - rest.size;
        if (part->size >= PART_BYTES || clock_monotonic_us(system_clock()) > end_us)
            break;
    }
    if (!buffer_ok(part))
        return status_make(STATUS_RESOURCE_EXHAUSTED, "upcaster: out of memory");
    if (!upcasting_has_more(upcasting))
        upcasting_clear(upcasting);
    return part->size > 0 ? OK : upcasting->failure; /* what is good goes first */
}
