/* Sagas under the worst of circumstances: a server that is killed with -9 at random moments, and
 * participants, operators and starters as cast.h has them. Then honest ones finish the work, and
 * the oracle judges what the streams tell.
 *
 *   chaos SAGABASE [--kills N] [--minutes N] [--seed N] */
#include <assert.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "sagabase/v1/sagas.pb-c.h"
#include "tests/sagas/cast.h"
#include "tests/sagas/oracle.h"
#include "tests/sagas/plays.h"
#include "tests/support/ordeal.h"
#include "tests/support/server_process.h"

#define EVENT_STORE "/sagabase.v1.EventStore/"
#define SAGAS       "/sagabase.v1.Sagas/"
#define DEFINITIONS "/sagabase.v1.SagaDefinitions/"

enum {
    KILLS = 60,
    KILLS_PER_STORE = 15,
    CONNECTIONS = 4,
    READY_TIMEOUT_MS = 60000,
    CALL_US = 30 * 1000 * 1000,
    LIFE_MS_MIN = 20,
    LIFE_MS_MAX = 900,
    STARTS_PER_LIFE = 40,
    SETTLE_US = 120 * 1000 * 1000, /* honest participants are done long before */
    PATH_BYTES = 512,
};

struct run {
    struct ordeal ordeal;
    struct chance chance;
};

struct store {
    struct run *run;
    char data[PATH_BYTES];
    struct memory memory;
    struct server_process server;
    struct wire *wire;
};

static int64_t now_us(void)
{
    return clock_monotonic_us(system_clock());
}

static struct status start_server(struct store *store)
{
    const char *options[] = {"--data", store->data, NULL};

    server_start(&store->server, store->run->ordeal.binary, options, store->run->ordeal.log);
    if (!server_wait_ready(&store->server, READY_TIMEOUT_MS))
        return status_make(STATUS_UNAVAILABLE, "the server did not start again on %.100s",
                           store->data);
    store->wire = wire_open(store->server.address, CONNECTIONS);
    return OK;
}

/* --- one call --------------------------------------------------------------------------------- */

struct asked {
    bool ended;
    struct status status;
    const ProtobufCMessageDescriptor *type;
    void *response;
};

static void on_answered(void *context, struct status status, struct bytes response)
{
    struct asked *asked = context;

    asked->ended = true;
    asked->status = status;
    if (status_ok(status))
        asked->response =
            protobuf_c_message_unpack(asked->type, NULL, response.size, response.data);
}

/* The response is the caller's. */
static struct status ask(struct wire *wire, const char *path, const ProtobufCMessage *request,
                         const ProtobufCMessageDescriptor *type, void **response)
{
    struct asked asked = {.type = type};

    wire_unary(wire, 0, path, request, CALL_US, on_answered, &asked);
    while (!asked.ended)
        wire_step(wire, CALL_US);
    *response = asked.response;
    if (!status_ok(asked.status))
        return status_make(asked.status.code, "%s: %.180s", path, asked.status.message);
    return OK;
}

static struct status tell(struct wire *wire, const char *path, const ProtobufCMessage *request,
                          const ProtobufCMessageDescriptor *type)
{
    void *response = NULL;
    struct status status = ask(wire, path, request, type, &response);

    if (response)
        protobuf_c_message_free_unpacked(response, NULL);
    return status;
}

static struct status define_plays(struct store *store)
{
    for (size_t i = 0; i < PLAYS; i++) {
        Sagabase__V1__PutDefinitionRequest request = SAGABASE__V1__PUT_DEFINITION_REQUEST__INIT;
        struct arena arena;
        arena_init(&arena, 1 << 20);
        request.definition = play(i, &arena);
        struct status status = tell(store->wire, DEFINITIONS "PutDefinition", &request.base,
                                    &sagabase__v1__put_definition_response__descriptor);
        arena_destroy(&arena);
        TRY(status);
    }
    return OK;
}

/* --- a life ------------------------------------------------------------------------------------
 */

static struct status live_and_die(struct store *store)
{
    struct run *run = store->run;
    int64_t death_us =
        now_us() +
        1000 * (LIFE_MS_MIN + (int64_t)chance_below(&run->chance, LIFE_MS_MAX - LIFE_MS_MIN));
    struct cast *cast =
        cast_join(store->wire, &store->memory, &run->chance, STARTS_PER_LIFE, false);

    while (now_us() < death_us) {
        wire_step(store->wire, cast_patience_us(cast));
        cast_tick(cast);
    }
    cast_expect_death(cast);
    server_kill(&store->server);
    run->ordeal.kills++;
    while (wire_open_calls(store->wire) > 0)
        wire_step(store->wire, 1000 * 1000);
    struct status verdict = cast_verdict(cast);
    cast_free(cast);
    wire_close(store->wire);
    store->wire = NULL;
    return verdict;
}

