#include "tests/support/gateway_fixture.h"

#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "storage/log/event.h"
#include "storage/log/maintenance.h"
#include "storage/log/read.h"

enum { ARENA_BYTES_MAX = 256 << 20, CREDIT = 5000, LOOKS_MAX = 20000 };

static void check(const char *what, struct status status)
{
    if (status_ok(status))
        return;
    fprintf(stderr, "%s: %s\n", what, status.message);
    abort();
}

/* --- the life of the fixture ------------------------------------------------------------- */

void gateway_fixture_continue(struct gateway_fixture *fixture)
{
    check("log", event_log_open(&(struct event_log_options){.engine = fixture->store.engine,
                                                            .clock = &fixture->clock.clock},
                                &fixture->log));
    check("gateway",
          gateway_open(&(struct gateway_options){.log = fixture->log,
                                                 .memory_bytes_max = fixture->memory_bytes_max,
                                                 .tracer = fixture->tracer},
                       &fixture->gateway));
}

void gateway_fixture_stop(struct gateway_fixture *fixture)
{
    if (fixture->has_joined)
        fixture_leave(fixture, LEAVE_RETURN);
    gateway_close(fixture->gateway);
    event_log_close(fixture->log);
}

void gateway_fixture_open(struct gateway_fixture *fixture, const char *engine_kind)
{
    *fixture = (struct gateway_fixture){.is_woken = false};
    store_open(&fixture->store, engine_kind);
    manual_clock_init(&fixture->clock);
    arena_init(&fixture->arena, ARENA_BYTES_MAX);
    pthread_mutex_init(&fixture->lock, NULL);
    pthread_cond_init(&fixture->woken, NULL);
    gateway_fixture_continue(fixture);
}

void gateway_fixture_close(struct gateway_fixture *fixture)
{
    gateway_fixture_stop(fixture);
    store_close(&fixture->store);
    arena_destroy(&fixture->arena);
    pthread_cond_destroy(&fixture->woken);
    pthread_mutex_destroy(&fixture->lock);
}

static void print_finding(void *context, const char *line)
{
    (void)context;
    fprintf(stderr, "%s\n", line);
}

void gateway_fixture_restart(struct gateway_fixture *fixture)
{
    gateway_fixture_stop(fixture);
    store_restart(&fixture->store);
    gateway_fixture_continue(fixture);
}

uint64_t gateway_fixture_maintain(struct gateway_fixture *fixture, bool rebuild)
{
    struct maintenance maintenance = {.tell = print_finding, .told_max = 10};
    struct store_facts facts;

    gateway_fixture_stop(fixture);
    maintenance.engine = fixture->store.engine;
    check("maintain",
          rebuild ? store_rebuild(&maintenance, &facts) : store_verify(&maintenance, &facts));
    gateway_fixture_continue(fixture);
    return facts.disagreements;
}

void gateway_fixture_wait(struct gateway_fixture *fixture, int64_t interval_us)
{
    manual_clock_advance(&fixture->clock, interval_us);
    gateway_look_at_clock(fixture->gateway);
}

/* --- intents ----------------------------------------------------------------------------- */

/* Whose `done` posts a semaphore. Any intent: they are found by its address. */
struct waiting {
    struct intent *intent;
    sem_t done;
};

static pthread_mutex_t waiting_lock = PTHREAD_MUTEX_INITIALIZER;
static struct waiting *waitings[64];

static void on_done(struct intent *intent)
{
    pthread_mutex_lock(&waiting_lock);
    for (size_t i = 0; i < sizeof waitings / sizeof *waitings; i++)
        if (waitings[i] && waitings[i]->intent == intent) {
            sem_post(&waitings[i]->done);
            waitings[i] = NULL;
            break;
        }
    pthread_mutex_unlock(&waiting_lock);
}

