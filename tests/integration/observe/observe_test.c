/* Health and reflection as a client sees them. Goal: a load balancer and grpcurl get
 * what their protocols promise. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "google/protobuf/descriptor.pb-c.h"
#include "grpc/health/v1/health.pb-c.h"
#include "grpc/reflection/v1/reflection.pb-c.h"
#include "server/observe/health.h"
#include "server/observe/reflection.h"
#include "server/rpc/rpc_server.h"
#include "server/services/services.h"
#include "tests/support/rpc_client.h"

typedef Grpc__Health__V1__HealthCheckRequest HealthRequest;
typedef Grpc__Health__V1__HealthCheckResponse HealthResponse;
typedef Grpc__Reflection__V1__ServerReflectionRequest Question;
typedef Grpc__Reflection__V1__ServerReflectionResponse Answer;
typedef Google__Protobuf__FileDescriptorProto File;

enum { SERVING = 1, NOT_SERVING = 2, SERVICE_UNKNOWN = 3 };

struct fixture {
    struct services services;
    struct rpc_server *server;
    struct rpc_client *client;
};

static int set_up(void **state)
{
    static const char *const names[] = {"sagabase.v1.EventStore", NULL};
    static const struct method *const methods[] = {health_methods, reflection_methods, NULL};
    struct fixture *fixture = calloc(1, sizeof *fixture);

    fixture->services.health = health_create(names);
    struct rpc_options options = {
        .listen = "127.0.0.1:0",
        .services = methods,
        .context = &fixture->services,
        .threads = 2,
    };
    struct status status = reflection_start();
    if (status_ok(status))
        status = rpc_server_start(&options, &fixture->server);
    if (!status_ok(status))
        fail_msg("%s", status.message);
    fixture->client = rpc_client_create(rpc_server_port(fixture->server));
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;

    rpc_client_free(fixture->client);
    rpc_server_stop(fixture->server, 0);
    rpc_server_free(fixture->server);
    reflection_stop();
    health_free(fixture->services.health);
    free(fixture);
    return 0;
}

/* --- health --------------------------------------------------------------- */

static enum status_code check(struct fixture *fixture, const char *service, int *serving)
{
    HealthRequest request = GRPC__HEALTH__V1__HEALTH_CHECK_REQUEST__INIT;
    HealthResponse *response = NULL;

    request.service = (char *)service;
    struct status status =
        rpc_client_ask(fixture->client, "/grpc.health.v1.Health/Check", &request.base,
                       &grpc__health__v1__health_check_response__descriptor, &response);
    *serving = response ? (int)response->status : 0;
    if (response)
        grpc__health__v1__health_check_response__free_unpacked(response, NULL);
    return status.code;
}

static void check_tells_whether_the_server_takes_work(void **state)
{
    struct fixture *fixture = *state;
    int serving;

    assert_int_equal(check(fixture, "", &serving), STATUS_OK);
    assert_int_equal(serving, SERVING);
    assert_int_equal(check(fixture, "sagabase.v1.EventStore", &serving), STATUS_OK);
    assert_int_equal(serving, SERVING);
    health_set_serving(fixture->services.health, false);
    assert_int_equal(check(fixture, "", &serving), STATUS_OK);
    assert_int_equal(serving, NOT_SERVING);
    assert_int_equal(check(fixture, "nobody", &serving), STATUS_NOT_FOUND);
}

static struct rpc_call *watch(struct fixture *fixture, const char *service)
{
    struct rpc_call *call = rpc_call_open(fixture->client, "/grpc.health.v1.Health/Watch", 0);
    HealthRequest request = GRPC__HEALTH__V1__HEALTH_CHECK_REQUEST__INIT;

    request.service = (char *)service;
    rpc_call_send(call, &request.base);
    rpc_call_half_close(call);
    return call;
}

static int next_status(struct rpc_call *call)
{
    HealthResponse *response =
        rpc_call_receive(call, &grpc__health__v1__health_check_response__descriptor);

    assert_non_null(response);
    int status = (int)response->status;
    grpc__health__v1__health_check_response__free_unpacked(response, NULL);
    return status;
}

static void watchers_are_told_of_changes(void **state)
{
    enum { WATCHERS = 40 };
    struct fixture *fixture = *state;
    struct rpc_call *watchers[WATCHERS];

    for (unsigned i = 0; i < WATCHERS; i++) {
        watchers[i] = watch(fixture, i % 2 ? "" : "sagabase.v1.EventStore");
        assert_int_equal(next_status(watchers[i]), SERVING);
    }
    health_set_serving(fixture->services.health, false);
    for (unsigned i = 0; i < WATCHERS; i++)
        assert_int_equal(next_status(watchers[i]), NOT_SERVING);
    for (unsigned i = 0; i < WATCHERS / 2; i++)
        rpc_call_free(watchers[i]); /* they leave while the next change is told */
    health_set_serving(fixture->services.health, true);
    for (unsigned i = WATCHERS / 2; i < WATCHERS; i++) {
        assert_int_equal(next_status(watchers[i]), SERVING);
        rpc_call_free(watchers[i]);
    }
}

static void unknown_service_is_watched_as_unknown(void **state)
{
    struct rpc_call *call = watch(*state, "nobody");

    assert_int_equal(next_status(call), SERVICE_UNKNOWN);
    rpc_call_free(call);
}

/* --- reflection ----------------------------------------------------------- */

static const char v1[] = "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo";
static const char v1alpha[] = "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo";

