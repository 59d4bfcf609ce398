/* sagabase bench: how fast a server takes appends from here, and gives them back. */
#include <assert.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/histogram.h"
#include "clients/cli/connection.h"
#include "clients/cli/text.h"

enum {
    CLIENTS_MAX = 256,
    EVENTS_MAX = 1000,
    SIZE_MAX_BYTES = 1 << 20,
    APPEND_BYTES_MAX = 2 << 20, /* below what a server takes, so that the rest of an event fits */
    NAME_BYTES = 64,
};

struct bench {
    struct connection connection;
    int64_t duration_ms;
    uint64_t clients;
    uint64_t events_per_append;
    uint64_t size;

    char run[SAGABASE_UUID_BYTES]; /* of the names of the streams */
    uint8_t *data;                 /* `size` bytes, of every event */
    int64_t end_us;
    atomic_bool failed; /* one client has: the others need not go on */
};

/* A thread that sends its next append when the one before is answered. */
struct load {
    struct bench *bench;
    pthread_t thread;
    char stream[NAME_BYTES];
    uint64_t appends;
    uint64_t read;
    struct sagabase_status status;
    struct histogram latency_us;
};

static const struct option options[] = {
    {.name = "seconds",
     .value = "SECONDS",
     .kind = OPTION_SECONDS,
     .offset = offsetof(struct bench, duration_ms),
     .fallback = "5",
     .help = "How long to append."},
    {.name = "clients",
     .value = "N",
     .kind = OPTION_NUMBER,
     .offset = offsetof(struct bench, clients),
     .fallback = "8",
     .min = 1,
     .max = CLIENTS_MAX,
     .help =
         "Appends underway at once, 1 to 256, over one\nconnection; each to a stream of its own."},
    {.name = "events-per-append",
     .value = "N",
     .kind = OPTION_NUMBER,
     .offset = offsetof(struct bench, events_per_append),
     .fallback = "1",
     .min = 1,
     .max = EVENTS_MAX,
     .help = "1 to 1000."},
    {.name = "size",
     .value = "BYTES",
     .kind = OPTION_NUMBER,
     .offset = offsetof(struct bench, size),
     .fallback = "256",
     .min = 0,
     .max = SIZE_MAX_BYTES,
     .help = "Of each event's data, 0 to 1048576; an append\nof at most 2 MiB."},
    CONNECTION_OPTIONS(struct bench, "30", "Print one JSON object."),
};

static int64_t now_us(void)
{
    return clock_monotonic_us(system_clock());
}

/* --- appending ------------------------------------------------------------------------------ */

struct proposals {
    Sagabase__V1__ProposedEvent all[EVENTS_MAX];
    Sagabase__V1__ProposedEvent *list[EVENTS_MAX];
    char ids[EVENTS_MAX][SAGABASE_UUID_BYTES];
};

static void proposals_init(struct proposals *proposals, const struct bench *bench)
{
    for (size_t i = 0; i < bench->events_per_append; i++) {
        sagabase__v1__proposed_event__init(&proposals->all[i]);
        proposals->all[i].id = proposals->ids[i];
        proposals->all[i].type = "Measured";
        proposals->all[i].content_type = "application/octet-stream";
        proposals->all[i].data = (ProtobufCBinaryData){bench->size, bench->data};
        proposals->list[i] = &proposals->all[i];
    }
}

/* The ids are chosen before the clock of the append starts. */
static struct sagabase_status append(struct load *load, struct proposals *proposals)
{
    struct bench *bench = load->bench;
    struct sagabase_options call = connection_call(&bench->connection);
    Sagabase__V1__AppendToStreamRequest request = SAGABASE__V1__APPEND_TO_STREAM_REQUEST__INIT;
    Sagabase__V1__AppendToStreamResponse *response;

