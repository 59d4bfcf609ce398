#include "tests/crash/snapshot_writers.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sagabase/v1/snapshots.pb-c.h"

#define SNAPSHOTS "/sagabase.v1.Snapshots/"

enum {
    SHARED_STREAMS = 40, /* as of the clients that append; others have few events */
    STREAMS = 8,         /* of them, one writer for each */
    STATE_BYTES_MAX = 3000,
    EVERY_EVENTS = 50, /* of the policy */
    KEPT = 3,
    NAME_BYTES = 32,
    CHECK_TIMEOUT_US = 30 * 1000 * 1000,
};

struct snapshot_writer {
    struct snapshot_writers *writers;
    uint32_t stream;
    bool has_tried, has_stored;
    uint64_t tried, stored; /* revisions: the newest that was sent, that was acknowledged */
};

struct snapshot_writers {
    const struct oracle *oracle;
    struct chance *chance;
    struct wire *wire;
    struct status verdict;
    bool death_expected;
    bool has_policy; /* acknowledged */
    uint64_t count;
    struct snapshot_writer each[STREAMS];
};

struct snapshot_writers *snapshot_writers_create(const struct oracle *oracle, struct chance *chance)
{
    struct snapshot_writers *writers = calloc(1, sizeof *writers);

    assert(writers);
    *writers = (struct snapshot_writers){.oracle = oracle, .chance = chance, .verdict = OK};
    for (uint32_t i = 0; i < STREAMS; i++)
        writers->each[i] = (struct snapshot_writer){.writers = writers, .stream = i};
    return writers;
}

void snapshot_writers_free(struct snapshot_writers *writers)
{
    free(writers);
}

void snapshot_writers_expect_death(struct snapshot_writers *writers)
{
    writers->death_expected = true;
}

struct status snapshot_writers_verdict(const struct snapshot_writers *writers)
{
    return writers->verdict;
}

uint64_t snapshot_writers_count(const struct snapshot_writers *writers)
{
    return writers->count;
}

static void judge(struct snapshot_writers *writers, struct status status)
{
    if (status_ok(writers->verdict))
        writers->verdict = status;
}

static bool working(const struct snapshot_writers *writers)
{
    return !writers->death_expected && status_ok(writers->verdict);
}

/* The oracle's streams. */
static void name_stream(uint32_t stream, char name[NAME_BYTES])
{
    snprintf(name, NAME_BYTES, "crash-%" PRIu32, stream);
}

static size_t make_state(uint32_t stream, uint64_t revision, uint8_t state[STATE_BYTES_MAX])
{
    struct chance chance = {(revision + 1) * 0x9e3779b97f4a7c15u + stream};
    size_t size = chance_below(&chance, STATE_BYTES_MAX + 1);

    for (size_t i = 0; i < size; i++)
        state[i] = (uint8_t)chance_below(&chance, 256);
    return size;
}

/* --- until the server dies ------------------------------------------------------------------- */

static struct status unexpected(const struct snapshot_writer *writer, struct status status)
{
    return status_make(STATUS_INTERNAL, "snapshot of stream %" PRIu32 ": %s: %.80s", writer->stream,
                       status_code_name(status.code), status.message);
}

static void get_next(struct snapshot_writer *writer);
static void put_next(struct snapshot_writer *writer);

/* Of a snapshot that the server shows. */
static struct status judge_shown(struct snapshot_writer *writer,
                                 const Sagabase__V1__Snapshot *snapshot)
{
    uint8_t expected[STATE_BYTES_MAX];
    size_t size = make_state(writer->stream, snapshot->revision, expected);

    if (writer->has_stored && snapshot->revision < writer->stored)
        return status_make(STATUS_DATA_LOSS,
                           "snapshot of stream %" PRIu32 ": revision %" PRIu64
                           " is shown, but %" PRIu64 " was acknowledged",
                           writer->stream, snapshot->revision, writer->stored);
    if (!writer->has_tried || snapshot->revision > writer->tried)
        return status_make(STATUS_DATA_LOSS,
                           "snapshot of stream %" PRIu32 ": nobody put revision %" PRIu64,
                           writer->stream, snapshot->revision);
    if (!bytes_equal(bytes_of(expected, size), bytes_of(snapshot->state.data, snapshot->state.len)))
        return status_make(STATUS_DATA_LOSS,
                           "snapshot of stream %" PRIu32 " at %" PRIu64 ": not what was put",
                           writer->stream, snapshot->revision);
    writer->has_stored = true;
    writer->stored = snapshot->revision;
    return OK;
}