/* Frees nothing: the caller frees the answer. */
static Answer *ask(struct rpc_call *call, int kind, const char *text)
{
    Question question = GRPC__REFLECTION__V1__SERVER_REFLECTION_REQUEST__INIT;

    question.message_request_case = kind;
    question.file_by_filename = (char *)text; /* every text is at the same place of the union */
    assert_true(rpc_call_send(call, &question.base));
    Answer *answer =
        rpc_call_receive(call, &grpc__reflection__v1__server_reflection_response__descriptor);
    assert_non_null(answer);
    assert_int_equal(answer->original_request->message_request_case, kind);
    return answer;
}

enum { BY_NAME = 3, BY_SYMBOL = 4, EXTENSIONS_OF = 6, SERVICES = 7 };

static void drop(Answer *answer)
{
    grpc__reflection__v1__server_reflection_response__free_unpacked(answer, NULL);
}

static void end(struct rpc_call *call)
{
    rpc_call_half_close(call);
    assert_int_equal(rpc_call_finish(call).code, STATUS_OK);
    rpc_call_free(call);
}

static void services_are_listed_by_both_versions(void **state)
{
    struct fixture *fixture = *state;
    static const char *const paths[] = {v1, v1alpha};
    static const char *const expected[] = {
        "sagabase.v1.EventStore",
        "sagabase.v1.Admin",
        "sagabase.v1.SagaDefinitions",
        "sagabase.v1.Sagas",
        "sagabase.v1.Snapshots",
        "sagabase.v1.Reducers",
        "sagabase.v1.Participant",
        "grpc.health.v1.Health",
        "grpc.reflection.v1.ServerReflection",
        "grpc.reflection.v1alpha.ServerReflection",
    };

    for (unsigned p = 0; p < 2; p++) {
        struct rpc_call *call = rpc_call_open(fixture->client, paths[p], 0);
        Answer *answer = ask(call, SERVICES, "");
        assert_int_equal(
            answer->message_response_case,
            GRPC__REFLECTION__V1__SERVER_REFLECTION_RESPONSE__MESSAGE_RESPONSE_LIST_SERVICES_RESPONSE);
        assert_int_equal(answer->list_services_response->n_service, 10);
        for (unsigned e = 0; e < 10; e++) {
            bool is_there = false;
            for (size_t i = 0; i < 10; i++)
                is_there |=
                    strcmp(answer->list_services_response->service[i]->name, expected[e]) == 0;
            assert_true(is_there);
        }
        drop(answer);
        end(call);
    }
}

/* The file's name, of the i-th file in the answer. */
static void assert_file(const Answer *answer, size_t i, const char *name)
{
    assert_int_equal(
        answer->message_response_case,
        GRPC__REFLECTION__V1__SERVER_REFLECTION_RESPONSE__MESSAGE_RESPONSE_FILE_DESCRIPTOR_RESPONSE);
    assert_true(i < answer->file_descriptor_response->n_file_descriptor_proto);
    ProtobufCBinaryData bytes = answer->file_descriptor_response->file_descriptor_proto[i];
    File *file = google__protobuf__file_descriptor_proto__unpack(NULL, bytes.len, bytes.data);
    assert_non_null(file);
    assert_string_equal(file->name, name);
    google__protobuf__file_descriptor_proto__free_unpacked(file, NULL);
}

static void symbols_lead_to_their_file(void **state)
{
    struct fixture *fixture = *state;
    struct rpc_call *call = rpc_call_open(fixture->client, v1, 0);
    static const char *const symbols[] = {
        "grpc.health.v1.Health",
        "grpc.health.v1.Health.Watch",
        "grpc.health.v1.HealthCheckRequest",
        "grpc.health.v1.HealthCheckRequest.service",
        "grpc.health.v1.HealthCheckResponse.ServingStatus",
    };

    for (unsigned i = 0; i < sizeof symbols / sizeof *symbols; i++) {
        Answer *answer = ask(call, BY_SYMBOL, symbols[i]);
        assert_file(answer, 0, "grpc/health/v1/health.proto");
        drop(answer);
    }
    Answer *answer = ask(call, BY_SYMBOL, "sagabase.v1.EventStore.AppendToStream");
    assert_file(answer, 0, "sagabase/v1/event_store.proto");
    drop(answer);
    end(call);
}

static void files_come_with_their_imports(void **state)
{
    struct fixture *fixture = *state;
    struct rpc_call *call = rpc_call_open(fixture->client, v1, 0);
    Answer *answer = ask(call, BY_NAME, "google/rpc/status.proto");

    assert_int_equal(answer->file_descriptor_response->n_file_descriptor_proto, 2);
    assert_file(answer, 0, "google/rpc/status.proto");
    assert_file(answer, 1, "google/protobuf/any.proto");
    drop(answer);
    end(call);
}

static void unknown_names_are_not_found_and_the_stream_goes_on(void **state)
{
    struct fixture *fixture = *state;
    struct rpc_call *call = rpc_call_open(fixture->client, v1alpha, 0);
    static const int kinds[] = {BY_NAME, BY_SYMBOL, EXTENSIONS_OF};

    for (unsigned i = 0; i < 3; i++) {
        Answer *answer = ask(call, kinds[i], "no.such.Thing");
        assert_int_equal(
            answer->message_response_case,
            GRPC__REFLECTION__V1__SERVER_REFLECTION_RESPONSE__MESSAGE_RESPONSE_ERROR_RESPONSE);
        assert_int_equal(answer->error_response->error_code, STATUS_NOT_FOUND);
        drop(answer);
    }
    end(call);
}

int main(void)
{
#define SERVED(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        SERVED(check_tells_whether_the_server_takes_work),
        SERVED(watchers_are_told_of_changes),
        SERVED(unknown_service_is_watched_as_unknown),
        SERVED(services_are_listed_by_both_versions),
        SERVED(symbols_lead_to_their_file),
        SERVED(files_come_with_their_imports),
        SERVED(unknown_names_are_not_found_and_the_stream_goes_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