static void wait_begin(struct waiting *waiting, struct intent *intent)
{
    size_t place = 0;

    waiting->intent = intent;
    sem_init(&waiting->done, 0, 0);
    intent->done = on_done;
    pthread_mutex_lock(&waiting_lock);
    while (waitings[place])
        place++;
    waitings[place] = waiting;
    pthread_mutex_unlock(&waiting_lock);
}

static struct status wait_end(struct waiting *waiting, struct status submitted)
{
    if (status_ok(submitted))
        while (sem_wait(&waiting->done) != 0)
            continue;
    else
        on_done(waiting->intent); /* forget it */
    sem_destroy(&waiting->done);
    return submitted;
}

struct status fixture_put(struct gateway_fixture *fixture, struct recipe *recipe,
                          struct definition_put *put)
{
    Sagabase__V1__PutDefinitionRequest request = SAGABASE__V1__PUT_DEFINITION_REQUEST__INIT;
    struct definition_put own = {0};
    struct waiting waiting;

    if (!put)
        put = &own;
    if (!put->request)
        put->request = &request;
    request.definition = &recipe->definition;
    wait_begin(&waiting, &put->intent);
    TRY(wait_end(&waiting, definition_put_submit(fixture->gateway, put, &fixture->arena)));
    return definition_put_settle(fixture->gateway, put);
}

struct status fixture_start_with(struct gateway_fixture *fixture, struct saga_start *start)
{
    struct waiting waiting;

    wait_begin(&waiting, &start->intent);
    TRY(wait_end(&waiting, saga_start_submit(fixture->gateway, start, &fixture->arena)));
    return saga_start_settle(start, &fixture->arena);
}

struct status fixture_start(struct gateway_fixture *fixture, const char *type, const char *id)
{
    Sagabase__V1__StartSagaRequest request = SAGABASE__V1__START_SAGA_REQUEST__INIT;
    struct saga_start start = {.request = &request};

    request.type = (char *)type;
    request.id = (char *)id;
    return fixture_start_with(fixture, &start);
}

struct status fixture_reply_with(struct gateway_fixture *fixture, struct saga_reply *reply)
{
    struct waiting waiting;

    wait_begin(&waiting, &reply->intent);
    TRY(wait_end(&waiting, saga_reply_submit(fixture->gateway, reply, &fixture->arena)));
    return saga_reply_settle(reply, &fixture->arena);
}

static Sagabase__V1__ReplyOutcome reply_now(struct gateway_fixture *fixture,
                                            const Sagabase__V1__Reply *message)
{
    struct saga_reply reply = {.reply = message};
    struct status status = fixture_reply_with(fixture, &reply);

    return status_ok(status) ? reply.outcome
                             : SAGABASE__V1__REPLY_OUTCOME__REPLY_OUTCOME_UNSPECIFIED;
}

Sagabase__V1__ReplyOutcome fixture_succeed(struct gateway_fixture *fixture, const char *command_id,
                                           uint32_t attempt)
{
    Sagabase__V1__Reply reply = SAGABASE__V1__REPLY__INIT;
    Sagabase__V1__Success success = SAGABASE__V1__SUCCESS__INIT;

    reply.command_id = (char *)command_id;
    reply.attempt = attempt;
    reply.outcome_case = SAGABASE__V1__REPLY__OUTCOME_SUCCESS;
    reply.success = &success;
    return reply_now(fixture, &reply);
}

static Sagabase__V1__SagaError refused_error(void)
{
    Sagabase__V1__SagaError error = SAGABASE__V1__SAGA_ERROR__INIT;

    error.type = "Refused";
    error.message = "by the test";
    return error;
}

Sagabase__V1__ReplyOutcome fixture_fail(struct gateway_fixture *fixture, const char *command_id)
{
    Sagabase__V1__Reply reply = SAGABASE__V1__REPLY__INIT;
    Sagabase__V1__Failure failure = SAGABASE__V1__FAILURE__INIT;
    Sagabase__V1__SagaError error = refused_error();

    failure.error = &error;
    reply.command_id = (char *)command_id;
    reply.outcome_case = SAGABASE__V1__REPLY__OUTCOME_FAILURE;
    reply.failure = &failure;
    return reply_now(fixture, &reply);
}