    for (size_t i = 0; i < bench->events_per_append; i++)
        sagabase_uuid(proposals->ids[i]);
    request.stream = load->stream;
    request.expected_case = SAGABASE__V1__APPEND_TO_STREAM_REQUEST__EXPECTED_STATE;
    request.state = SAGABASE__V1__STREAM_STATE__STREAM_STATE_ANY;
    request.n_events = bench->events_per_append;
    request.events = proposals->list;
    int64_t sent_us = now_us();
    struct sagabase_status status =
        sagabase_append_to_stream(bench->connection.client, &request, &call, &response);
    if (status.code != SAGABASE_OK)
        return status;
    sagabase__v1__append_to_stream_response__free_unpacked(response, NULL);
    histogram_add(&load->latency_us, now_us() - sent_us);
    load->appends++;
    return status;
}

static void *append_until_end(void *context)
{
    struct load *load = context;
    struct proposals *proposals = calloc(1, sizeof *proposals);

    assert(proposals);
    proposals_init(proposals, load->bench);
    while (now_us() < load->bench->end_us && !load->bench->failed &&
           load->status.code == SAGABASE_OK)
        load->status = append(load, proposals);
    if (load->status.code != SAGABASE_OK)
        load->bench->failed = true;
    free(proposals);
    return NULL;
}

/* --- reading -------------------------------------------------------------------------------- */

static void *read_stream(void *context)
{
    struct load *load = context;
    struct sagabase_options call = {.timeout_ms = load->bench->connection.timeout_ms};
    Sagabase__V1__ReadStreamRequest request = SAGABASE__V1__READ_STREAM_REQUEST__INIT;
    struct sagabase_page page = {.count = 1};
    struct sagabase_read *read;

    if (load->appends == 0)
        return NULL;
    request.stream = load->stream;
    load->status = sagabase_read_stream(load->bench->connection.client, &request, &call, &read);
    if (load->status.code != SAGABASE_OK)
        return NULL;
    while (page.count > 0 && load->status.code == SAGABASE_OK) {
        load->status = sagabase_read_next(read, &page);
        load->read += load->status.code == SAGABASE_OK ? page.count : 0;
    }
    sagabase_read_close(read);
    return NULL;
}

/* --- the whole ---------------------------------------------------------------------------------
 */

/* On a thread for each client; the seconds that took. */
static double run_all(struct load *loads, uint64_t count, void *(*work)(void *))
{
    int64_t began_us = now_us();

    for (uint64_t i = 0; i < count; i++) {
        int error = pthread_create(&loads[i].thread, NULL, work, &loads[i]);
        assert(error == 0);
        (void)error;
    }
    for (uint64_t i = 0; i < count; i++)
        pthread_join(loads[i].thread, NULL);
    return (double)(now_us() - began_us) / 1e6;
}

static const struct sagabase_status *first_failure(const struct load *loads, uint64_t count)
{
    for (uint64_t i = 0; i < count; i++)
        if (loads[i].status.code != SAGABASE_OK)
            return &loads[i].status;
    return NULL;
}

struct sums {
    uint64_t appends;
    uint64_t read;
    double append_seconds;
    double read_seconds;
    struct histogram latency_us;
};

static void sums_add(struct sums *sums, const struct load *load)
{
    sums->appends += load->appends;
    sums->read += load->read;
    histogram_merge(&sums->latency_us, &load->latency_us);
}

