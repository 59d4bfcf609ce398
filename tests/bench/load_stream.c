/* Loading the stream "long", of 10,000 events: whole, and from a snapshot with `total` events
 * behind it. What is counted as an event is one load. */
#include "sagabase/v1/snapshots.pb-c.h"
#include "tests/bench/pages.h"
#include "tests/bench/workloads.h"

#define SNAPSHOTS "/sagabase.v1.Snapshots/"

enum { LONG_EVENTS = 10000, STATE_BYTES = 256 };

static void on_put(void *context, struct status status, struct bytes response)
{
    (void)context;
    (void)response;
    must(status);
}

static void put_snapshot(const struct load *load)
{
    Sagabase__V1__PutSnapshotRequest request = SAGABASE__V1__PUT_SNAPSHOT_REQUEST__INIT;
    uint8_t state[STATE_BYTES] = {0};

    request.stream = "long";
    request.revision = LONG_EVENTS - load->total - 1;
    request.state = (ProtobufCBinaryData){sizeof state, state};
    wire_unary(load->wire, 0, SNAPSHOTS "PutSnapshot", &request.base, CALL_TIMEOUT_US, on_put,
               NULL);
    while (wire_open_calls(load->wire) > 0)
        wire_step(load->wire, CALL_TIMEOUT_US);
}

static void load_again(const struct load *load, bool ignore_snapshot, struct measured *measured)
{
    Sagabase__V1__LoadStreamRequest request = SAGABASE__V1__LOAD_STREAM_REQUEST__INIT;

    request.stream = "long";
    request.ignore_snapshot = ignore_snapshot;
    pages_run(load, SNAPSHOTS "LoadStream", &request.base, measured);
    measured->events = measured->calls;
}

void measure_load_replayed(const struct load *load, struct measured *measured)
{
    load_again(load, true, measured);
}

void measure_load_snapshot(const struct load *load, struct measured *measured)
{
    put_snapshot(load);
    load_again(load, false, measured);
}
