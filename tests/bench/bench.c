/* Measures a server and prints a table, each row beside the empty unary call of the same
 * run and, where there is one, the same number of calls outstanding.
 *
 *   bench SERVER_ADDRESS SERVER_PID ECHO_ADDRESS ECHO_PID SECONDS JSON_FILE
 *
 * Numbers of different machines or runs are not comparable; the ratios are, roughly. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/bench/load.h"

enum { ROWS_MAX = 32, CONNECTIONS = 4, EMPTY_ROWS = 4, WARM_UP_US = 500 * 1000 };

static const unsigned outstanding[EMPTY_ROWS] = {1, 8, 64, 256};

struct table {
    struct measured rows[ROWS_MAX];
    unsigned count;
};

static double calls_per_s(const struct measured *row)
{
    return (double)row->calls / row->seconds;
}

/* The empty call's row with as many calls outstanding, or the fastest. */
static const struct measured *empty_row(const struct table *table, const struct measured *row)
{
    const struct measured *fastest = &table->rows[0];

    for (unsigned i = 0; i < EMPTY_ROWS; i++) {
        if (table->rows[i].outstanding == row->outstanding)
            return &table->rows[i];
        if (calls_per_s(&table->rows[i]) > calls_per_s(fastest))
            fastest = &table->rows[i];
    }
    return fastest;
}

static void print_row(const struct table *table, const struct measured *row)
{
    printf("%-32s %5u %10.0f %10.0f %8" PRId64 " %8" PRId64 " %8" PRId64 " %9.1f %7.2f\n",
           row->name, row->outstanding, calls_per_s(row), (double)row->events / row->seconds,
           histogram_permille(&row->latency_us, 500), histogram_permille(&row->latency_us, 990),
           histogram_permille(&row->latency_us, 999), row->server_cpu_us,
           calls_per_s(row) / calls_per_s(empty_row(table, row)));
    fflush(stdout);
}

static void print_head(void)
{
    printf("%-32s %5s %10s %10s %8s %8s %8s %9s %7s\n", "", "out", "calls/s", "events/s", "p50 us",
           "p99 us", "p99.9 us", "CPU us", "ratio");
}

static bool write_json(const struct table *table, const char *path)
{
    FILE *file = fopen(path, "w");

    if (!file)
        return false;
    fputs("{\"rows\": [\n", file);
    for (unsigned i = 0; i < table->count; i++) {
        const struct measured *row = &table->rows[i];
        fprintf(
            file,
            "  {\"name\": \"%s\", \"outstanding\": %u, \"calls_per_s\": %.1f, "
            "\"events_per_s\": %.1f, \"p50_us\": %" PRId64 ", \"p99_us\": %" PRId64
            ", \"p999_us\": %" PRId64 ", \"server_cpu_us_per_call\": %.2f, "
            "\"ratio_to_empty_call\": %.4f}%s\n",
            row->name, row->outstanding, calls_per_s(row), (double)row->events / row->seconds,
            histogram_permille(&row->latency_us, 500), histogram_permille(&row->latency_us, 990),
            histogram_permille(&row->latency_us, 999), row->server_cpu_us,
            calls_per_s(row) / calls_per_s(empty_row(table, row)), i + 1 < table->count ? "," : "");
    }
    fputs("]}\n", file);
    return fclose(file) == 0;
}

static struct measured *next_row(struct table *table)
{
    return &table->rows[table->count++];
}

static void measure_all(struct table *table, struct target *echo, struct target *server)
{
    for (unsigned i = 0; i < EMPTY_ROWS; i++) {
        measure_empty(echo, outstanding[i], next_row(table));
        print_row(table, &table->rows[table->count - 1]);
    }
    for (unsigned i = 0; i < EMPTY_ROWS; i++) {
        measure_append(server, outstanding[i], 1, next_row(table));
        print_row(table, &table->rows[table->count - 1]);
    }
    measure_sessions(server, next_row(table));
    print_row(table, &table->rows[table->count - 1]);
    for (unsigned i = 0; i < 2; i++) {
        measure_append(server, outstanding[i], BATCH_EVENTS, next_row(table));
        print_row(table, &table->rows[table->count - 1]);
    }
    measure_read_stream(server, 64, 10, next_row(table));
    print_row(table, &table->rows[table->count - 1]);
    measure_read_stream(server, 8, LONG_STREAM_EVENTS, next_row(table));
    print_row(table, &table->rows[table->count - 1]);
    measure_read_all(server, next_row(table));
    print_row(table, &table->rows[table->count - 1]);
    measure_live(server, 1000, next_row(table));
    print_row(table, &table->rows[table->count - 1]);
}

int main(int argc, char **argv)
{
    struct table *table = calloc(1, sizeof *table);

    if (argc != 7 || !table) {
        fprintf(stderr, "usage: bench SERVER PID ECHO_SERVER PID SECONDS JSON_FILE\n");
        return 2;
    }
    int64_t measure_us = (int64_t)(strtod(argv[5], NULL) * 1e6);
    struct target server = {wire_open(argv[1], CONNECTIONS), (int)strtol(argv[2], NULL, 10),
                            WARM_UP_US, measure_us};
    struct target echo = {wire_open(argv[3], CONNECTIONS), (int)strtol(argv[4], NULL, 10),
                          WARM_UP_US, measure_us};

    print_head();
    measure_all(table, &echo, &server);
    wire_close(server.wire);
    wire_close(echo.wire);
    bool written = write_json(table, argv[6]);
    free(table);
    if (!written)
        fprintf(stderr, "bench: %s cannot be written\n", argv[6]);
    return written ? 0 : 1;
}