/* `response` is of GetSnapshot. */
static struct status judge_answer(struct snapshot_writer *writer, struct status status,
                                  struct bytes response)
{
    if (status.code == STATUS_NOT_FOUND && !writer->has_stored)
        return OK;
    if (!status_ok(status))
        return unexpected(writer, status);
    Sagabase__V1__GetSnapshotResponse *shown =
        sagabase__v1__get_snapshot_response__unpack(NULL, response.size, response.data);
    assert(shown);
    struct status judged = judge_shown(writer, shown->snapshot);
    sagabase__v1__get_snapshot_response__free_unpacked(shown, NULL);
    return judged;
}

static void on_put(void *context, struct status status, struct bytes response)
{
    struct snapshot_writer *writer = context;
    struct snapshot_writers *writers = writer->writers;

    (void)response;
    if (status_ok(status)) {
        writer->has_stored = true;
        writer->stored = writer->tried;
        writers->count++;
    } else if (!writers->death_expected && status.code != STATUS_RESOURCE_EXHAUSTED) {
        judge(writers, unexpected(writer, status));
    }
    if (working(writers))
        get_next(writer);
}

static void on_got(void *context, struct status status, struct bytes response)
{
    struct snapshot_writer *writer = context;
    struct snapshot_writers *writers = writer->writers;

    if (working(writers) || status_ok(status))
        judge(writers, judge_answer(writer, status, response));
    if (working(writers))
        put_next(writer);
}

static void get(struct snapshot_writer *writer, struct wire *wire, int64_t timeout_us,
                wire_done *done, void *context)
{
    Sagabase__V1__GetSnapshotRequest request = SAGABASE__V1__GET_SNAPSHOT_REQUEST__INIT;
    char name[NAME_BYTES];

    name_stream(writer->stream, name);
    request.stream = name;
    wire_unary(wire, writer->stream, SNAPSHOTS "GetSnapshot", &request.base, timeout_us, done,
               context);
}

static void get_next(struct snapshot_writer *writer)
{
    get(writer, writer->writers->wire, 0, on_got, writer);
}

/* At some revision that exists and is not older than the one before. */
static void put_next(struct snapshot_writer *writer)
{
    struct snapshot_writers *writers = writer->writers;
    Sagabase__V1__PutSnapshotRequest request = SAGABASE__V1__PUT_SNAPSHOT_REQUEST__INIT;
    uint8_t state[STATE_BYTES_MAX];
    char name[NAME_BYTES];
    uint64_t head;

    if (!oracle_head(writers->oracle, writer->stream, &head))
        return get_next(writer); /* nothing there yet */
    uint64_t first = writer->has_tried ? writer->tried : 0;
    assert(head >= first);
    writer->has_tried = true;
    writer->tried = first + chance_below(writers->chance, (uint32_t)(head - first) + 1);
    name_stream(writer->stream, name);
    request.stream = name;
    request.revision = writer->tried;
    request.state.data = state;
    request.state.len = make_state(writer->stream, writer->tried, state);
    request.keep = chance_below(writers->chance, KEPT + 1);
    wire_unary(writers->wire, writer->stream, SNAPSHOTS "PutSnapshot", &request.base, 0, on_put,
               writer);
}

static void on_policy(void *context, struct status status, struct bytes response)
{
    struct snapshot_writers *writers = context;

    (void)response;
    writers->has_policy |= status_ok(status);
}

static void set_policy(struct snapshot_writers *writers)
{
    Sagabase__V1__SetSnapshotPolicyRequest request =
        SAGABASE__V1__SET_SNAPSHOT_POLICY_REQUEST__INIT;
    Sagabase__V1__SnapshotPolicy policy = SAGABASE__V1__SNAPSHOT_POLICY__INIT;

    policy.every_events = EVERY_EVENTS;
    policy.keep = KEPT;
    request.target_case = SAGABASE__V1__SET_SNAPSHOT_POLICY_REQUEST__TARGET_CATEGORY;
    request.category = "crash";
    request.policy = &policy;
    wire_unary(writers->wire, 0, SNAPSHOTS "SetSnapshotPolicy", &request.base, 0, on_policy,
               writers);
}

void snapshot_writers_start(struct snapshot_writers *writers, struct wire *wire)
{
    writers->wire = wire;
    writers->death_expected = false;
    if (!writers->has_policy)
        set_policy(writers);
    for (uint32_t i = 0; i < STREAMS; i++)
        put_next(&writers->each[i]);
}

/* --- between two deaths ---------------------------------------------------------------------- */

struct answer {
    struct snapshot_writers *writers;
    struct snapshot_writer *writer;
    bool is_there;
    struct status verdict;
};

static void on_shown(void *context, struct status status, struct bytes response)
{
    struct answer *answer = context;

    answer->is_there = true;
    answer->verdict = judge_answer(answer->writer, status, response);
}

