#include "tests/bench/measure.h"

#include <assert.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"

int64_t now_us(void)
{
    return clock_monotonic_us(system_clock());
}

void must(struct status status)
{
    if (status_ok(status))
        return;
    fprintf(stderr, "bench: %s: %s\n", status_code_name(status.code), status.message);
    exit(1);
}

static void read_process_file(int pid, const char *name, char *text, size_t size)
{
    char path[64];

    snprintf(path, sizeof path, "/proc/%d/%s", pid, name);
    FILE *file = fopen(path, "r");
    if (!file)
        must(status_make(STATUS_NOT_FOUND, "%s: the server is gone", path));
    text[fread(text, 1, size - 1, file)] = '\0';
    fclose(file);
}

double process_cpu_us(int pid)
{
    char text[1024];
    unsigned long user = 0, system = 0;

    read_process_file(pid, "stat", text, sizeof text);
    const char *behind_name = strrchr(text, ')');
    assert(behind_name);
    int got = sscanf(behind_name + 2, "%*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user,
                     &system);
    assert(got == 2);
    (void)got;
    return (double)(user + system) * 1e6 / (double)sysconf(_SC_CLK_TCK);
}

uint64_t process_resident_bytes(int pid)
{
    char text[256];

    read_process_file(pid, "statm", text, sizeof text);
    const char *behind_size = strchr(text, ' ');
    assert(behind_size);
    return strtoull(behind_size, NULL, 10) * (uint64_t)sysconf(_SC_PAGESIZE);
}

void measured_print(const struct measured *measured)
{
    const struct histogram *latency = &measured->latency_us;

    printf("{\"calls\": %" PRIu64 ", \"events\": %" PRIu64 ", \"seconds\": %.6f, "
           "\"p50_us\": %" PRId64 ", \"p99_us\": %" PRId64 ", \"p999_us\": %" PRId64
           ", \"server_cpu_us\": %.0f, \"resident_bytes\": %" PRIu64
           ", \"resident_before\": %" PRIu64 "}\n",
           measured->calls, measured->events, measured->seconds, histogram_permille(latency, 500),
           histogram_permille(latency, 990), histogram_permille(latency, 999),
           measured->server_cpu_us, measured->resident_bytes, measured->resident_before);
}

void run_start(struct run *run, const struct load *load, struct measured *measured)
{
    *run = (struct run){.load = load, .measured = measured, .cpu_us = -1};
    run->from_us = now_us() + load->warm_up_us;
    run->to_us = run->from_us + load->measure_us;
}

bool run_is_over(const struct run *run)
{
    return now_us() >= run->to_us;
}

void run_count(struct run *run, int64_t sent_us, uint64_t events)
{
    int64_t now = now_us();

    if (now < run->from_us || now >= run->to_us)
        return;
    if (run->cpu_us < 0)
        run->cpu_us = process_cpu_us(run->load->pid);
    run->measured->calls++;
    run->measured->events += events;
    histogram_add(&run->measured->latency_us, now - sent_us);
}

void run_end(struct run *run)
{
    double cpu_us = process_cpu_us(run->load->pid);

    while (wire_open_calls(run->load->wire) > 0)
        wire_step(run->load->wire, CALL_TIMEOUT_US);
    run->measured->seconds = (double)run->load->measure_us / 1e6;
    if (run->cpu_us >= 0)
        run->measured->server_cpu_us = cpu_us - run->cpu_us;
    run->measured->resident_bytes = process_resident_bytes(run->load->pid);
}

void run_until_over(struct run *run)
{
    while (!run_is_over(run))
        wire_step(run->load->wire, run->to_us - now_us());
    run_end(run);
}

static uint64_t next_random(void)
{
    static uint64_t random = 88172645463325252;

    random ^= random << 13;
    random ^= random >> 7;
    random ^= random << 17;
    return random;
}

void next_data(uint8_t data[DATA_BYTES])
{
    for (size_t i = 0; i < DATA_BYTES / 2; i += sizeof(uint64_t))
        put_u64_little_endian(data + i, next_random());
    memset(data + DATA_BYTES / 2, ' ', DATA_BYTES / 2);
}

/* Zipf with exponent 1: the logarithm of the rank is evenly distributed. */
void next_stream(const struct load *load, char name[STREAM_NAME_BYTES])
{
    static uint64_t turn;
    uint64_t stream = turn++ % load->streams;

    if (load->zipf)
        stream = (uint64_t)pow(load->streams, (double)(next_random() >> 11) * 0x1p-53) - 1;
    snprintf(name, STREAM_NAME_BYTES, "bench-%" PRIu64, stream);
}

uint64_t count_events(struct bytes page)
{
    enum { FIELD_1_BYTES = 0x0a };
    uint64_t count = 0;
    size_t at = 0;

    while (at < page.size && page.data[at] == FIELD_1_BYTES) {
        uint64_t size = 0;
        unsigned shift = 0;
        at++;
        do
            size |= (uint64_t)(page.data[at] & 0x7f) << shift;
        while (shift += 7, page.data[at++] & 0x80);
        at += size;
        count++;
    }
    return count;
}