Sagabase__V1__ReplyOutcome fixture_err(struct gateway_fixture *fixture, const char *command_id)
{
    Sagabase__V1__Reply reply = SAGABASE__V1__REPLY__INIT;
    Sagabase__V1__Error failed = SAGABASE__V1__ERROR__INIT;
    Sagabase__V1__SagaError error = refused_error();

    failed.error = &error;
    reply.command_id = (char *)command_id;
    reply.outcome_case = SAGABASE__V1__REPLY__OUTCOME_ERROR;
    reply.error = &failed;
    return reply_now(fixture, &reply);
}

struct status fixture_append(struct gateway_fixture *fixture, struct append *append)
{
    struct append_reply *reply;
    struct waiting waiting;

    wait_begin(&waiting, &append->intent);
    if (append_has_reply(append)) {
        TRY(wait_end(&waiting,
                     append_reply_submit(fixture->gateway, append, &fixture->arena, &reply)));
        return append_reply_settle(reply, &fixture->arena);
    }
    TRY(wait_end(&waiting, append_submit(fixture->log, append, &fixture->arena)));
    return append_settle(fixture->log, append, &fixture->arena);
}

struct status fixture_act(struct gateway_fixture *fixture, const char *type, const char *id,
                          struct saga_act *act)
{
    struct waiting waiting;

    act->type = bytes_of_text(type);
    act->id = bytes_of_text(id);
    wait_begin(&waiting, &act->intent);
    TRY(wait_end(&waiting, saga_act_submit(fixture->gateway, act, &fixture->arena)));
    return saga_act_settle(act, &fixture->arena);
}

/* --- looking ----------------------------------------------------------------------------- */

Sagabase__V1__SagaStatus fixture_status(struct gateway_fixture *fixture, const char *type,
                                        const char *id)
{
    struct saga *saga;
    struct status status =
        gateway_get_saga(fixture->gateway, bytes_of_text(type), bytes_of_text(id), &saga);

    if (status.code == STATUS_NOT_FOUND)
        return SAGABASE__V1__SAGA_STATUS__SAGA_STATUS_UNSPECIFIED;
    check("fixture_status", status);
    Sagabase__V1__SagaStatus result = (Sagabase__V1__SagaStatus)saga->status;
    saga_free(saga);
    return result;
}

static void pause_shortly(void)
{
    nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
}

bool fixture_await_status(struct gateway_fixture *fixture, const char *type, const char *id,
                          Sagabase__V1__SagaStatus status)
{
    for (int i = 0; i < LOOKS_MAX; i++) {
        if (fixture_status(fixture, type, id) == status)
            return true;
        pause_shortly();
    }
    return false;
}

/* Visits all events of a stream. */
static void each_event(struct gateway_fixture *fixture, struct bytes stream,
                       void (*visit)(void *context, const struct event *event), void *context)
{
    struct stream_head head;
    struct read read = {.from = 0, .events_max = 1000, .bytes_max = 1 << 20};
    struct page page = {0};

    check("find", event_log_find_stream(fixture->log, stream, &head));
    if (!head.exists)
        return;
    do {
        struct event event;
        check("read", event_log_read_stream(fixture->log, head.number, &read, &page));
        struct bytes frames = buffer_bytes(&page.frames);
        while (event_next(&frames, &event))
            visit(context, &event);
        buffer_destroy(&page.frames);
        read.from = page.next;
    } while (!page.end);
}

static void print_type(void *context, const struct event *event)
{
    struct buffer *text = context;

    if (text->size > 0)
        buffer_put_text(text, " ");
    buffer_put(text, event->type);
}

