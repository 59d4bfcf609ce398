/* The saga gateway: open sagas in memory, their changes as intents of the sequencer.
 *
 *   any thread         writer thread                                 any thread
 *   ..._submit   --->  check, decide, add to the commit, done  --->  results in the struct
 *                      (domain events, the saga's events, commands, its row: one write)
 *                      after the commit: commands go to the dispatch
 *
 * The caller owns each struct and all it points to, sets intent.done, and keeps everything, the
 * arena too, untouched from submit until `done`. If submit fails, `done` will not run. After
 * `done`, not on the writer thread, ..._settle must be called, also to give back what submit has
 * taken, and before results are looked at: it reads what only the disk knows. */
#ifndef SERVER_SAGAS_GATEWAY_H
#define SERVER_SAGAS_GATEWAY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buffer.h"
#include "base/bytes.h"
#include "base/status.h"
#include "sagabase/v1/participant.pb-c.h"
#include "sagabase/v1/saga_definition.pb-c.h"
#include "sagabase/v1/sagas.pb-c.h"
#include "server/sagas/dispatch.h"
#include "server/sagas/transition.h"
#include "storage/log/append.h"
#include "storage/log/event_log.h"

struct gateway;

/* The gateway's, in each intent of it. */
struct gateway_part {
    struct gateway *gateway;
    void (*done)(struct intent *intent); /* the caller's */
    bool added;                          /* something, to the commit */
};

struct gateway_options {
    struct event_log *log;    /* its clock is the sagas' */
    struct tracer *tracer;    /* NULL: no spans of sagas */
    size_t memory_bytes_max;  /* open sagas together; 0: 512 MiB */
    int64_t resume_within_us; /* leases of a broken stream are kept so long; 0: 10 s */
};

/* Reads open sagas and definitions; commands that are open can be handed out again. DATA_LOSS: what
 * was read does not fit together. Call before serving. */
struct status gateway_open(const struct gateway_options *options, struct gateway **gateway);

/* Before the log is closed and after the last call is over. */
void gateway_close(struct gateway *gateway);

/* Where participants take commands. Any thread. */
struct dispatch *gateway_dispatch(struct gateway *gateway);
int64_t gateway_resume_within_us(const struct gateway *gateway);

/* Appends the packed Command of a lease, without what only the lease knows: from its event in
 * "$cmd-<queue>" or, where that was scavenged or erased, made anew from the saga. NOT_FOUND: the
 * command is over. Any thread. */
struct status gateway_read_command(struct gateway *gateway, const struct lease *lease,
                                   struct buffer *data);

/* Looks at the clock now: for who has moved it. Otherwise that is done in time, and at least once
 * in CLOCK_LOOK_US while something is due. Any thread. */
enum { CLOCK_LOOK_US = 500000 };
void gateway_look_at_clock(struct gateway *gateway);

const struct command_secret *gateway_secret(const struct gateway *gateway);

/* --- definitions: any thread -------------------------------------------------------------- */

enum { DEFINITIONS_MAX = 10000 }; /* versions of all types; all of them are in memory */

struct definition_put {
    struct intent intent;
    struct gateway_part part;
    const Sagabase__V1__PutDefinitionRequest *request;
    uint32_t version; /* result */
    bool existed;     /* result */
    uint8_t hash[DEFINITION_HASH_BYTES];
    struct definition *definition; /* the gateway's, between submit and settle */
};

/* ALREADY_EXISTS: the version is taken by another definition. RESOURCE_EXHAUSTED:
 * DEFINITIONS_MAX. */
struct status definition_put_submit(struct gateway *gateway, struct definition_put *put,
                                    struct arena *arena);
struct status definition_put_settle(struct gateway *gateway, struct definition_put *put);

struct definition_default {
    struct intent intent;
    struct gateway_part part;
    struct bytes type;
    uint32_t version;
};

/* No settle: intent.status is the result. */
struct status definition_default_submit(struct gateway *gateway, struct definition_default *set);

/* With a reference for the caller. version 0: the default. NOT_FOUND. */
struct status gateway_get_definition(struct gateway *gateway, struct bytes type, uint32_t version,
                                     struct definition **definition, bool *is_default);

/* Visits versions behind (after_type, after_version), by type and version, until `visit` returns
 * false. The definition is borrowed for that one call. */
typedef bool definition_visit(void *context, const struct definition *definition, bool is_default);
struct status gateway_list_definitions(struct gateway *gateway, struct bytes after_type,
                                       uint32_t after_version, definition_visit *visit,
                                       void *context);

/* --- changing sagas -------------------------------------------------------------------------- */

struct saga_start {
    struct intent intent;
    struct gateway_part part;
    const Sagabase__V1__StartSagaRequest *request;
    struct append *append; /* request->appends, filled by the caller but for `intent`; NULL: none */
    struct bytes traceparent, tracestate; /* of the start; may be empty */