/* --- to the end --------------------------------------------------------------------------------
 */

/* What an operator would do about a saga that does not go on by itself. */
static struct status mend(struct store *store, const Sagabase__V1__SagaSummary *summary)
{
    Sagabase__V1__SagaName name = SAGABASE__V1__SAGA_NAME__INIT;
    Sagabase__V1__ResumeSagaRequest resume = SAGABASE__V1__RESUME_SAGA_REQUEST__INIT;
    Sagabase__V1__GetSagaRequest get = SAGABASE__V1__GET_SAGA_REQUEST__INIT;
    Sagabase__V1__ResolveStepRequest resolve = SAGABASE__V1__RESOLVE_STEP_REQUEST__INIT;
    Sagabase__V1__GetSagaResponse *saga = NULL;
    struct status status = OK;

    name.type = summary->type;
    name.id = summary->id;
    if (summary->paused) {
        resume.saga = &name;
        return tell(store->wire, SAGAS "ResumeSaga", &resume.base,
                    &sagabase__v1__resume_saga_response__descriptor);
    }
    if (summary->status != SAGABASE__V1__SAGA_STATUS__SAGA_STATUS_PARKED)
        return OK;
    get.saga = resolve.saga = &name;
    TRY(ask(store->wire, SAGAS "GetSaga", &get.base, &sagabase__v1__get_saga_response__descriptor,
            (void **)&saga));
    resolve.outcome = SAGABASE__V1__OUTCOME__OUTCOME_SUCCESS;
    resolve.reason = "the ledger says so";
    for (size_t i = 0; i < saga->n_activities && status_ok(status); i++)
        if (saga->activities[i]->state == SAGABASE__V1__ACTIVITY_STATE__ACTIVITY_STATE_PARKED) {
            resolve.step = saga->activities[i]->node;
            status = tell(store->wire, SAGAS "ResolveStep", &resolve.base,
                          &sagabase__v1__resolve_step_response__descriptor);
        }
    sagabase__v1__get_saga_response__free_unpacked(saga, NULL);
    return status.code == STATUS_FAILED_PRECONDITION ? OK : status; /* it went on meanwhile */
}

/* *open: how many sagas have not ended. */
static struct status mend_all(struct store *store, size_t *open, char first[96])
{
    Sagabase__V1__SagaStatus statuses[] = {SAGABASE__V1__SAGA_STATUS__SAGA_STATUS_RUNNING,
                                           SAGABASE__V1__SAGA_STATUS__SAGA_STATUS_COMPENSATING,
                                           SAGABASE__V1__SAGA_STATUS__SAGA_STATUS_PARKED};
    Sagabase__V1__ListSagasRequest request = SAGABASE__V1__LIST_SAGAS_REQUEST__INIT;
    Sagabase__V1__ListSagasResponse *response = NULL;
    struct status status = OK;

    request.n_statuses = 3;
    request.statuses = statuses;
    request.page_size = 1000;
    TRY(ask(store->wire, SAGAS "ListSagas", &request.base,
            &sagabase__v1__list_sagas_response__descriptor, (void **)&response));
    *open = response->n_sagas;
    for (size_t i = 0; i < response->n_sagas && status_ok(status); i++) {
        const Sagabase__V1__SagaSummary *summary = response->sagas[i];
        if (i == 0)
            snprintf(first, 96, "%.30s/%.20s status %d %.30s", summary->type, summary->id,
                     summary->status, summary->n_waiting_for ? summary->waiting_for[0] : "");
        status = mend(store, summary);
    }
    sagabase__v1__list_sagas_response__free_unpacked(response, NULL);
    return status;
}

/* Honest participants and operators, until no saga is open and no reply unanswered. */
static struct status finish(struct store *store)
{
    struct cast *cast = cast_join(store->wire, &store->memory, &store->run->chance, 0, true);
    int64_t end_us = now_us() + SETTLE_US, look_us = 0;
    struct status status = OK;
    char first[96] = "";
    size_t open = 1;

    while (status_ok(status) && (open > 0 || store->memory.replies)) {
        wire_step(store->wire, cast_patience_us(cast));
        cast_tick(cast);
        status = cast_verdict(cast);
        if (status_ok(status) && look_us <= now_us()) {
            status = mend_all(store, &open, first);
            look_us = now_us() + 50 * 1000;
        }
        if (status_ok(status) && now_us() > end_us)
            status = status_make(STATUS_DEADLINE_EXCEEDED, "%zu sagas are stuck, %s", open, first);
    }
    cast_leave(cast);
    while (wire_open_calls(store->wire) > 0)
        wire_step(store->wire, 1000 * 1000);
    cast_free(cast);
    return status;
}

