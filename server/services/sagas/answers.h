/* The replies of a participant's stream: received, decided by the writer, acked in batches.
 *
 *   RECEIVED --answers_add--> DECIDING --writer--> SETTLED --answers_ack--> ACKING --sent--> freed
 *                  (refused) ------------------------^
 *
 * A reply that is DECIDING belongs to the writer, so it outlives the client if that vanishes, and
 * the call is held for it. On the call's thread. */
#ifndef SERVER_SERVICES_SAGAS_ANSWERS_H
#define SERVER_SERVICES_SAGAS_ANSWERS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "sagabase/v1/participant.pb-c.h"
#include "server/rpc/call.h"
#include "server/services/trace_entries.h"

enum {
    REPLIES_IN_FLIGHT_MAX = 256,
    REPLIES_IN_FLIGHT_BYTES_MAX = 16 << 20, /* of the messages, unpacked */
};

struct gateway;
struct answer;

/* A first in, first out. */
struct answer_list {
    struct answer *oldest, *newest;
};

struct answers {
    struct call *call;
    struct gateway *gateway;
    void (*settled)(struct answers *self); /* there is something to ack */

    struct answer_list known;  /* SETTLED */
    struct answer_list acking; /* of the message that is being sent */
    unsigned in_flight;        /* in any state */
    size_t in_flight_bytes;
    bool closed; /* nobody waits for acks any more */
    struct inbox done;
    struct step decided;
};

void answers_init(struct answers *self, struct call *call, struct gateway *gateway,
                  void (*settled)(struct answers *self));

/* No more acks. Replies that the writer still has are freed when they come back. */
void answers_close(struct answers *self);

/* Another one fits. */
bool answers_have_room(const struct answers *self);

/* Takes over the arena that the message is in, and leaves it empty. False: out of memory. */
bool answers_add(struct answers *self, struct arena *arena, const Sagabase__V1__Reply *message);

/* Sends what is known, as far as it fits into one message. False: nothing is, and nothing was sent.
 * The acks are lent until answers_acked. */
bool answers_ack(struct answers *self, struct step *sent);
void answers_acked(struct answers *self);

#endif
