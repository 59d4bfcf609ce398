/* Are appends, with every expectation and with conditions, and reads of heads linearizable, also
 * across kill -9?
 *
 *   linearizability SAGABASE [--stores N] [--minutes N] [--seed N] [--keep FOLDER]
 *                  [--operations N] [--clients N]
 *
 * Each store lives through some deaths under load; then its history goes to the checker, and so
 * do copies that are spoilt on purpose, which the checker must refuse. --keep leaves the
 * histories of the last store in a folder, as JSON lines, for other checkers: history.json,
 * which is right, and wrong-*.json. */
#include <assert.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "tests/linearizability/checker.h"
#include "tests/linearizability/load.h"
#include "tests/support/server_process.h"

enum {
    STORES = 4,
    DEATHS = 4,          /* of one store */
    OPERATIONS_MIN = 50, /* between two deaths */
    OPERATIONS = 600,    /* at most, unless --operations says otherwise */
    READY_TIMEOUT_MS = 60000,
    PATH_BYTES = 512,
    WRONGS = 6,
};

struct run {
    const char *binary;
    const char *kept; /* folder, or NULL */
    uint64_t seed;
    uint32_t stores_wanted;
    uint32_t operations_max;
    uint32_t clients;
    int64_t end_us;
    char folder[PATH_BYTES];
    char log[PATH_BYTES];
    struct server_process server;
    uint32_t refused[WRONGS]; /* histories that were spoilt in each way */
};

/* --- histories that are wrong ---------------------------------------------------------- */

/* An append with a stale revision succeeds. */
static bool spoil_stale(struct history *history)
{
    for (uint32_t i = 0; i < history->count; i++) {
        struct operation *operation = &history->operations[i];
        struct part *part = &operation->parts[0];
        if (operation->kind == KIND_APPEND && operation->outcome == OUTCOME_APPENDED &&
            part->first_revision > 1) {
            part->expected = EXPECTED_REVISION;
            part->revision = part->first_revision - 2;
            return true;
        }
    }
    return false;
}

/* Whether the newest event that the read found had been acknowledged before it began. */
static bool acknowledged_before(const struct history *history, const struct operation *read)
{
    for (uint32_t i = 0; i < history->count; i++) {
        const struct operation *operation = &history->operations[i];
        if (operation->outcome != OUTCOME_APPENDED || operation->returned > read->invoked)
            continue;
        for (uint32_t j = 0; j < operation->part_count; j++) {
            const struct part *part = &operation->parts[j];
            if (part->events > 0 && part->stream == read->parts[0].stream &&
                part->first_revision + part->events - 1 == read->revision)
                return true;
        }
    }
    return false;
}

/* A read does not find an append that had been acknowledged. */
static bool spoil_lost(struct history *history)
{
    for (uint32_t i = 0; i < history->count; i++) {
        struct operation *operation = &history->operations[i];
        if (operation->kind == KIND_HEAD && operation->outcome == OUTCOME_FOUND &&
            operation->revision > 0 && acknowledged_before(history, operation)) {
            operation->revision--;
            operation->position--;
            return true;
        }
    }
    return false;
}

/* A conflict names a revision that the stream never had. */
static bool spoil_actual(struct history *history)
{
    for (uint32_t i = 0; i < history->count; i++) {
        struct operation *operation = &history->operations[i];
        if (operation->outcome == OUTCOME_REFUSED && operation->conflict_told &&
            operation->conflict_exists) {
            operation->conflict_revision += 1000000;
            return true;
        }
    }
    return false;
}

/* A reader sees the first events of an append and not the others. */
static bool spoil_part(struct history *history)
{
    uint64_t within = 0;

    for (uint32_t i = 0; i < history->count; i++) {
        const struct operation *operation = &history->operations[i];
        if (operation->kind == KIND_APPEND && operation->outcome == OUTCOME_APPENDED &&
            operation->part_count > 1 && operation->parts[1].events > 0)
            within = operation->position - 1;
    }
    for (uint32_t i = 0; i < history->count && within > 0; i++) {
        struct operation *operation = &history->operations[i];
        if (operation->kind == KIND_END && operation->outcome == OUTCOME_FOUND) {
            operation->position = within;
            return true;
        }
    }
    return false;
}

