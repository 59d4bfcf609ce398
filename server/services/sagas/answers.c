#include "server/services/sagas/answers.h"

#include <assert.h>
#include <stdlib.h>

#include "server/sagas/gateway.h"
#include "server/services/sagas/elements.h"
#include "server/services/sagas/reply_ack.h"

struct answer {
    struct answers *all;
    struct answer *next;
    struct inbox_link done; /* from the writer */
    struct arena arena;     /* the message, its append, its ack */
    size_t bytes;           /* of the arena when it was added */
    const Sagabase__V1__Reply *message;
    struct saga_reply reply;
    struct append append;
    struct status refused; /* not OK: it was not decided */
};

static void on_done(struct intent *intent);
static void on_decided(struct step *step, bool ok);

void answers_init(struct answers *self, struct call *call, struct gateway *gateway,
                  void (*settled)(struct answers *self))
{
    *self = (struct answers){.call = call, .gateway = gateway, .settled = settled};
    self->decided.run = on_decided;
}

/* --- lists -------------------------------------------------------------------------------- */

static void put(struct answer_list *list, struct answer *answer)
{
    answer->next = NULL;
    if (list->newest)
        list->newest->next = answer;
    else
        list->oldest = answer;
    list->newest = answer;
}

static void answer_free(struct answer *answer)
{
    answer->all->in_flight--;
    answer->all->in_flight_bytes -= answer->bytes;
    arena_destroy(&answer->arena);
    free(answer);
}

static void free_all(struct answer_list *list)
{
    while (list->oldest) {
        struct answer *answer = list->oldest;

        list->oldest = answer->next;
        answer_free(answer);
    }
    list->newest = NULL;
}

void answers_close(struct answers *self)
{
    self->closed = true;
    free_all(&self->known);
    free_all(&self->acking);
}

bool answers_have_room(const struct answers *self)
{
    return self->in_flight < REPLIES_IN_FLIGHT_MAX &&
           self->in_flight_bytes < REPLIES_IN_FLIGHT_BYTES_MAX;
}

/* --- deciding ------------------------------------------------------------------------------ */

static struct status submit(struct answer *answer)
{
    struct answers *self = answer->all;
    struct status status = reply_read(self->gateway, answer->message, NULL, &answer->arena,
                                      &answer->append, &answer->reply);

    if (!status_ok(status)) /* too large is as wrong as any other mistake */
        return status_make(STATUS_INVALID_ARGUMENT, "%s", status.message);
    call_hold(self->call);
    status = saga_reply_submit(self->gateway, &answer->reply, &answer->arena);
    if (!status_ok(status))
        call_release(self->call);
    return status;
}

bool answers_add(struct answers *self, struct arena *arena, const Sagabase__V1__Reply *message)
{
    struct answer *answer = calloc(1, sizeof *answer);

    if (!answer)
        return false;
    answer->all = self;
    answer->message = message;
    answer->reply.intent.done = on_done;
    answer->arena = *arena;
    arena_init(arena, answer->arena.bytes_max);
    answer->bytes = answer->arena.bytes_used;
    self->in_flight++;
    self->in_flight_bytes += answer->bytes;
    answer->refused = submit(answer);
    if (!status_ok(answer->refused))
        put(&self->known, answer);
    return true;
}

/* @thread writer. A group decides many replies of a stream: the first wakes it. */
static void on_done(struct intent *intent)
{
    struct answer *answer = container_of(intent, struct answer, reply.intent);
    struct answers *self = answer->all;

    if (inbox_put(&self->done, &answer->done))
        call_wake(self->call, &self->decided);
}

static void on_decided(struct step *step, bool ok)
{
    struct answers *self = container_of(step, struct answers, decided);
    struct inbox_link *link = inbox_take(&self->done);
    struct call *call = self->call;
    bool closed = self->closed;

    while (link) {
        struct answer *answer = container_of(link, struct answer, done);

        link = link->next;
        answer->refused = saga_reply_settle(&answer->reply, &answer->arena);
        if (closed)
            answer_free(answer);
        else
            put(&self->known, answer);
        call_release(call); /* when closed, the last one takes all of this with it */
    }
    if (ok && !closed)
        self->settled(self);
}

/* --- acking -------------------------------------------------------------------------------- */

static void fill(struct answer *answer, Sagabase__V1__ReplyAck *ack)
{
    if (status_ok(answer->refused))
        answer->refused = reply_ack_answer(&answer->reply, &answer->arena, ack);
    if (!status_ok(answer->refused))
        reply_ack_refuse(answer->message, &answer->refused, ack);
}

/* The oldest of what is known, as long as they fit into a message. */
static size_t take_known(struct answers *self, Sagabase__V1__ReplyAck *acks)
{
    size_t count = 0, bytes = 0;

    while (self->known.oldest && bytes < ELEMENTS_BYTES_ENOUGH) {
        struct answer *answer = self->known.oldest;

        self->known.oldest = answer->next;
        if (!answer->next)
            self->known.newest = NULL;
        fill(answer, &acks[count]);
        bytes += sagabase__v1__reply_ack__get_packed_size(&acks[count++]);
        put(&self->acking, answer);
    }
    return count;
}

bool answers_ack(struct answers *self, struct step *sent)
{
    Sagabase__V1__WorkResponse response = SAGABASE__V1__WORK_RESPONSE__INIT;
    Sagabase__V1__ReplyAcks acks = SAGABASE__V1__REPLY_ACKS__INIT;
    Sagabase__V1__ReplyAck elements[REPLIES_IN_FLIGHT_MAX];
    Sagabase__V1__ReplyAck *pointers[REPLIES_IN_FLIGHT_MAX];

    assert(!self->acking.oldest);
    acks.n_acks = take_known(self, elements);
    if (acks.n_acks == 0)
        return false;
    for (size_t i = 0; i < acks.n_acks; i++)
        pointers[i] = &elements[i];
    acks.acks = pointers;
    response.message_case = SAGABASE__V1__WORK_RESPONSE__MESSAGE_ACKS;
    response.acks = &acks;
    call_send(self->call, &response.base, sent);
    return true;
}

void answers_acked(struct answers *self)
{
    free_all(&self->acking);
}