const char *fixture_events(struct gateway_fixture *fixture, const char *stream)
{
    struct buffer text;

    buffer_init(&text, 1 << 20);
    each_event(fixture, bytes_of_text(stream), print_type, &text);
    struct bytes copy = arena_copy(&fixture->arena, buffer_bytes(&text));
    buffer_destroy(&text);
    return copy.data ? (const char *)copy.data : "";
}

/* --- folding ----------------------------------------------------------------------------- */

struct fold {
    struct gateway_fixture *fixture;
    uint64_t number; /* the run that is wanted; a stream may hold several */
    struct saga *saga;
    bool wanted;
};

static void fold_event(void *context, const struct event *event)
{
    struct fold *fold = context;
    Sagabase__V1__SagaEvent *message =
        sagabase__v1__saga_event__unpack(NULL, event->data.size, event->data.data);

    if (!message)
        abort();
    if (message->event_case == SAGABASE__V1__SAGA_EVENT__EVENT_SAGA_STARTED) {
        struct definition *definition;
        bool is_default;
        fold->wanted = message->saga_started->number == fold->number;
        if (fold->wanted) {
            check("definition",
                  gateway_get_definition(fold->fixture->gateway,
                                         bytes_of_text(message->saga_started->type),
                                         message->saga_started->version, &definition, &is_default));
            fold->saga = saga_create(definition);
            definition_release(definition);
        }
    }
    if (fold->wanted) {
        check("apply", saga_apply(fold->saga, message, event->created_us));
        fold->saga->position = event->position;
    }
    sagabase__v1__saga_event__free_unpacked(message, NULL);
}

struct comparison {
    struct gateway_fixture *fixture;
    const char *difference;
};

static bool compare_row(void *context, const struct saga *saga)
{
    struct comparison *self = context;
    struct fold fold = {.fixture = self->fixture, .number = saga->number};
    uint8_t *name = arena_alloc(&self->fixture->arena, SAGA_STREAM_BYTES_MAX);
    struct bytes folded, stored;

    each_event(self->fixture, saga_stream(name, saga->type, saga->id), fold_event, &fold);
    if (!fold.saga)
        abort();
    /* What a fold cannot know: where the commands' own events are, and the trace of the start. */
    for (uint32_t i = 0; i < saga->activity_count && i < fold.saga->activity_count; i++)
        fold.saga->activities[i].command_position = saga->activities[i].command_position;
    check("encode", saga_encode(fold.saga, &self->fixture->arena, &folded));
    check("encode", saga_encode(saga, &self->fixture->arena, &stored));
    if (!bytes_equal(folded, stored))
        self->difference = (const char *)arena_copy(&self->fixture->arena, saga->id).data;
    saga_free(fold.saga);
    return self->difference == NULL;
}

const char *fixture_compare_rows(struct gateway_fixture *fixture)
{
    Sagabase__V1__ListSagasRequest all = SAGABASE__V1__LIST_SAGAS_REQUEST__INIT;
    struct comparison comparison = {.fixture = fixture};
    uint64_t next = 0;

    do
        check("list",
              gateway_list_sagas(fixture->gateway, &all, next, compare_row, &comparison, &next));
    while (next && !comparison.difference);
    return comparison.difference;
}

/* --- the participant --------------------------------------------------------------------- */

static void on_wake(struct worker *worker)
{
    struct gateway_fixture *fixture = container_of(worker, struct gateway_fixture, worker);

    pthread_mutex_lock(&fixture->lock);
    fixture->is_woken = true;
    pthread_cond_signal(&fixture->woken);
    pthread_mutex_unlock(&fixture->lock);
}