/* An append succeeds although an event that its condition names had come before. */
static bool spoil_unseen(struct history *history)
{
    for (uint32_t i = 0; i < history->count; i++) {
        struct operation *operation = &history->operations[i];
        struct condition *condition = &operation->condition;
        if (operation->kind != KIND_APPEND || operation->outcome != OUTCOME_APPENDED ||
            !condition->given || operation->parts[0].first_revision == 0)
            continue;
        *condition = (struct condition){.given = true, .types = (1 << TYPES) - 1};
        return true;
    }
    return false;
}

/* A condition refuses an append because of an event that nobody had appended yet. */
static bool spoil_match(struct history *history)
{
    for (uint32_t i = 0; i < history->count; i++)
        if (history->operations[i].match_told) {
            history->operations[i].match_position += 1000000;
            return true;
        }
    return false;
}

static const struct {
    const char *name;
    bool (*spoil)(struct history *history);
} wrongs[WRONGS] = {
    {"wrong-stale", spoil_stale}, {"wrong-lost", spoil_lost},     {"wrong-actual", spoil_actual},
    {"wrong-part", spoil_part},   {"wrong-unseen", spoil_unseen}, {"wrong-match", spoil_match},
};

/* --- judging ------------------------------------------------------------------------------- */

static void keep(const struct run *run, const struct history *history, const char *name)
{
    char path[PATH_BYTES * 2];

    if (!run->kept)
        return;
    snprintf(path, sizeof path, "%s/%s.json", run->kept, name);
    FILE *file = fopen(path, "w");
    assert(file);
    history_print(history, file);
    fclose(file);
}

/* A short history may have nothing to spoil in some way; not all of them, see main. */
static struct status refuse_wrongs(struct run *run, const struct history *history)
{
    for (size_t i = 0; i < WRONGS; i++) {
        struct history wrong = *history;
        uint32_t culprit;
        wrong.operations = malloc(history->count * sizeof *wrong.operations);
        assert(wrong.operations);
        memcpy(wrong.operations, history->operations, history->count * sizeof *wrong.operations);
        bool spoilt = wrongs[i].spoil(&wrong);
        enum verdict verdict = spoilt ? checker_decide(&wrong, &culprit) : NOT_LINEARIZABLE;
        if (spoilt)
            keep(run, &wrong, wrongs[i].name);
        history_destroy(&wrong);
        run->refused[i] += spoilt;
        if (verdict != NOT_LINEARIZABLE)
            return status_make(STATUS_INTERNAL, "%s: the checker does not find it", wrongs[i].name);
    }
    return OK;
}

static struct status check_wrongs(const struct run *run)
{
    for (size_t i = 0; i < WRONGS; i++)
        if (run->refused[i] == 0)
            return status_make(STATUS_INTERNAL, "%s: the load was too small", wrongs[i].name);
    return OK;
}

static struct status judge_history(struct run *run, const struct history *history)
{
    uint32_t culprit;

    keep(run, history, "history");
    switch (checker_decide(history, &culprit)) {
    case LINEARIZABLE:
        return refuse_wrongs(run, history);
    case UNDECIDED:
        return status_make(STATUS_INTERNAL, "the history is too tangled to be decided");
    default:
        return status_make(STATUS_INTERNAL,
                           "not linearizable: no order goes beyond operation %" PRIu32
                           " (line %" PRIu32 " of history.json, see --keep)",
                           culprit, culprit + 1);
    }
}

/* --- stores -------------------------------------------------------------------------------- */

static struct status start(struct run *run, const char *data, struct wire **wire)
{
    const char *options[] = {"--data", data, NULL};

    server_start(&run->server, run->binary, options, run->log);
    if (!server_wait_ready(&run->server, READY_TIMEOUT_MS))
        return status_make(STATUS_UNAVAILABLE, "the server did not start");
    *wire = wire_open(run->server.address, CONNECTIONS);
    return OK;
}

static void kill_server(void *context)
{
    struct run *run = context;

    server_kill(&run->server);
}

static struct status live(struct run *run, struct load *load, const char *data)
{
    struct wire *wire;

