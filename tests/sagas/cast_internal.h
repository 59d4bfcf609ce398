/* What the parts of the cast share. */
#ifndef TESTS_SAGAS_CAST_INTERNAL_H
#define TESTS_SAGAS_CAST_INTERNAL_H

#include "sagabase/v1/participant.pb-c.h"
#include "sagabase/v1/sagas.pb-c.h"
#include "tests/sagas/cast.h"
#include "tests/sagas/plays.h"

#define SAGAS       "/sagabase.v1.Sagas/"
#define PARTICIPANT "/sagabase.v1.Participant/"
#define EVENT_STORE "/sagabase.v1.EventStore/"

enum {
    PARTICIPANTS = 3,
    CREDIT = 20,
    STARTS_AT_ONCE = 8,
    CALL_TIMEOUT_US = 30 * 1000 * 1000,
    DISTURB_EVERY_US = 15 * 1000,
    UUID_TEXT = UUID_TEXT_BYTES + 1,
};

enum reply_kind { REPLY_SUCCESS, REPLY_FAILURE, REPLY_ERROR, REPLY_ONGOING };
enum reply_way { BY_WORK, BY_CALL, BY_APPEND, REPLY_WAYS };

/* A reply that has not been answered yet. Sent again, it is the same, its events' ids too. */
struct reply_plan {
    char command_id[UUID_TEXT];
    char event_id[UUID_TEXT];
    char request_id[UUID_TEXT]; /* of "$SagaReplyRequested" */
    enum reply_kind kind;
    enum reply_way way;
    bool stale;  /* expects a revision that is not there */
    bool forged; /* its command never was */
    bool sent;   /* in this life */
    uint64_t sent_order;
    uint32_t participant; /* by Work: whose stream it was sent on */
    int64_t due_us;
    struct cast *cast; /* of this life */
    struct reply_plan *next;
};

struct participant {
    struct cast *cast;
    uint32_t index;
    struct wire_stream *stream; /* NULL once it has ended */
    Sagabase__V1__WorkRequest **outbox;
    uint32_t outbox_count, outbox_capacity;
    bool sending;
    bool leaving; /* cancelled by ourselves */
};

struct cast {
    struct wire *wire;
    struct memory *memory;
    struct chance *chance;
    struct status verdict;
    bool honest;
    bool death_expected;
    uint32_t starts_left, starts_open, next_start, operations_open;
    int64_t disturb_us;
    struct participant participants[PARTICIPANTS];
};

int64_t cast_now_us(void);
void cast_judge(struct cast *cast, struct status status);
bool cast_works(const struct cast *cast);
bool is_passing(struct status status);

/* participants.c */
void participant_join(struct participant *participant, struct cast *cast, uint32_t index);
void participant_free(struct participant *participant);
/* Takes a packed copy. */
void participant_send(struct participant *participant, const Sagabase__V1__WorkRequest *request);

/* replies.c */
void replies_resend(struct cast *cast);
void replies_send_due(struct cast *cast);
struct reply_plan *reply_add(struct cast *cast, const char *command_id, enum reply_kind kind,
                             int64_t delay_us);
/* What the server said to a reply sent by Work; and when there will be no answer any more. */
void reply_acked(struct participant *participant, const Sagabase__V1__ReplyAck *ack);
void replies_lost(struct participant *participant);

#endif
