/* The state of one saga: what its events add up to.
 *
 *   state = saga_apply(event, saga_apply(event, ... saga_create()))
 *
 * Nothing else changes it, so replaying its stream reaches the same state. An open saga is
 * in memory, owned by the writer thread; its row on disk (saga_encode) is what everybody else
 * reads. Reads no clock, does no I/O. */
#ifndef SERVER_SAGAS_SAGA_H
#define SERVER_SAGAS_SAGA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/bytes.h"
#include "base/status.h"
#include "sagabase/v1/participant.pb-c.h"
#include "sagabase/v1/sagas.pb-c.h"
#include "server/sagas/command_id.h"
#include "server/sagas/definition.h"
#include "server/sagas/limits.h"

/* What a saga is given and keeps; each is one piece of malloc'ed memory. saga_parts.h */
struct payload;
struct saga_error;
struct saga_attribute;
struct saga_signal;

/* A node that was reached. Its `operation` is ACTION until it is being compensated. */
struct activity {
    uint16_t node;     /* in the definition */
    uint16_t parent;   /* the activity whose block it is in; its own index: the main sequence */
    uint8_t operation; /* Sagabase__V1__Operation */
    uint8_t state;     /* Sagabase__V1__ActivityState */
    uint8_t outcome;   /* Sagabase__V1__Outcome of the action */
    uint8_t compensation_outcome; /* the same of the compensation */
    bool doubtful : 1; /* an attempt of the action may have had an effect nobody knows of */
    bool check : 1;    /* the attempt asks how far a command is that was answered ONGOING */
    bool followed : 1; /* closed, and what comes behind it has begun; or nothing does */
    bool given_up : 1; /* the action got its outcome from the server or an operator */
    bool compensation_given_up : 1; /* the same of the compensation */
    uint8_t late_replies;           /* noted */
    uint16_t count;                 /* parallel: branches that are done; loop: iterations begun */
    uint32_t attempt;               /* of the operation, from 1; 0: not a step */
    uint32_t attempts_base;         /* attempts that do not count: checks, and before a RetryStep */
    int64_t started_us;
    int64_t closed_us;         /* 0: open */
    int64_t issued_us;         /* of the operation's first attempt */
    int64_t due_us;            /* next attempt, check, timer or deadline; 0: none */
    int64_t close_due_us;      /* end of schedule_to_close; 0: none */
    uint64_t command_position; /* of the newest event in "$cmd-<queue>"; set by the gateway */
    struct payload *output;    /* NULL: none */
    struct saga_error *error;  /* the newest; NULL: none */
};

struct saga {
    uint64_t number;
    struct definition *definition; /* a reference */
    struct bytes type;             /* of the definition */
    struct bytes id;
    uint32_t run;
    uint8_t status; /* Sagabase__V1__SagaStatus */
    bool paused;
    bool past_pivot;
    bool cancel_requested;
    int64_t started_us;
    int64_t ended_us;     /* 0: open */
    int64_t run_due_us;   /* end of the run timeout; 0: none */
    int64_t withdraw_us;  /* COMPENSATING: until then answers are waited for; 0: not */
    int64_t changed_us;   /* time of its newest event */
    uint64_t event_count; /* applied */
    uint64_t position;    /* of its newest event; set by the gateway */
    uint64_t input_hash;  /* of input, attributes and definition: for StartSaga */
    struct bytes request_id;
    struct bytes traceparent;
    struct bytes tracestate;
    struct payload *input;
    struct saga_error *cause; /* why it turned backward, or is parked */

    struct activity *activities; /* in the order of reaching */
    uint32_t activity_count, activity_capacity;
    struct saga_attribute **attributes;
    uint32_t attribute_count;
    struct saga_signal **signals; /* kept for waits to come */
    uint32_t signal_count;
    uint64_t *signal_ids; /* hashes of all signal ids ever given; checksum_bytes() */
    uint32_t signal_id_count;
    size_t payload_bytes; /* of outputs and signals */
    size_t bytes;         /* what it takes in memory, about */
};

/* An empty state, before its SagaStarted. NULL: out of memory. Takes a reference. */
struct saga *saga_create(struct definition *definition);
void saga_free(struct saga *saga);

/* The one way to change it. `time_us` is the event's time. DATA_LOSS: the event cannot follow
 * this state (only when replaying a damaged stream); RESOURCE_EXHAUSTED: out of memory. After an
 * error the state is useless. */
struct status saga_apply(struct saga *saga, const Sagabase__V1__SagaEvent *event, int64_t time_us);

/* COMPLETED, COMPENSATED or TERMINATED. */
bool saga_has_ended(const struct saga *saga);

/* When something is due by itself, the earliest; INT64_MAX: nothing. Retries and checks of a saga
 * that is paused or parked are not due, its deadlines are. */
int64_t saga_due_us(const struct saga *saga);

/* The command of an activity's operation as it would be handed out, without position, delivery
 * and lease; it borrows from the saga and from `arena`. */
struct status saga_command(const struct saga *saga, uint32_t activity,
                           const struct command_secret *secret, struct arena *arena,
                           Sagabase__V1__Command *command);

/* Of an activity that is a step: where its operation's commands go. */
const Sagabase__V1__CommandTarget *saga_target(const struct saga *saga, uint32_t activity);

/* The same: its operation's limits of time; 0: none. */
struct step_limits {
    int64_t schedule_to_start_us;
    int64_t start_to_close_us;
    int64_t schedule_to_close_us;
    int64_t heartbeat_us;
};
struct step_limits saga_limits(const struct saga *saga, uint32_t activity);

/* --- as messages and rows ------------------------------------------------------------ */

/* Fill messages that are initialised already; they borrow from the saga and `arena`. */
struct status saga_summarize(const struct saga *saga, struct arena *arena,
                             Sagabase__V1__SagaSummary *summary);
struct status saga_describe(const struct saga *saga, const struct command_secret *secret,
                            struct arena *arena, Sagabase__V1__GetSagaResponse *response);

/* The row on disk (protos/sagabase/storage/saga_row.proto). Equal states have equal rows. */
struct status saga_encode(const struct saga *saga, struct arena *arena, struct bytes *row);

/* Which definition a row needs, without reading the rest. DATA_LOSS: damaged. */
struct status saga_row_definition(struct bytes row, struct arena *arena, struct bytes *type,
                                  uint32_t *version);
struct status saga_decode(struct bytes row, struct definition *definition, struct saga **saga);

/* The stream's name: "$saga-<type>-<id>". At most 306 bytes. */
enum { SAGA_STREAM_BYTES_MAX = 6 + SAGA_TYPE_BYTES_MAX + 1 + SAGA_ID_BYTES_MAX };
struct bytes saga_stream(uint8_t text[SAGA_STREAM_BYTES_MAX], struct bytes type, struct bytes id);

/* "$CommandIssued" of an event; static memory. */
const char *saga_event_type(const Sagabase__V1__SagaEvent *event);

#endif