    /* Results. With ABORTED: append->conflict. */
    Sagabase__V1__StartOutcome outcome;
    Sagabase__V1__SagaStatus status;
    uint32_t run;
    uint64_t position;

    struct definition *definition; /* the gateway's, between submit and settle */
    struct saga *ended;            /* the same: the newest run of the id, if it is over */
    uint64_t known_ended;          /* which ends that takes into account */
};

/* RESOURCE_EXHAUSTED: --saga-memory is used up, or the store is busy. ALREADY_EXISTS: the id is
 * another saga's. */

struct status saga_start_submit(struct gateway *gateway, struct saga_start *start,
                                struct arena *arena);
struct status saga_start_settle(struct saga_start *start, struct arena *arena);

/* A participant's answer, by whatever way it comes. */
struct saga_reply {
    struct intent intent;
    struct gateway_part part;
    const Sagabase__V1__Reply *reply;
    struct append *append; /* as in saga_start */

    /* Results; intent.status is then OK, whatever the outcome, unless the reply could not be
     * decided (UNAVAILABLE, RESOURCE_EXHAUSTED). The conflict is in append->conflict. */
    Sagabase__V1__ReplyOutcome outcome;
    Sagabase__V1__Outcome recorded;
    uint64_t position;
    char message[252]; /* of INVALID, WRONG_EXPECTED_REVISION, UNAVAILABLE */

    struct command_name name;  /* the gateway's */
    struct trace_context span; /* the same: of the attempt, unless the intent has one already */
    bool is_open;              /* the same: the saga is */
};

/* An invalid reply is not submitted: INVALID_ARGUMENT. */
struct status saga_reply_submit(struct gateway *gateway, struct saga_reply *reply,
                                struct arena *arena);
struct status saga_reply_settle(struct saga_reply *reply, struct arena *arena);

/* An ordinary append that holds an event "$SagaReplyRequested" (participant.proto). */
bool append_has_reply(const struct append *append);

/* In place of append_submit and append_settle for such an append. `done` is in
 * append->intent as always; call these two instead. The settled status is as append_settle's, or
 * FAILED_PRECONDITION: the command has another reply, or was given up; nothing was stored. */
struct append_reply; /* in the arena */
struct status append_reply_submit(struct gateway *gateway, struct append *append,
                                  struct arena *arena, struct append_reply **reply);
struct status append_reply_settle(struct append_reply *reply, struct arena *arena);

/* Everything else that is done to a saga by name. */
struct saga_act {
    struct intent intent;
    struct gateway_part part;
    struct bytes type, id;
    struct saga_input input; /* SIGNAL to RESOLVE_STEP; the gateway sets the time */

    /* Results. */
    Sagabase__V1__SagaStatus status; /* behind the act */
    bool duplicate;                  /* of a signal */
    bool is_open;                    /* the gateway's: the saga is */
};

/* intent.status, once settled: OK, NOT_FOUND, or as saga_decide says. */
struct status saga_act_submit(struct gateway *gateway, struct saga_act *act, struct arena *arena);
struct status saga_act_settle(struct saga_act *act, struct arena *arena);

/* --- looking: any thread, what is committed ----------------------------------------------------
 */

/* The newest run of a saga; the caller frees it. NOT_FOUND. */
struct status gateway_get_saga(struct gateway *gateway, struct bytes type, struct bytes id,
                               struct saga **saga);

/* By number: open or ended. NOT_FOUND. */
struct status gateway_get_saga_numbered(struct gateway *gateway, uint64_t number,
                                        struct saga **saga);

/* Visits sagas that match, newest first, those with numbers below `before` (0: all), until `visit`
 * returns false or 10,000 were looked at; *next is where to go on, 0: all were seen. The saga is
 * borrowed for that one call. */
typedef bool saga_visit(void *context, const struct saga *saga);
struct status gateway_list_sagas(struct gateway *gateway,
                                 const Sagabase__V1__ListSagasRequest *filter, uint64_t before,
                                 saga_visit *visit, void *context, uint64_t *next);

struct gateway_counts {
    uint64_t open; /* sagas by memory */
    uint64_t running, compensating, parked, paused;
    uint64_t started;      /* ever */
    size_t memory_bytes;   /* of open sagas */
    int64_t oldest_due_us; /* wall clock; INT64_MAX: none */
    /* Ever, in this process. */
    uint64_t replies;      /* accepted */
    uint64_t late_replies; /* DUPLICATE or SUPERSEDED */
    uint64_t timeouts;     /* of leases, or because nobody took a command */
    uint64_t timers;       /* sagas that went on because it was time */
    uint64_t stuck;        /* times a saga could not go on by itself: see the log */
};

struct gateway_counts gateway_counts(struct gateway *gateway);

#endif