static void on_policies(void *context, struct status status, struct bytes response)
{
    struct answer *answer = context;
    struct snapshot_writers *writers = answer->writers;

    answer->is_there = true;
    answer->verdict = status;
    if (!status_ok(status))
        return;
    Sagabase__V1__ListSnapshotPoliciesResponse *listed =
        sagabase__v1__list_snapshot_policies_response__unpack(NULL, response.size, response.data);
    assert(listed);
    if (writers->has_policy && listed->n_policies == 0)
        answer->verdict = status_make(STATUS_DATA_LOSS, "the policy of snapshots is gone");
    if (listed->n_policies > 0 && (listed->policies[0]->policy->every_events != EVERY_EVENTS ||
                                   listed->policies[0]->policy->keep != KEPT))
        answer->verdict = status_make(STATUS_DATA_LOSS, "the policy of snapshots is another");
    sagabase__v1__list_snapshot_policies_response__free_unpacked(listed, NULL);
}

static struct status wait_for(struct answer *answer, struct wire *wire)
{
    while (!answer->is_there)
        wire_step(wire, CHECK_TIMEOUT_US);
    return answer->verdict;
}

/* --- what is due ----------------------------------------------------------------------------- */

/* A subscription that waits until it has heard of all streams that are due. */
struct hearing {
    struct snapshot_writers *writers;
    bool heard[SHARED_STREAMS];
    bool has_ended;
    struct status verdict;
};

static bool is_due(const struct snapshot_writers *writers, uint32_t stream)
{
    const struct snapshot_writer *writer = stream < STREAMS ? &writers->each[stream] : NULL;
    uint64_t head, known;

    if (!oracle_head(writers->oracle, stream, &head))
        return false;
    known = writer && writer->has_stored ? writer->stored + 1 : 0;
    return head + 1 - known >= EVERY_EVENTS;
}

static void on_told(void *context, struct bytes message)
{
    struct hearing *hearing = context;
    Sagabase__V1__SubscribeDueResponse *told =
        sagabase__v1__subscribe_due_response__unpack(NULL, message.size, message.data);

    assert(told);
    unsigned long stream = strtoul(told->stream + strlen("crash-"), NULL, 10);
    if (stream >= SHARED_STREAMS || !is_due(hearing->writers, (uint32_t)stream))
        hearing->verdict = status_make(STATUS_INTERNAL, "%.40s is told, but not due", told->stream);
    else
        hearing->heard[stream] = true;
    sagabase__v1__subscribe_due_response__free_unpacked(told, NULL);
}

static void on_hearing_ended(void *context, struct status status)
{
    struct hearing *hearing = context;

    (void)status;
    hearing->has_ended = true;
}

static bool has_heard_all(const struct hearing *hearing)
{
    for (uint32_t i = 0; i < SHARED_STREAMS; i++)
        if (!hearing->heard[i] && is_due(hearing->writers, i))
            return false;
    return true;
}

static struct status check_due(struct snapshot_writers *writers, struct wire *wire)
{
    static const struct wire_stream_events events = {.message = on_told, .ended = on_hearing_ended};
    static const Sagabase__V1__SubscribeDueRequest request =
        SAGABASE__V1__SUBSCRIBE_DUE_REQUEST__INIT;
    struct hearing hearing = {.writers = writers, .verdict = OK};

    struct wire_stream *stream =
        wire_stream_open(wire, 0, SNAPSHOTS "SubscribeDue", &request.base, &events, &hearing);
    while (!hearing.has_ended && status_ok(hearing.verdict) && !has_heard_all(&hearing))
        if (!wire_step(wire, CHECK_TIMEOUT_US))
            hearing.verdict = status_make(STATUS_DATA_LOSS, "a stream is due, and nobody tells");
    if (hearing.has_ended)
        return status_make(STATUS_INTERNAL, "SubscribeDue has ended");
    wire_stream_cancel(stream);
    while (!hearing.has_ended)
        wire_step(wire, CHECK_TIMEOUT_US);
    return hearing.verdict;
}

struct status snapshot_writers_check(struct snapshot_writers *writers, struct wire *wire)
{
    static const Sagabase__V1__ListSnapshotPoliciesRequest request =
        SAGABASE__V1__LIST_SNAPSHOT_POLICIES_REQUEST__INIT;
    struct answer policies = {.writers = writers};

    for (uint32_t i = 0; i < STREAMS; i++) {
        struct answer shown = {.writer = &writers->each[i]};
        get(shown.writer, wire, CHECK_TIMEOUT_US, on_shown, &shown);
        TRY(wait_for(&shown, wire));
    }
    wire_unary(wire, 0, SNAPSHOTS "ListSnapshotPolicies", &request.base, CHECK_TIMEOUT_US,
               on_policies, &policies);
    TRY(wait_for(&policies, wire));
    return writers->has_policy ? check_due(writers, wire) : OK;
}
