/* A participant's answer: the end of a command, with the participant's own events. */
#include <stdio.h>
#include <stdlib.h>

#include "server/sagas/gateway_state.h"
#include "server/sagas/saga_reply.h"

enum { REPLY_BYTES = 4096 }; /* about what it adds to a commit, its output and events aside */

static const Sagabase__V1__ReplyOutcome accepted =
    SAGABASE__V1__REPLY_OUTCOME__REPLY_OUTCOME_ACCEPTED;
static const Sagabase__V1__ReplyOutcome unknown =
    SAGABASE__V1__REPLY_OUTCOME__REPLY_OUTCOME_UNKNOWN_COMMAND;

/* --- @thread writer ---------------------------------------------------------------------- */

static void tell(struct saga_reply *reply, Sagabase__V1__ReplyOutcome outcome,
                 const struct status *why)
{
    reply->outcome = outcome;
    snprintf(reply->message, sizeof reply->message, "%s", why->message);
}

/* Its events cannot be stored as they are: the command stays open. */
static void tell_refused(struct saga_reply *reply, const struct status *status)
{
    tell(reply,
         status->code == STATUS_ABORTED
             ? SAGABASE__V1__REPLY_OUTCOME__REPLY_OUTCOME_WRONG_EXPECTED_REVISION
             : SAGABASE__V1__REPLY_OUTCOME__REPLY_OUTCOME_INVALID,
         status);
}

/* It came too late: leaves a note. */
static void note_late(struct saga_reply *reply, struct commit *commit, struct open_saga *open)
{
    struct gateway *gateway = reply->part.gateway;
    struct saga_input input = {.kind = INPUT_LATE_REPLY,
                               .reply = {.activity = reply->name.activity,
                                         .compensation = reply->name.compensation,
                                         .reply = reply->reply}};
    struct saga_change change;

    counter_add(&gateway->totals.late_replies, 1);
    if (reply->outcome != SAGABASE__V1__REPLY_OUTCOME__REPLY_OUTCOME_SUPERSEDED || open->has_ended)
        return;
    saga_change_begin(&change, gateway, commit, open);
    if (status_ok(saga_change_decide(&change, &input)))
        reply->part.added = saga_change_write(&change);
}

static void accept(struct saga_reply *reply, struct commit *commit, struct open_saga *open)
{
    struct gateway *gateway = reply->part.gateway;
    const struct activity *activity = &open->saga->activities[reply->name.activity];
    struct saga_input input = {.kind = INPUT_REPLY,
                               .reply = {.activity = reply->name.activity,
                                         .compensation = reply->name.compensation,
                                         .reply = reply->reply}};
    struct saga_change change;

    saga_change_begin(&change, gateway, commit, open);
    change.answered = reply->name;
    change.is_answer = reply->reply->attempt == 0 || reply->reply->attempt == activity->attempt;
    struct status status = saga_change_decide(&change, &input);
    if (!status_ok(status))
        return tell(reply, SAGABASE__V1__REPLY_OUTCOME__REPLY_OUTCOME_INVALID, &status);
    if (reply->append)
        append_add(commit, reply->append);
    reply->part.added = saga_change_write(&change) || reply->append;
    reply->position = change.position;
    counter_add(&gateway->totals.replies, 1);
}

struct status saga_reply_decide(struct saga_reply *reply, struct commit *commit)
{
    struct open_saga *open = open_sagas_find(&reply->part.gateway->open, reply->name.saga);

    reply->is_open = open != NULL;
    if (reply->append) /* first: it also tells whether its events were stored before */
        reply->append->intent.status = append_check(commit, reply->append);
    if (!open)
        return OK;
    reply->outcome = saga_check_reply(open->saga, reply->name.activity, reply->name.compensation,
                                      reply->reply, &reply->recorded);
    if (reply->outcome != accepted)
        note_late(reply, commit, open);
    else if (reply->append && !status_ok(reply->append->intent.status))
        tell_refused(reply, &reply->append->intent.status);
    else
        accept(reply, commit, open);
    return OK;
}

static struct status decide(struct intent *intent, struct commit *commit)
{
    return saga_reply_decide(container_of(intent, struct saga_reply, intent), commit);
}

static void on_done(struct intent *intent)
{
    gateway_part_end(&container_of(intent, struct saga_reply, intent)->part, intent);
}

/* --- any thread -------------------------------------------------------------------------- */

/* Whose call is not traced by itself, as on a participant's stream: it belongs to its attempt. */
static void find_span(struct gateway *gateway, const struct uuid *command_id,
                      struct saga_reply *reply)
{
    struct attempt_trace attempt = dispatch_trace(gateway->dispatch, command_id);

    if (!attempt.is_spanned)
        return;
    reply->span = attempt.context;
    reply->intent.trace = &reply->span;
}

struct status saga_reply_submit(struct gateway *gateway, struct saga_reply *reply,
                                struct arena *arena)
{
    const Sagabase__V1__Reply *message = reply->reply;
    struct uuid id;
    size_t bytes = 0;

    TRY(saga_check_reply_fields(message));
    if (!uuid_parse(bytes_of_text(message->command_id), &id))
        return status_make(STATUS_INVALID_ARGUMENT, "command_id: a UUID");
    if (!command_id_read(&gateway->secret, &id, &reply->name))
        reply->name = (struct command_name){0}; /* of no saga */
    if (reply->append)
        TRY(append_prepare(gateway->log, reply->append, arena, &bytes));
    if (message->outcome_case == SAGABASE__V1__REPLY__OUTCOME_SUCCESS && message->success->output)
        bytes += 3 * message->success->output->data.len;
    if (!reply->intent.trace)
        find_span(gateway, &id, reply);
    reply->recorded = SAGABASE__V1__OUTCOME__OUTCOME_UNSPECIFIED;
    reply->position = 0;
    reply->message[0] = '\0';
    reply->intent.decide = decide;
    reply->intent.bytes = REPLY_BYTES + bytes;
    gateway_part_begin(&reply->part, gateway, &reply->intent, on_done);
    return event_log_submit(gateway->log, &reply->intent);
}

/* The saga has ended, or never was: its row, which changes no more, tells. */
static struct status read_outcome(struct saga_reply *reply)
{
    struct gateway *gateway = reply->part.gateway;
    struct saga *saga = NULL;

    reply->outcome = unknown;
    if (reply->name.saga == 0)
        return OK;
    struct status status = saga_rows_read(gateway, reply->name.saga, &saga);
    if (status.code == STATUS_NOT_FOUND)
        return OK;
    TRY(status);
    reply->outcome = saga_check_reply(saga, reply->name.activity, reply->name.compensation,
                                      reply->reply, &reply->recorded);
    saga_free(saga);
    if (reply->outcome == accepted)
        return status_make(STATUS_INTERNAL, "saga %llu: open on disk, but not in memory",
                           (unsigned long long)reply->name.saga);
    if (reply->outcome != unknown)
        counter_add(&gateway->totals.late_replies, 1);
    return OK;
}

struct status saga_reply_settle(struct saga_reply *reply, struct arena *arena)
{
    (void)arena;
    TRY(reply->intent.status);
    return reply->is_open ? OK : (reply->intent.status = read_outcome(reply));
}
