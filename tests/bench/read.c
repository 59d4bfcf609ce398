/* Reads, ours and UmaDB's: pages of events. */
#include <assert.h>
#include <inttypes.h>

#include "sagabase/v1/event_store.pb-c.h"
#include "tests/bench/pages.h"
#include "tests/bench/workloads.h"

#define EVENT_STORE "/sagabase.v1.EventStore/"

struct reads {
    const struct load *load;
    struct measured *measured;
    const char *path;
    const ProtobufCMessage *request;
    int64_t from_us;
    int64_t to_us;
};

struct reader {
    struct reads *reads;
    unsigned connection;
    uint64_t events;
    int64_t sent_us;
};

static void reader_next(struct reader *reader);

static void on_page(void *context, struct bytes page)
{
    struct reader *reader = context;

    reader->events += count_events(page);
}

/* Reads that began before the warm-up was over do not count. */
static void on_read_ended(void *context, struct status status)
{
    struct reader *reader = context;
    struct reads *reads = reader->reads;

    must(status);
    if (reader->events != reads->load->total)
        must(status_make(STATUS_INTERNAL, "read: %" PRIu64 " events", reader->events));
    if (reader->sent_us >= reads->from_us) {
        int64_t took_us = now_us() - reader->sent_us;
        reads->measured->calls++;
        reads->measured->events += reader->events;
        reads->measured->seconds += (double)took_us / 1e6;
        histogram_add(&reads->measured->latency_us, took_us);
    }
    if (now_us() < reads->to_us || reads->measured->calls == 0)
        reader_next(reader);
}

static void reader_next(struct reader *reader)
{
    static const struct wire_stream_events events = {.message = on_page, .ended = on_read_ended};

    reader->events = 0;
    reader->sent_us = now_us();
    wire_stream_open(reader->reads->load->wire, reader->connection, reader->reads->path,
                     reader->reads->request, &events, reader);
}

void pages_run(const struct load *load, const char *path, const ProtobufCMessage *request,
               struct measured *measured)
{
    struct reader readers[OUTSTANDING_MAX];
    struct reads reads = {.load = load, .measured = measured, .path = path, .request = request};

    assert(load->outstanding > 0 && load->outstanding <= OUTSTANDING_MAX);
    reads.from_us = now_us() + load->warm_up_us;
    reads.to_us = reads.from_us + load->measure_us;
    for (unsigned i = 0; i < load->outstanding; i++) {
        readers[i] = (struct reader){.reads = &reads, .connection = i};
        reader_next(&readers[i]);
    }
    while (wire_open_calls(load->wire) > 0)
        wire_step(load->wire, CALL_TIMEOUT_US);
    measured->seconds /= load->outstanding; /* they read beside each other */
    measured->resident_bytes = process_resident_bytes(load->pid);
}

void measure_read_all(const struct load *load, struct measured *measured)
{
    Sagabase__V1__ReadAllRequest request = SAGABASE__V1__READ_ALL_REQUEST__INIT;

    request.count = (int64_t)load->total;
    pages_run(load, EVENT_STORE "ReadAll", &request.base, measured);
}

void measure_read_stream(const struct load *load, struct measured *measured)
{
    Sagabase__V1__ReadStreamRequest request = SAGABASE__V1__READ_STREAM_REQUEST__INIT;

    request.stream = "long";
    request.count = (int64_t)load->total;
    pages_run(load, EVENT_STORE "ReadStream", &request.base, measured);
}
