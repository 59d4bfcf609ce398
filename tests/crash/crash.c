/* Kills the server with -9 at random moments while many clients append and put snapshots, starts
 * it on the same directory, reads everything, and lets an oracle judge.
 *
 *   crash SAGABASE [--kills N] [--minutes N] [--seed N]
 *
 * A store lives for KILLS_PER_STORE kills: reading all of it after each stays cheap. */
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "tests/crash/clients.h"
#include "tests/crash/oracle.h"
#include "tests/crash/snapshot_writers.h"
#include "tests/support/ordeal.h"
#include "tests/support/server_process.h"
#include "tests/support/wire.h"

enum {
    KILLS = 200,
    KILLS_PER_STORE = 25,
    CONNECTIONS = 4,
    READY_TIMEOUT_MS = 60000,
    KILL_AFTER_MS_MIN = 5,
    KILL_AFTER_MS_MAX = 300,
    RECOVERY_MS_MAX = 100, /* a start that is killed lives at most that long */
    REPEATS_MAX = 20,
    PATH_BYTES = 512,
};

struct run {
    struct ordeal ordeal;
    struct chance chance;
    uint32_t kills_in_recovery;
    uint64_t appends;
    uint64_t events;
    uint64_t snapshots;
    uint64_t lost_answers; /* appends whose outcome was unknown */
    uint64_t repeated;
};

/* One data directory and what is known of it. */
struct store {
    struct run *run;
    char data[PATH_BYTES];
    struct oracle *oracle;
    struct snapshot_writers *snapshots;
    uint32_t first_open; /* appends before it were settled at the last check */
    struct server_process server;
    struct wire *wire;
};

static int64_t now_us(void)
{
    return clock_monotonic_us(system_clock());
}

static void start(struct store *store)
{
    const char *options[] = {"--data", store->data, NULL};

    server_start(&store->server, store->run->ordeal.binary, options, store->run->ordeal.log);
}

/* Starts the server; now and then kills it before it could say that it is ready. */
static struct status recover(struct store *store)
{
    struct run *run = store->run;

    while (chance_below(&run->chance, 8) == 0 && !ordeal_over(&run->ordeal)) {
        start(store);
        server_wait_ready(&store->server, 1 + chance_below(&run->chance, RECOVERY_MS_MAX));
        server_kill(&store->server);
        run->ordeal.kills++;
        run->kills_in_recovery++;
    }
    start(store);
    if (!server_wait_ready(&store->server, READY_TIMEOUT_MS))
        return status_make(STATUS_UNAVAILABLE, "the server did not start again on %.100s",
                           store->data);
    store->wire = wire_open(store->server.address, CONNECTIONS);
    return OK;
}

/* Appends that were underway at the last kill, and a few old ones, once more. */
static struct status repeat_some(struct store *store)
{
    struct run *run = store->run;
    uint32_t count = oracle_count(store->oracle);

    for (uint32_t i = 0; i < REPEATS_MAX && count > 0; i++) {
        uint32_t number = chance_below(&run->chance, count);
        if (store->first_open < count) /* the newest ones first of all */
            number = i < REPEATS_MAX / 2
                         ? store->first_open + chance_below(&run->chance, count - store->first_open)
                         : number;
        enum outcome outcome = oracle_attempt(store->oracle, number)->outcome;
        if (outcome != STORED && outcome != ABSENT)
            continue;
        TRY(repeat_append(store->wire, store->oracle, number));
        run->repeated++;
    }
    return OK;
}

static struct status check(struct store *store)
{
    struct run *run = store->run;

    for (uint32_t i = store->first_open; i < oracle_count(store->oracle); i++)
        run->lost_answers += oracle_attempt(store->oracle, i)->outcome == UNKNOWN;
    TRY(read_all(store->wire, store->oracle));
    TRY(repeat_some(store));
    TRY(snapshot_writers_check(store->snapshots, store->wire));
    store->first_open = oracle_count(store->oracle);
    return OK;
}

/* Load until the moment of death, then until every call has told its end. */
static struct status load_and_kill(struct store *store)
{
    struct run *run = store->run;
    int64_t death_us =
        now_us() + 1000 * (KILL_AFTER_MS_MIN +
                           chance_below(&run->chance, KILL_AFTER_MS_MAX - KILL_AFTER_MS_MIN + 1));
    struct clients *clients = clients_start(store->wire, store->oracle, &run->chance);

    snapshot_writers_start(store->snapshots, store->wire);
    while (now_us() < death_us)
        wire_step(store->wire, death_us - now_us());
    clients_expect_death(clients);
    snapshot_writers_expect_death(store->snapshots);
    server_kill(&store->server);
    run->ordeal.kills++;
    while (wire_open_calls(store->wire) > 0)
        wire_step(store->wire, 1000 * 1000);
    struct status verdict = clients_verdict(clients);
    if (status_ok(verdict))
        verdict = snapshot_writers_verdict(store->snapshots);
    clients_free(clients);
    wire_close(store->wire);
    store->wire = NULL;
    return verdict;
}

/* `sagabase verify` finds the store whole; what it finds goes to the server's log. */
static struct status live(struct store *store)
{
    for (uint32_t i = 0; i < KILLS_PER_STORE && !ordeal_over(&store->run->ordeal); i++) {
        TRY(recover(store));
        TRY(check(store));
        TRY(load_and_kill(store));
    }
    TRY(recover(store));
    TRY(check(store));
    wire_close(store->wire);
    int exit_status = server_stop(&store->server);
    if (exit_status != 0)
        return status_make(STATUS_INTERNAL, "SIGTERM: exit status %d", exit_status);
    return ordeal_verify(&store->run->ordeal, store->data);
}

static struct status run_store(struct run *run, uint32_t number)
{
    struct store store = {.run = run, .oracle = oracle_create((uint32_t)run->chance.state)};

    store.snapshots = snapshot_writers_create(store.oracle, &run->chance);
    snprintf(store.data, sizeof store.data, "%.400s/store-%" PRIu32, run->ordeal.folder, number);
    struct status status = live(&store);
    run->appends += oracle_count(store.oracle);
    run->events += oracle_events(store.oracle);
    run->snapshots += snapshot_writers_count(store.snapshots);
    if (store.server.pid)
        server_kill(&store.server);
    snapshot_writers_free(store.snapshots);
    oracle_free(store.oracle);
    return status;
}

static void print_totals(const struct run *run)
{
    printf("%" PRIu32 " kills (%" PRIu32 " of them while starting), %" PRIu64 " appends, %" PRIu64
           " events, %" PRIu64 " snapshots, %" PRIu64 " outcomes unknown at a kill, %" PRIu64
           " appends repeated\n",
           run->ordeal.kills, run->kills_in_recovery, run->appends, run->events, run->snapshots,
           run->lost_answers, run->repeated);
    fflush(stdout);
}

int main(int argc, char **argv)
{
    struct run run = {0};
    struct status status = OK;

    if (!ordeal_begin(&run.ordeal, "crash", argc, argv, KILLS))
        return 2;
    run.chance.state = run.ordeal.seed * 2 + 1;
    for (uint32_t store = 0; status_ok(status) && !ordeal_over(&run.ordeal); store++) {
        status = run_store(&run, store);
        print_totals(&run);
    }
    return ordeal_end(&run.ordeal, status);
}
