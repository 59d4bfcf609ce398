/* UmaDB under the same load, by the same client. */
#include <assert.h>

#include "tests/bench/callers.h"
#include "tests/bench/pages.h"
#include "tests/bench/proposal.h"
#include "tests/bench/workloads.h"
#include "umadb/v1/umadb.pb-c.h"

#define DCB "/umadb.v1.DCB/"

enum { PAGE_EVENTS = 1000 };

static void append_tagged(struct wire *wire, unsigned connection, char *tag, size_t count,
                          wire_done *done, void *context)
{
    static uint8_t data[EVENTS_MAX][DATA_BYTES];
    static Umadb__V1__Event messages[EVENTS_MAX];
    static Umadb__V1__Event *events[EVENTS_MAX];
    static char ids[EVENTS_MAX][UUID_TEXT_BYTES + 1];
    Umadb__V1__AppendRequest request = UMADB__V1__APPEND_REQUEST__INIT;

    assert(count > 0 && count <= EVENTS_MAX);
    for (size_t i = 0; i < count; i++) {
        next_id(ids[i]);
        next_data(data[i]);
        umadb__v1__event__init(&messages[i]);
        messages[i].event_type = "Measured";
        messages[i].n_tags = 1;
        messages[i].tags = &tag;
        messages[i].data = (ProtobufCBinaryData){DATA_BYTES, data[i]};
        messages[i].uuid = ids[i];
        events[i] = &messages[i];
    }
    request.n_events = count;
    request.events = events;
    wire_unary(wire, connection, DCB "Append", &request.base, 0, done, context);
}

static void send_append(struct caller *caller, wire_done *done)
{
    char tag[STREAM_NAME_BYTES];

    next_stream(caller->callers->run.load, tag);
    append_tagged(caller->callers->run.load->wire, caller->connection, tag, caller->callers->events,
                  done, caller);
}

static void send_long(struct caller *caller, wire_done *done)
{
    append_tagged(caller->callers->run.load->wire, caller->connection, "long",
                  caller->callers->events, done, caller);
}

void measure_umadb_append(const struct load *load, struct measured *measured)
{
    static struct callers callers = {.send = send_append};

    callers.events = load->events;
    callers_run(&callers, load, measured);
}

void fill_umadb(const struct load *load, struct measured *measured)
{
    static struct callers callers = {.send = send_long};

    callers.events = load->events;
    callers_run_calls(&callers, load, load->total / load->events, measured);
}

void measure_umadb_read_all(const struct load *load, struct measured *measured)
{
    Umadb__V1__ReadRequest request = UMADB__V1__READ_REQUEST__INIT;

    request.limit = (uint32_t)load->total;
    request.batch_size = PAGE_EVENTS;
    pages_run(load, DCB "Read", &request.base, measured);
}

void measure_umadb_read_tag(const struct load *load, struct measured *measured)
{
    char *tags[] = {"long"};
    Umadb__V1__QueryItem item = UMADB__V1__QUERY_ITEM__INIT;
    Umadb__V1__QueryItem *items[] = {&item};
    Umadb__V1__Query query = UMADB__V1__QUERY__INIT;
    Umadb__V1__ReadRequest request = UMADB__V1__READ_REQUEST__INIT;

    item.n_tags = 1;
    item.tags = tags;
    query.n_items = 1;
    query.items = items;
    request.query = &query;
    request.limit = (uint32_t)load->total;
    request.batch_size = PAGE_EVENTS;
    pages_run(load, DCB "Read", &request.base, measured);
}
