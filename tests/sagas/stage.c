#define _GNU_SOURCE /* prlimit */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "tests/sagas/oracle.h"
#include "tests/sagas/stage.h"
#include "tests/support/server_process.h"

enum { READY_MS = 60000, WAIT_MS = 20000, PATH_BYTES = 256, OPTIONS_MAX = 8 };

extern char **environ;

static const char *program;
static char folder[PATH_BYTES], data[PATH_BYTES + 8], log_path[PATH_BYTES + 8];
static struct server_process process;

void stage_use(const char *binary)
{
    program = binary;
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN); /* servers have it so, too: for them it is an error of the write */
}

static void spawn_server(const char *const *options)
{
    const char *all[OPTIONS_MAX + 3] = {"--data", data};

    for (size_t i = 0; options && options[i]; i++) {
        assert_true(i < OPTIONS_MAX);
        all[i + 2] = options[i];
    }
    server_start(&process, program, all, log_path);
}

void stage_start(const char *const *options)
{
    spawn_server(options);
    if (!server_wait_ready(&process, READY_MS))
        fail_msg("the server does not start: see %s", log_path);
    expect(sagabase_open(process.address, &client), SAGABASE_OK);
}

static void leave(void)
{
    sagabase_close(client);
    client = NULL;
}

void stage_kill(void)
{
    leave();
    server_kill(&process);
}

void stage_stop(void)
{
    leave();
    assert_int_equal(server_stop(&process), 0);
}

void stage_crash_and_start(void)
{
    stage_kill();
    stage_start(NULL);
}

void stage_fail_writes(void)
{
    const struct rlimit none = {.rlim_cur = 1, .rlim_max = 1};

    assert_int_equal(prlimit(process.pid, RLIMIT_FSIZE, &none, NULL), 0);
}

void stage_expect_end(void)
{
    assert_int_not_equal(server_wait(&process), 0);
    leave();
}

void stage_expect_no_start(void)
{
    spawn_server(NULL);
    assert_false(server_wait_ready(&process, READY_MS));
    assert_int_not_equal(server_wait(&process), 0);
}

