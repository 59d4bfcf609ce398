/* Puts a server under one load and prints one line of JSON (measure.h).
 *
 *   bench WORKLOAD ADDRESS PID [SETTING=NUMBER...]
 *
 * PID is the server's. tests/bench/run compares; numbers of other machines or runs do not
 * compare. */
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/bench/workloads.h"

static const struct workload {
    const char *name;
    void (*measure)(const struct load *load, struct measured *measured);
} workloads[] = {
    {"empty", measure_empty},
    {"append", measure_append},
    {"sessions", measure_sessions},
    {"fill", fill_streams},
    {"fill-long", fill_long_stream},
    {"read-all", measure_read_all},
    {"read-stream", measure_read_stream},
    {"load-replayed", measure_load_replayed},
    {"load-snapshot", measure_load_snapshot},
    {"live", measure_live},
    {"fan-out", measure_fan_out},
    {"idle", measure_idle},
    {"sagas", measure_sagas},
    {"saga-burst", measure_saga_burst},
    {"saga-fill", fill_sagas},
    {"umadb-append", measure_umadb_append},
    {"umadb-fill", fill_umadb},
    {"umadb-read-all", measure_umadb_read_all},
    {"umadb-read-tag", measure_umadb_read_tag},
};

struct settings {
    double seconds, warm_up, connections, outstanding, events, streams, zipf, total, rate,
        subscribers;
};

static const struct setting {
    const char *name;
    size_t offset;
    double fallback, min, max;
} settings_table[] = {
    {"seconds", offsetof(struct settings, seconds), 1, 0, 3600},
    {"warm_up", offsetof(struct settings, warm_up), 0.3, 0, 60},
    {"connections", offsetof(struct settings, connections), 4, 1, WIRE_CONNECTIONS_MAX},
    {"outstanding", offsetof(struct settings, outstanding), 1, 1, OUTSTANDING_MAX},
    {"events", offsetof(struct settings, events), 1, 1, EVENTS_MAX},
    {"streams", offsetof(struct settings, streams), 1000, 1, 1e9},
    {"zipf", offsetof(struct settings, zipf), 0, 0, 1},
    {"total", offsetof(struct settings, total), 1000, 1, 4e9},
    {"rate", offsetof(struct settings, rate), 1000, 1, 1e6},
    {"subscribers", offsetof(struct settings, subscribers), 1, 1, 60000},
};

enum { SETTINGS = sizeof settings_table / sizeof *settings_table };

static double *setting_of(struct settings *settings, const struct setting *setting)
{
    return (double *)((char *)settings + setting->offset);
}

static bool set(struct settings *settings, const char *text)
{
    const char *equals = strchr(text, '=');

    for (size_t i = 0; equals && i < SETTINGS; i++) {
        const struct setting *setting = &settings_table[i];
        size_t size = strlen(setting->name);
        if (size != (size_t)(equals - text) || memcmp(setting->name, text, size) != 0)
            continue;
        double value = strtod(equals + 1, NULL);
        *setting_of(settings, setting) = value;
        return value >= setting->min && value <= setting->max;
    }
    return false;
}

static int usage(void)
{
    fprintf(stderr, "usage: bench WORKLOAD ADDRESS PID [SETTING=NUMBER...]\nworkloads:");
    for (size_t i = 0; i < sizeof workloads / sizeof *workloads; i++)
        fprintf(stderr, " %s", workloads[i].name);
    fprintf(stderr, "\nsettings:");
    for (size_t i = 0; i < SETTINGS; i++)
        fprintf(stderr, " %s=%g", settings_table[i].name, settings_table[i].fallback);
    fprintf(stderr, "\n");
    return 2;
}

static struct load load_of(const struct settings *settings, const char *address, const char *pid)
{
    return (struct load){
        .wire = wire_open(address, (unsigned)settings->connections),
        .pid = (int)strtol(pid, NULL, 10),
        .warm_up_us = (int64_t)(settings->warm_up * 1e6),
        .measure_us = (int64_t)(settings->seconds * 1e6),
        .outstanding = (unsigned)settings->outstanding,
        .events = (unsigned)settings->events,
        .streams = (unsigned)settings->streams,
        .zipf = settings->zipf > 0,
        .total = (uint64_t)settings->total,
        .rate = (unsigned)settings->rate,
        .subscribers = (unsigned)settings->subscribers,
    };
}

int main(int argc, char **argv)
{
    static struct measured measured;
    const struct workload *workload = NULL;
    struct settings settings;

    if (argc < 4)
        return usage();
    for (size_t i = 0; i < sizeof workloads / sizeof *workloads; i++)
        if (strcmp(workloads[i].name, argv[1]) == 0)
            workload = &workloads[i];
    for (size_t i = 0; i < SETTINGS; i++)
        *setting_of(&settings, &settings_table[i]) = settings_table[i].fallback;
    for (int i = 4; i < argc; i++)
        if (!set(&settings, argv[i]))
            return usage();
    if (!workload)
        return usage();

    struct load load = load_of(&settings, argv[2], argv[3]);
    workload->measure(&load, &measured);
    wire_close(load.wire);
    measured_print(&measured);
    return 0;
}