void fixture_join(struct gateway_fixture *fixture, const char *first, const char *second,
                  const char *third)
{
    const char *names[] = {first, second, third};
    struct bytes queues[3];
    uint32_t credits[3] = {CREDIT, CREDIT, CREDIT};
    size_t count = 0;

    while (count < 3 && names[count]) {
        queues[count] = bytes_of_text(names[count]);
        count++;
    }
    fixture->worker = (struct worker){.wake = on_wake};
    fixture->is_woken = false;
    fixture->taken_count = fixture->given_count = 0;
    check("join", dispatch_join(gateway_dispatch(fixture->gateway), &fixture->worker, queues,
                                credits, count));
    fixture->has_joined = true;
}

void fixture_leave(struct gateway_fixture *fixture, enum leave leave)
{
    dispatch_leave(gateway_dispatch(fixture->gateway), &fixture->worker, leave);
    fixture->has_joined = false;
}

static char *copy_text(struct gateway_fixture *fixture, const char *text)
{
    return (char *)arena_copy(&fixture->arena, bytes_of_text(text)).data;
}

/* What tests look at. */
static Sagabase__V1__Command *read_command(struct gateway_fixture *fixture,
                                           const struct lease *lease)
{
    Sagabase__V1__Command *command = arena_alloc(&fixture->arena, sizeof *command);
    struct buffer data;

    buffer_init(&data, 4 << 20);
    check("command", gateway_read_command(fixture->gateway, lease, &data));
    Sagabase__V1__Command *unpacked = sagabase__v1__command__unpack(NULL, data.size, data.data);
    if (!unpacked || !command)
        abort();
    sagabase__v1__command__init(command);
    command->command_id = copy_text(fixture, unpacked->command_id);
    command->saga_id = copy_text(fixture, unpacked->saga_id);
    command->step = copy_text(fixture, unpacked->step);
    command->operation = unpacked->operation;
    command->attempt = unpacked->attempt;
    command->traceparent = copy_text(fixture, unpacked->traceparent);
    sagabase__v1__command__free_unpacked(unpacked, NULL);
    buffer_destroy(&data);
    return command;
}

/* Takes from the dispatch once all that was taken is given; true if it was told of a command that
 * is not wanted any more. */
static bool take(struct gateway_fixture *fixture, struct uuid *cancelled)
{
    struct cancelled notices[WORKER_TAKE_MAX];
    size_t notice_count = 0;
    bool more = false;

    if (fixture->given_count < fixture->taken_count)
        return false;
    fixture->given_count = 0;
    check("take",
          dispatch_take(gateway_dispatch(fixture->gateway), &fixture->worker, &fixture->arena,
                        fixture->taken, &fixture->taken_count, notices, &notice_count, &more));
    if (notice_count > 0 && cancelled)
        *cancelled = notices[0].command_id;
    return notice_count > 0;
}

size_t fixture_take(struct gateway_fixture *fixture, struct task *tasks, size_t max)
{
    size_t count = 0;

    (void)take(fixture, NULL);
    while (count < max && fixture->given_count < fixture->taken_count) {
        struct lease *lease = &fixture->taken[fixture->given_count++];
        tasks[count++] = (struct task){*lease, read_command(fixture, lease)};
    }
    return count;
}

/* False after 20 seconds. */
static bool await_wake(struct gateway_fixture *fixture)
{
    struct timespec until;
    int result = 0;

    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += 20;
    pthread_mutex_lock(&fixture->lock);
    while (!fixture->is_woken && result == 0)
        result = pthread_cond_timedwait(&fixture->woken, &fixture->lock, &until);
    fixture->is_woken = false;
    pthread_mutex_unlock(&fixture->lock);
    return result == 0;
}

bool fixture_await(struct gateway_fixture *fixture, struct task *task)
{
    do
        if (fixture_take(fixture, task, 1) == 1)
            return true;
    while (await_wake(fixture));
    return false;
}

bool fixture_await_cancel(struct gateway_fixture *fixture, struct uuid *command_id)
{
    do
        if (take(fixture, command_id))
            return true;
    while (await_wake(fixture));
    return false;
}
