/* An account of 10,000 events, loaded from its events and from a snapshot and what is behind it.
 *
 *   bazel run --config=release //examples/c:load_with_snapshot -- 127.0.0.1:2113
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "clients/c/sagabase.h"

enum { EVENTS = 10000, EVENTS_PER_APPEND = 10, BEHIND_SNAPSHOT = 100, LOADS = 21 };

struct account {
    int64_t balance;
    uint64_t next_revision; /* the first event that it does not know */
    uint64_t events_read;
};

static int failed(const char *what, const struct sagabase_status *status)
{
    fprintf(stderr, "%s: %s: %s\n", what, sagabase_code_name(status->code), status->message);
    return 1;
}

static double now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

/* Deposits of 1. */
static struct sagabase_status append_some(struct sagabase_client *client, char *stream)
{
    Sagabase__V1__ProposedEvent events[EVENTS_PER_APPEND], *pointers[EVENTS_PER_APPEND];
    char ids[EVENTS_PER_APPEND][SAGABASE_UUID_BYTES];
    Sagabase__V1__AppendToStreamRequest request = SAGABASE__V1__APPEND_TO_STREAM_REQUEST__INIT;
    Sagabase__V1__AppendToStreamResponse *response;

    for (int i = 0; i < EVENTS_PER_APPEND; i++) {
        sagabase_uuid(ids[i]);
        events[i] = (Sagabase__V1__ProposedEvent)SAGABASE__V1__PROPOSED_EVENT__INIT;
        events[i].id = ids[i];
        events[i].type = "Deposited";
        events[i].content_type = "text/plain";
        events[i].data = (ProtobufCBinaryData){1, (uint8_t *)"1"};
        pointers[i] = &events[i];
    }
    request.stream = stream;
    request.events = pointers;
    request.n_events = EVENTS_PER_APPEND;
    request.expected_case = SAGABASE__V1__APPEND_TO_STREAM_REQUEST__EXPECTED_STATE;
    request.state = SAGABASE__V1__STREAM_STATE__STREAM_STATE_ANY;
    struct sagabase_status status = sagabase_append_to_stream(client, &request, NULL, &response);
    if (status.code == SAGABASE_OK)
        sagabase__v1__append_to_stream_response__free_unpacked(response, NULL);
    return status;
}

static int64_t read_number(const ProtobufCBinaryData *data)
{
    char text[32];

    snprintf(text, sizeof text, "%.*s", (int)data->len, (const char *)data->data);
    return strtoll(text, NULL, 10);
}

static void apply(struct account *account, const Sagabase__V1__RecordedEvent *event)
{
    if (strcmp(event->type, "Deposited") == 0)
        account->balance += read_number(&event->data);
    account->next_revision = event->revision + 1;
    account->events_read++;
}

static struct sagabase_status load(struct sagabase_client *client, char *stream,
                                   bool ignore_snapshot, struct account *account)
{
    Sagabase__V1__LoadStreamRequest request = SAGABASE__V1__LOAD_STREAM_REQUEST__INIT;
    struct sagabase_page page;
    struct sagabase_read *read;

    *account = (struct account){0};
    request.stream = stream;
    request.ignore_snapshot = ignore_snapshot;
    struct sagabase_status status = sagabase_load_stream(client, &request, NULL, &read);
    if (status.code != SAGABASE_OK)
        return status;
    while ((status = sagabase_read_next(read, &page)).code == SAGABASE_OK &&
           (page.snapshot || page.count > 0)) {
        if (page.snapshot)
            account->balance = read_number(&page.snapshot->state);
        for (size_t i = 0; i < page.count; i++)
            apply(account, page.events[i]);
    }
    sagabase_read_close(read);
    return status;
}

static struct sagabase_status put_snapshot(struct sagabase_client *client, char *stream)
{
    Sagabase__V1__PutSnapshotRequest request = SAGABASE__V1__PUT_SNAPSHOT_REQUEST__INIT;
    Sagabase__V1__PutSnapshotResponse *response;
    char state[32];

    snprintf(state, sizeof state, "%d", EVENTS - BEHIND_SNAPSHOT);
    request.stream = stream;
    request.revision = EVENTS - BEHIND_SNAPSHOT - 1;
    request.content_type = "text/plain";
    request.state = (ProtobufCBinaryData){strlen(state), (uint8_t *)state};
    struct sagabase_status status = sagabase_put_snapshot(client, &request, NULL, &response);
    if (status.code == SAGABASE_OK)
        sagabase__v1__put_snapshot_response__free_unpacked(response, NULL);
    return status;
}

static int compare(const void *a, const void *b)
{
    double left = *(const double *)a, right = *(const double *)b;

    return left < right ? -1 : left > right;
}

/* The median time of a load, in milliseconds. */
static struct sagabase_status measure(struct sagabase_client *client, char *stream,
                                      bool ignore_snapshot, double *ms)
{
    struct sagabase_status status = {.code = SAGABASE_OK};
    double times_ms[LOADS];
    struct account account;

    for (int i = 0; i < LOADS && status.code == SAGABASE_OK; i++) {
        double begin = now_ms();
        status = load(client, stream, ignore_snapshot, &account);
        times_ms[i] = now_ms() - begin;
    }
    qsort(times_ms, LOADS, sizeof *times_ms, compare);
    *ms = times_ms[LOADS / 2];
    if (status.code == SAGABASE_OK)
        printf("%-16s balance %" PRId64 " from %" PRIu64 " events, %.2f ms\n",
               ignore_snapshot ? "without snapshot" : "with snapshot", account.balance,
               account.events_read, *ms);
    return status;
}

static int run(struct sagabase_client *client)
{
    struct sagabase_status status = {.code = SAGABASE_OK};
    char stream[64] = "account-";
    double without_ms, with_ms;

    sagabase_uuid(stream + strlen(stream));
    for (int i = 0; i < EVENTS && status.code == SAGABASE_OK; i += EVENTS_PER_APPEND)
        status = append_some(client, stream);
    if (status.code != SAGABASE_OK)
        return failed("append", &status);
    status = put_snapshot(client, stream);
    if (status.code != SAGABASE_OK)
        return failed("put snapshot", &status);
    status = measure(client, stream, true, &without_ms);
    if (status.code == SAGABASE_OK)
        status = measure(client, stream, false, &with_ms);
    if (status.code != SAGABASE_OK)
        return failed("load", &status);
    printf("%.0f times as fast\n", without_ms / with_ms);
    return 0;
}

int main(int argc, char **argv)
{
    const char *target = argc > 1 ? argv[1] : "127.0.0.1:2113";
    struct sagabase_client *client;
    struct sagabase_status status = sagabase_open(target, &client);

    if (status.code != SAGABASE_OK)
        return failed("open", &status);
    int code = run(client);
    sagabase_close(client);
    return code;
}