static void print_result(const struct bench *self, const struct sums *sums)
{
    char appends[TEXT_NUMBER_BYTES], events[TEXT_NUMBER_BYTES], read[TEXT_NUMBER_BYTES];
    double appends_per_s = (double)sums->appends / sums->append_seconds;
    double events_per_s = appends_per_s * (double)self->events_per_append;
    double read_per_s = sums->read_seconds > 0 ? (double)sums->read / sums->read_seconds : 0;
    int64_t p50 = histogram_permille(&sums->latency_us, 500);
    int64_t p99 = histogram_permille(&sums->latency_us, 990);
    int64_t p999 = histogram_permille(&sums->latency_us, 999);

    if (self->connection.json) {
        printf("{\"appends\":%" PRIu64 ",\"appends_per_s\":%.1f,\"events_per_s\":%.1f,"
               "\"p50_us\":%" PRId64 ",\"p99_us\":%" PRId64 ",\"p999_us\":%" PRId64
               ",\"read\":%" PRIu64 ",\"read_per_s\":%.1f}\n",
               sums->appends, appends_per_s, events_per_s, p50, p99, p999, sums->read, read_per_s);
        return;
    }
    printf("appends   %s/s, %s events/s\n", text_number((uint64_t)appends_per_s, appends),
           text_number((uint64_t)events_per_s, events));
    printf("latency   p50 %.2f ms, p99 %.2f ms, p99.9 %.2f ms\n", (double)p50 / 1e3,
           (double)p99 / 1e3, (double)p999 / 1e3);
    printf("reads     %s events/s\n", text_number((uint64_t)read_per_s, read));
    printf("streams   bench-%s-0 to -%" PRIu64 " hold %" PRIu64 " events\n", self->run,
           self->clients - 1, sums->read);
}

static int measure(struct bench *self, struct load *loads)
{
    struct sums *sums = calloc(1, sizeof *sums);
    const struct sagabase_status *failure;

    if (!sums)
        return failed("bench", NULL, "out of memory");
    self->end_us = now_us() + self->duration_ms * 1000;
    sums->append_seconds = run_all(loads, self->clients, append_until_end);
    failure = first_failure(loads, self->clients);
    if (!failure) {
        sums->read_seconds = run_all(loads, self->clients, read_stream);
        failure = first_failure(loads, self->clients);
    }
    for (uint64_t i = 0; i < self->clients; i++)
        sums_add(sums, &loads[i]);
    int code = EXIT_DONE;
    if (failure)
        code = connection_failed(&self->connection, "bench", NULL, failure);
    else if (sums->read != sums->appends * self->events_per_append)
        code = failed("bench", NULL, "appended %" PRIu64 " events but read %" PRIu64,
                      sums->appends * self->events_per_append, sums->read);
    else
        print_result(self, sums);
    free(sums);
    return code;
}

static int run(void *settings, char **arguments)
{
    struct bench *self = settings;

    (void)arguments;
    if (self->duration_ms < 1)
        return misused("bench", "--seconds: more than 0");
    if (self->size * self->events_per_append > APPEND_BYTES_MAX)
        return misused("bench", "--size: an append of at most %d bytes", APPEND_BYTES_MAX);
    if (!connection_open(&self->connection, "bench"))
        return EXIT_FAILED;
    struct load *loads = calloc(self->clients, sizeof *loads);
    self->data = malloc(self->size + 1);
    int code = EXIT_FAILED;
    if (!loads || !self->data) {
        failed("bench", NULL, "out of memory");
    } else {
        memset(self->data, 'x', self->size);
        sagabase_uuid(self->run);
        for (uint64_t i = 0; i < self->clients; i++) {
            loads[i].bench = self;
            snprintf(loads[i].stream, NAME_BYTES, "bench-%s-%" PRIu64, self->run, i);
        }
        code = measure(self, loads);
    }
    free(self->data);
    free(loads);
    connection_close(&self->connection);
    return code;
}

const struct command bench_command = {
    .name = "bench",
    .arguments = "",
    .summary = "Measure how fast a server appends and reads",
    .about =
        "Appends for a while from several clients at once, each of which waits for its answer\n"
        "before it sends its next append, then reads all of that again, and prints appends a\n"
        "second, their latency, and events read a second. The server answers an append once it is\n"
        "on disk.\n\n"
        "The events stay: it is for a server whose data may be thrown away. Each run writes\n"
        "streams of its own, bench-RUN-0, bench-RUN-1 and so on. The load takes processor time of\n"
        "its own; where it shares the machine with the server, both are slower for it.\n",
    .examples = "  sagabase bench\n"
                "  sagabase bench --clients 64 --seconds 10\n"
                "  sagabase bench --events-per-append 100 --size 1024 --json\n",
    .options = options,
    .arguments_min = 0,
    .arguments_max = 0,
    .settings_bytes = sizeof(struct bench),
    .run = run,
};
