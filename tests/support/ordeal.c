#include "tests/support/ordeal.h"

#include <assert.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"

static uint64_t option(int argc, char **argv, const char *name, uint64_t otherwise)
{
    for (int i = 2; i + 1 < argc; i += 2)
        if (strcmp(argv[i], name) == 0)
            return strtoull(argv[i + 1], NULL, 10);
    return otherwise;
}

bool ordeal_begin(struct ordeal *ordeal, const char *name, int argc, char **argv, uint32_t kills)
{
    const char *parent = getenv("TEST_TMPDIR");

    *ordeal = (struct ordeal){.binary = argc > 1 ? argv[1] : NULL, .end_us = INT64_MAX};
    if (!ordeal->binary) {
        fprintf(stderr, "usage: %s SAGABASE [--kills N] [--minutes N] [--seed N]\n", name);
        return false;
    }
    int64_t minutes = (int64_t)option(argc, argv, "--minutes", 0);
    if (minutes)
        ordeal->end_us = clock_monotonic_us(system_clock()) + minutes * 60 * 1000 * 1000;
    ordeal->kills_wanted = (uint32_t)option(argc, argv, "--kills", minutes ? UINT32_MAX : kills);
    ordeal->seed = option(argc, argv, "--seed", (uint64_t)time(NULL) << 16 ^ (uint64_t)getpid());
    snprintf(ordeal->folder, sizeof ordeal->folder, "%.300s/%.90s.XXXXXX", parent ? parent : "/tmp",
             name);
    char *made = mkdtemp(ordeal->folder);
    assert(made);
    (void)made;
    snprintf(ordeal->log, sizeof ordeal->log, "%.400s/server.log", ordeal->folder);
    signal(SIGPIPE, SIG_IGN);
    printf("seed %" PRIu64 "\n", ordeal->seed);
    return true;
}

bool ordeal_over(const struct ordeal *ordeal)
{
    return ordeal->kills >= ordeal->kills_wanted ||
           clock_monotonic_us(system_clock()) >= ordeal->end_us;
}

struct status ordeal_verify(const struct ordeal *ordeal, const char *data)
{
    int wait_status = 0;

    fflush(stdout); /* or the child would say it once more */
    pid_t child = fork();

    if (child == 0) {
        const char *argv[] = {ordeal->binary, "verify", "--data", data, NULL};
        if (freopen(ordeal->log, "a", stdout))
            execv(argv[0], (char *const *)argv);
        _exit(127);
    }
    if (child < 0 || waitpid(child, &wait_status, 0) != child)
        return status_make(STATUS_INTERNAL, "verify: it could not be run");
    if (wait_status != 0)
        return status_make(STATUS_DATA_LOSS, "verify: the store is not whole: see the log");
    return OK;
}

static void print_log(const char *path)
{
    char line[1024];
    FILE *log = fopen(path, "r");

    while (log && fgets(line, sizeof line, log))
        fputs(line, stderr);
    if (log)
        fclose(log);
}

int ordeal_end(const struct ordeal *ordeal, struct status status)
{
    const char *argv[] = {"rm", "-rf", ordeal->folder, NULL};

    if (!status_ok(status)) {
        print_log(ordeal->log);
        fprintf(stderr, "FAILED (seed %" PRIu64 ", stores are left in %s): %s\n", ordeal->seed,
                ordeal->folder, status.message);
        return 1;
    }
    fflush(stdout);
    execvp(argv[0], (char *const *)argv);
    return 1;
}