/* --- judging -------------------------------------------------------------------------------------
 */

struct reading {
    struct oracle *oracle;
    struct status verdict;
    bool ended;
};

static void on_page(void *context, struct bytes bytes)
{
    struct reading *reading = context;
    Sagabase__V1__ReadAllResponse *page =
        sagabase__v1__read_all_response__unpack(NULL, bytes.size, bytes.data);

    assert(page);
    for (size_t i = 0; i < page->n_events && status_ok(reading->verdict); i++)
        reading->verdict = oracle_see(reading->oracle, page->events[i]);
    sagabase__v1__read_all_response__free_unpacked(page, NULL);
}

static void on_read(void *context, struct status status)
{
    struct reading *reading = context;

    reading->ended = true;
    if (!status_ok(status))
        reading->verdict = status;
}

static struct status read_and_judge(struct store *store, struct oracle *oracle,
                                    struct oracle_counts *counts)
{
    static const struct wire_stream_events events = {.message = on_page, .ended = on_read};
    Sagabase__V1__ReadAllRequest request = SAGABASE__V1__READ_ALL_REQUEST__INIT;
    struct reading reading = {.oracle = oracle, .verdict = OK};

    wire_stream_open(store->wire, 0, EVENT_STORE "ReadAll", &request.base, &events, &reading);
    while (!reading.ended)
        wire_step(store->wire, CALL_US);
    TRY(reading.verdict);
    TRY(oracle_judge(oracle, counts));
    for (uint32_t i = 0; i < store->memory.started; i++) {
        char id[32];
        memory_id(i, id);
        if (store->memory.acknowledged[i] && !oracle_knows(oracle, memory_type(i), id))
            return status_make(STATUS_DATA_LOSS, "%s was acknowledged and is not there", id);
    }
    if (counts->open > 0)
        return status_make(STATUS_DATA_LOSS, "%" PRIu64 " sagas have no end", counts->open);
    return OK;
}

static struct status judge(struct store *store)
{
    const struct memory *memory = &store->memory;
    struct oracle *oracle = oracle_create();
    struct oracle_counts counts = {0};
    struct status status = read_and_judge(store, oracle, &counts);

    oracle_free(oracle);
    printf("%" PRIu32 " kills: %" PRIu64 " sagas (%" PRIu64 " completed, %" PRIu64
           " compensated), %" PRIu64 " commands, %" PRIu64 " attempts; %" PRIu64
           " replies: %" PRIu64 " duplicates, %" PRIu64 " superseded, %" PRIu64
           " of wrong revision, %" PRIu64 " for nothing; %" PRIu64 " late ones noted\n",
           store->run->ordeal.kills, counts.sagas, counts.completed, counts.compensated,
           counts.commands, counts.attempts, memory->replies_sent, memory->duplicates,
           memory->superseded, memory->refused, memory->unknown, counts.refused_late);
    fflush(stdout);
    return status;
}

/* `sagabase verify` finds the store whole. */
static struct status live(struct store *store)
{
    TRY(start_server(store));
    TRY(define_plays(store));
    for (uint32_t i = 0; i < KILLS_PER_STORE && !ordeal_over(&store->run->ordeal); i++) {
        TRY(live_and_die(store));
        TRY(start_server(store));
    }
    TRY(finish(store));
    TRY(judge(store));
    wire_close(store->wire);
    store->wire = NULL;
    int exit_status = server_stop(&store->server);
    if (exit_status != 0)
        return status_make(STATUS_INTERNAL, "SIGTERM: exit status %d", exit_status);
    return ordeal_verify(&store->run->ordeal, store->data);
}

static struct status run_store(struct run *run, uint32_t number)
{
    struct store *store = calloc(1, sizeof *store);

    assert(store);
    store->run = run;
    snprintf(store->data, sizeof store->data, "%.400s/store-%" PRIu32, run->ordeal.folder, number);
    struct status status = live(store);
    if (store->server.pid)
        server_kill(&store->server);
    memory_forget_replies(&store->memory);
    free(store);
    return status;
}

int main(int argc, char **argv)
{
    struct run run = {0};
    struct status status = OK;

    if (!ordeal_begin(&run.ordeal, "chaos", argc, argv, KILLS))
        return 2;
    run.chance.state = run.ordeal.seed * 2 + 1;
    for (uint32_t store = 0; status_ok(status) && !ordeal_over(&run.ordeal); store++)
        status = run_store(&run, store);
    return ordeal_end(&run.ordeal, status);
}