int stage_maintain(const char *verb)
{
    const char *argv[] = {program, verb, "--data", data, NULL};
    int status = 0;
    pid_t child;

    assert_int_equal(posix_spawn(&child, program, NULL, NULL, (char *const *)argv, environ), 0);
    while (waitpid(child, &status, 0) < 0)
        assert_int_equal(errno, EINTR);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

const char *stage_data(void)
{
    return data;
}

struct rpc_client *stage_rpc_client(void)
{
    const char *port = strrchr(process.address, ':') + 1;

    return rpc_client_create((int)strtol(port, NULL, 10));
}

/* --- judging ---------------------------------------------------------------------------------- */

/* DATA_LOSS: what the streams tell cannot be, or a saga has no end. */
static struct status judge(void)
{
    struct sagabase_options options = {.timeout_ms = WAIT_MS};
    Sagabase__V1__ReadAllRequest request = SAGABASE__V1__READ_ALL_REQUEST__INIT;
    struct oracle *oracle = oracle_create();
    struct oracle_counts counts = {0};
    struct sagabase_page page;
    struct sagabase_read *read;
    struct status status = OK;

    expect(sagabase_read_all(client, &request, &options, &read), SAGABASE_OK);
    do {
        expect(sagabase_read_next(read, &page), SAGABASE_OK);
        for (size_t i = 0; i < page.count && status_ok(status); i++)
            status = oracle_see(oracle, page.events[i]);
    } while (page.count > 0);
    sagabase_read_close(read);
    if (status_ok(status))
        status = oracle_judge(oracle, &counts);
    oracle_free(oracle);
    if (status_ok(status) && counts.open > 0)
        status = status_make(STATUS_DATA_LOSS, "%d sagas have no end", (int)counts.open);
    return status;
}

int stage_open(void **state)
{
    const char *parent = getenv("TEST_TMPDIR");

    (void)state;
    if (process.pid) /* of a test that has failed */
        server_kill(&process);
    snprintf(folder, sizeof folder, "%.200s/failures.XXXXXX", parent ? parent : "/tmp");
    assert_non_null(mkdtemp(folder));
    snprintf(data, sizeof data, "%s/data", folder);
    snprintf(log_path, sizeof log_path, "%s/log", folder);
    stage_start(NULL);
    return 0;
}

static void remove_folder(void)
{
    const char *argv[] = {"rm", "-rf", folder, NULL};
    pid_t child;

    assert_int_equal(posix_spawnp(&child, argv[0], NULL, NULL, (char *const *)argv, environ), 0);
    waitpid(child, NULL, 0);
}

int stage_close(void **state)
{
    (void)state;
    if (!client) { /* the test has failed where there is no server to ask */
        if (process.pid)
            server_kill(&process);
        return -1;
    }
    struct status status = judge();
    stage_stop();
    assert_string_equal(status.message, "");
    assert_int_equal(stage_maintain("verify"), 0);
    remove_folder();
    return 0;
}

/* --- words of the tests ----------------------------------------------------------------------- */

void success_of(struct success *success, const char *command_id)
{
    part_of(&success->part, "work-1");
    success->part.event.type = "Done";
    success->part.event.data =
        (ProtobufCBinaryData){strlen(command_id), (uint8_t *)(uintptr_t)command_id};
    sagabase__v1__complete_command_request__init(&success->request);
    success->request.command_id = (char *)command_id;
    success->request.appends = success->part.appends;
    success->request.n_appends = 1;
}

Sagabase__V1__ReplyOutcome succeed(const char *command_id, uint32_t attempt)
{
    Sagabase__V1__CompleteCommandResponse *response;
    struct success success;

    success_of(&success, command_id);
    success.request.attempt = attempt;
    expect(sagabase_complete_command(client, &success.request, NULL, &response), SAGABASE_OK);
    Sagabase__V1__ReplyOutcome outcome = response->ack->outcome;
    sagabase__v1__complete_command_response__free_unpacked(response, NULL);
    return outcome;
}

struct taken take_step(const char *queue, const char *step)
{
    Sagabase__V1__PollCommandResponse *response = take(queue);
    const Sagabase__V1__Command *command = response->command;
    struct taken taken = {.attempt = command->attempt,
                          .undo = command->operation ==
                                  SAGABASE__V1__OPERATION__OPERATION_COMPENSATION};

    assert_string_equal(command->step, step);
    snprintf(taken.id, sizeof taken.id, "%s", command->command_id);
    forget_command(response);
    return taken;
}

void do_step(const char *queue, const char *step)
{
    assert_int_equal(succeed(take_step(queue, step).id, 0),
                     SAGABASE__V1__REPLY_OUTCOME__REPLY_OUTCOME_ACCEPTED);
}

struct sagabase_status try_to_start(const char *id, Sagabase__V1__StartOutcome *outcome)
{
    Sagabase__V1__StartSagaRequest request = SAGABASE__V1__START_SAGA_REQUEST__INIT;
    Sagabase__V1__StartSagaResponse *response;

    request.type = "order";
    request.id = (char *)id;
    struct sagabase_status status = sagabase_start_saga(client, &request, NULL, &response);
    if (status.code == SAGABASE_OK) {
        *outcome = response->outcome;
        sagabase__v1__start_saga_response__free_unpacked(response, NULL);
    }
    return status;
}

struct rpc_call *send_start(struct rpc_client *rpc, const char *id)
{
    Sagabase__V1__StartSagaRequest request = SAGABASE__V1__START_SAGA_REQUEST__INIT;
    struct rpc_call *call = rpc_call_open(rpc, SAGAS "StartSaga", 0);

    request.type = "order";
    request.id = (char *)id;
    rpc_call_send(call, &request.base);
    rpc_call_half_close(call);
    return call;
}

struct rpc_call *send_success(struct rpc_client *rpc, const char *command_id)
{
    struct rpc_call *call = rpc_call_open(rpc, PARTICIPANT "CompleteCommand", 0);
    struct success success;

    success_of(&success, command_id);
    rpc_call_send(call, &success.request.base);
    rpc_call_half_close(call);
    return call;
}

void expect_no_saga(const char *id)
{
    Sagabase__V1__GetSagaRequest request = SAGABASE__V1__GET_SAGA_REQUEST__INIT;
    Sagabase__V1__SagaName name = order_name(id);
    Sagabase__V1__GetSagaResponse *response;

    request.saga = &name;
    expect(sagabase_get_saga(client, &request, NULL, &response), SAGABASE_NOT_FOUND);
}

void expect_started(const char *id, Sagabase__V1__StartOutcome wanted)
{
    Sagabase__V1__StartOutcome outcome;

    expect(try_to_start(id, &outcome), SAGABASE_OK);
    assert_int_equal(outcome, wanted);
}

void expect_unavailable(struct rpc_call *call)
{
    enum status_code code = rpc_call_finish(call).code;

    /* This client sees what gRPC's core does: it resets a call that arrives in the very moment in
     * which the server ends with CANCELLED. The clients' packages count that as UNAVAILABLE. */
    if (code != STATUS_CANCELLED)
        assert_int_equal(code, STATUS_UNAVAILABLE);
    rpc_call_free(call);
}

size_t count_of(const char *id, const char *type)
{
    struct sagabase_options options = {.timeout_ms = WAIT_MS};
    Sagabase__V1__ReadStreamRequest request = SAGABASE__V1__READ_STREAM_REQUEST__INIT;
    struct sagabase_read *read;
    struct sagabase_page page;
    char stream[256];
    size_t count = 0;

    snprintf(stream, sizeof stream, "$saga-order-%s", id);
    request.stream = stream;
    expect(sagabase_read_stream(client, &request, &options, &read), SAGABASE_OK);
    do {
        expect(sagabase_read_next(read, &page), SAGABASE_OK);
        for (size_t i = 0; i < page.count; i++)
            count += strcmp(page.events[i]->type, type) == 0;
    } while (page.count > 0);
    sagabase_read_close(read);
    return count;
}

void expect_status(const char *id, Sagabase__V1__SagaStatus status)
{
    Sagabase__V1__GetSagaRequest request = SAGABASE__V1__GET_SAGA_REQUEST__INIT;
    Sagabase__V1__SagaName name = order_name(id);
    Sagabase__V1__GetSagaResponse *response;

    request.saga = &name;
    expect(sagabase_get_saga(client, &request, NULL, &response), SAGABASE_OK);
    assert_int_equal(response->summary->status, status);
    sagabase__v1__get_saga_response__free_unpacked(response, NULL);
}