    for (uint32_t i = 0; i < DEATHS; i++) {
        uint32_t operations =
            OPERATIONS_MIN + load_chance(load, run->operations_max - OPERATIONS_MIN + 1);
        TRY(start(run, data, &wire));
        struct status status = load_run(load, wire, operations, kill_server, run);
        wire_close(wire);
        TRY(status);
    }
    TRY(start(run, data, &wire));
    struct status status = load_settle(load, wire);
    wire_close(wire);
    server_kill(&run->server);
    return status;
}

static struct status run_store(struct run *run, uint32_t number)
{
    char data[PATH_BYTES * 2];
    struct load load;

    snprintf(data, sizeof data, "%s/store-%" PRIu32, run->folder, number);
    load_init(&load, run->seed + number, run->clients);
    struct status status = live(run, &load, data);
    if (run->server.pid)
        server_kill(&run->server);
    if (status_ok(status))
        status = judge_history(run, &load.history);
    printf("store %" PRIu32 ": %" PRIu32 " operations, %d deaths, %" PRIu64
           " events followed: %s\n",
           number, load.history.count, DEATHS, load.subscribed.count,
           status_ok(status) ? "linearizable" : status.message);
    fflush(stdout);
    load_destroy(&load);
    return status;
}

/* --- options ------------------------------------------------------------------------------- */

static const char *option(int argc, char **argv, const char *name)
{
    for (int i = 2; i + 1 < argc; i += 2)
        if (strcmp(argv[i], name) == 0)
            return argv[i + 1];
    return NULL;
}

static uint64_t number_option(int argc, char **argv, const char *name, uint64_t otherwise)
{
    const char *value = option(argc, argv, name);

    return value ? strtoull(value, NULL, 10) : otherwise;
}

static int64_t now_us(void)
{
    return clock_monotonic_us(system_clock());
}

int main(int argc, char **argv)
{
    struct run run = {.binary = argc > 1 ? argv[1] : NULL, .kept = option(argc, argv, "--keep")};
    const char *parent = getenv("TEST_TMPDIR");
    struct status status = OK;

    if (!run.binary) {
        fprintf(stderr, "usage: linearizability SAGABASE [--stores N] [--minutes N] [--seed N] "
                        "[--keep FOLDER] [--operations N] [--clients N]\n");
        return 2;
    }
    run.seed = number_option(argc, argv, "--seed", (uint64_t)time(NULL) << 8 ^ (uint64_t)getpid());
    uint64_t minutes = number_option(argc, argv, "--minutes", 0);
    run.stores_wanted =
        (uint32_t)number_option(argc, argv, "--stores", minutes ? UINT32_MAX : STORES);
    run.operations_max = (uint32_t)number_option(argc, argv, "--operations", OPERATIONS);
    run.clients = (uint32_t)number_option(argc, argv, "--clients", CLIENTS);
    assert(run.clients >= 1 && run.clients <= CLIENTS);
    assert(run.operations_max >= OPERATIONS_MIN);
    run.end_us = minutes ? now_us() + (int64_t)minutes * 60 * 1000 * 1000 : INT64_MAX;
    snprintf(run.folder, sizeof run.folder, "%.400s/linearizability.XXXXXX",
             parent ? parent : "/tmp");
    char *made = mkdtemp(run.folder);
    assert(made);
    (void)made;
    snprintf(run.log, sizeof run.log, "%.400s/server.log", run.folder);
    signal(SIGPIPE, SIG_IGN);
    printf("seed %" PRIu64 "\n", run.seed);
    for (uint32_t i = 0; status_ok(status) && i < run.stores_wanted && now_us() < run.end_us; i++)
        status = run_store(&run, i);
    if (status_ok(status))
        status = check_wrongs(&run);
    if (!status_ok(status)) {
        fprintf(stderr, "FAILED (seed %" PRIu64 ", stores and log are left in %s): %s\n", run.seed,
                run.folder, status.message);
        return 1;
    }
    const char *removal[] = {"rm", "-rf", run.folder, NULL};
    execvp(removal[0], (char *const *)removal); /* the last thing this process does */
    return 1;
}
