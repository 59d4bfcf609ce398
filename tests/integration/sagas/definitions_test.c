/* SagaDefinitions as a client sees it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "tests/integration/sagas/order.h"

static Sagabase__V1__GetDefinitionResponse *get(const char *type, uint32_t version)
{
    Sagabase__V1__GetDefinitionRequest request = SAGABASE__V1__GET_DEFINITION_REQUEST__INIT;
    Sagabase__V1__GetDefinitionResponse *response;

    request.type = (char *)type;
    request.version = version;
    expect(sagabase_get_definition(client, &request, NULL, &response), SAGABASE_OK);
    return response;
}

/* Puts what another version holds, with another description. */
static struct sagabase_status put(uint32_t version, const char *description, bool keep_default,
                                  uint32_t *got, bool *existed)
{
    Sagabase__V1__GetDefinitionResponse *first = get("order", 1);
    Sagabase__V1__SagaDefinition definition = *first->definition->definition;
    Sagabase__V1__PutDefinitionRequest request = SAGABASE__V1__PUT_DEFINITION_REQUEST__INIT;
    Sagabase__V1__PutDefinitionResponse *response;

    definition.description = (char *)description;
    request.definition = &definition;
    request.version = version;
    request.keep_default = keep_default;
    struct sagabase_status status = sagabase_put_definition(client, &request, NULL, &response);
    if (status.code == SAGABASE_OK) {
        assert_int_equal(response->hash.len, 32);
        *got = response->version;
        *existed = response->existed;
        sagabase__v1__put_definition_response__free_unpacked(response, NULL);
    }
    sagabase__v1__get_definition_response__free_unpacked(first, NULL);
    return status;
}

static void the_same_bytes_are_the_same_version(void **state)
{
    uint32_t version = 0;
    bool existed = false;

    (void)state;
    expect(put(0, "", false, &version, &existed), SAGABASE_OK);
    assert_int_equal(version, 1);
    assert_true(existed);
    expect(put(0, "another", false, &version, &existed), SAGABASE_OK);
    assert_int_equal(version, 2);
    assert_false(existed);
}

static void a_version_is_never_replaced(void **state)
{
    uint32_t version = 0;
    bool existed = false;

    (void)state;
    expect(put(1, "another", false, &version, &existed), SAGABASE_ALREADY_EXISTS);
    expect(put(7, "another", false, &version, &existed), SAGABASE_OK);
    assert_int_equal(version, 7);
}

static void the_newest_version_is_the_default_unless_told(void **state)
{
    Sagabase__V1__SetDefaultVersionRequest request =
        SAGABASE__V1__SET_DEFAULT_VERSION_REQUEST__INIT;
    Sagabase__V1__SetDefaultVersionResponse *answer;
    Sagabase__V1__GetDefinitionResponse *response;
    uint32_t version = 0;
    bool existed = false;

    (void)state;
    expect(put(0, "second", true, &version, &existed), SAGABASE_OK);
    response = get("order", 0);
    assert_int_equal(response->definition->version, 1);
    assert_true(response->definition->is_default);
    sagabase__v1__get_definition_response__free_unpacked(response, NULL);

    expect(put(0, "third", false, &version, &existed), SAGABASE_OK);
    response = get("order", 0);
    assert_int_equal(response->definition->version, 3);
    assert_string_equal(response->definition->definition->description, "third");
    assert_true(response->definition->created_us > 0);
    sagabase__v1__get_definition_response__free_unpacked(response, NULL);

    request.type = "order";
    request.version = 2;
    expect(sagabase_set_default_version(client, &request, NULL, &answer), SAGABASE_OK);
    sagabase__v1__set_default_version_response__free_unpacked(answer, NULL);
    response = get("order", 0);
    assert_int_equal(response->definition->version, 2);
    sagabase__v1__get_definition_response__free_unpacked(response, NULL);
}

static void what_is_not_there_is_not_found(void **state)
{
    Sagabase__V1__GetDefinitionRequest get = SAGABASE__V1__GET_DEFINITION_REQUEST__INIT;
    Sagabase__V1__SetDefaultVersionRequest set = SAGABASE__V1__SET_DEFAULT_VERSION_REQUEST__INIT;
    Sagabase__V1__GetDefinitionResponse *got;
    Sagabase__V1__SetDefaultVersionResponse *answer;

    (void)state;
    get.type = "trip";
    expect(sagabase_get_definition(client, &get, NULL, &got), SAGABASE_NOT_FOUND);
    get.type = "order";
    get.version = 2;
    expect(sagabase_get_definition(client, &get, NULL, &got), SAGABASE_NOT_FOUND);
    get.type = "";
    expect_told(sagabase_get_definition(client, &get, NULL, &got), SAGABASE_INVALID_ARGUMENT,
                "type: 1 to 100 bytes");
    set.type = "order";
    set.version = 2;
    expect(sagabase_set_default_version(client, &set, NULL, &answer), SAGABASE_NOT_FOUND);
    set.version = 0;
    expect_told(sagabase_set_default_version(client, &set, NULL, &answer),
                SAGABASE_INVALID_ARGUMENT, "version: required");
}

static void validating_lists_every_problem_and_changes_nothing(void **state)
{
    Sagabase__V1__ValidateDefinitionRequest request =
        SAGABASE__V1__VALIDATE_DEFINITION_REQUEST__INIT;
    Sagabase__V1__PutDefinitionRequest put_request = SAGABASE__V1__PUT_DEFINITION_REQUEST__INIT;
    Sagabase__V1__SagaDefinition definition = SAGABASE__V1__SAGA_DEFINITION__INIT;
    Sagabase__V1__ValidateDefinitionResponse *response;
    Sagabase__V1__PutDefinitionResponse *answer;
    Sagabase__V1__Node node = SAGABASE__V1__NODE__INIT, *nodes[] = {&node};

    (void)state;
    definition.type = "no good";
    definition.nodes = nodes;
    definition.n_nodes = 1;
    request.definition = &definition;
    expect(sagabase_validate_definition(client, &request, NULL, &response), SAGABASE_OK);
    assert_true(response->n_problems >= 2);
    assert_string_equal(response->problems[0]->path, "type");
    put_request.definition = &definition;
    expect_told(sagabase_put_definition(client, &put_request, NULL, &answer),
                SAGABASE_INVALID_ARGUMENT, response->problems[0]->message);
    sagabase__v1__validate_definition_response__free_unpacked(response, NULL);

    request.definition = NULL;
    expect_told(sagabase_validate_definition(client, &request, NULL, &response),
                SAGABASE_INVALID_ARGUMENT, "definition: required");
    put_request.definition = NULL;
    expect_told(sagabase_put_definition(client, &put_request, NULL, &answer),
                SAGABASE_INVALID_ARGUMENT, "definition: required");
}

static void versions_are_listed_in_pages(void **state)
{
    Sagabase__V1__ListDefinitionsRequest request = SAGABASE__V1__LIST_DEFINITIONS_REQUEST__INIT;
    Sagabase__V1__ListDefinitionsResponse *page;
    char token[256] = "";
    uint32_t version = 0;
    bool existed = false;
    unsigned seen = 0;

    (void)state;
    define("{\"type\": \"trip\", \"nodes\": [{\"name\": \"a\", \"timer\": {\"delay_ms\": 1}}]}");
    expect(put(0, "second", false, &version, &existed), SAGABASE_OK);
    request.page_size = 1;
    do {
        request.page_token = token;
        expect(sagabase_list_definitions(client, &request, NULL, &page), SAGABASE_OK);
        for (size_t i = 0; i < page->n_definitions; i++, seen++) {
            assert_string_equal(page->definitions[i]->definition->type,
                                seen < 2 ? "order" : "trip");
            assert_int_equal(page->definitions[i]->version, seen < 2 ? seen + 1 : 1);
            assert_int_equal(page->definitions[i]->is_default, seen > 0);
        }
        snprintf(token, sizeof token, "%s", page->next_page_token);
        sagabase__v1__list_definitions_response__free_unpacked(page, NULL);
    } while (*token);
    assert_int_equal(seen, 3);

    request.page_token = "";
    request.type = "trip";
    request.page_size = 0;
    expect(sagabase_list_definitions(client, &request, NULL, &page), SAGABASE_OK);
    assert_int_equal(page->n_definitions, 1);
    sagabase__v1__list_definitions_response__free_unpacked(page, NULL);

    request.page_size = 1001;
    expect_told(sagabase_list_definitions(client, &request, NULL, &page), SAGABASE_INVALID_ARGUMENT,
                "page_size: 1 to 1000");
    request.page_size = 1;
    request.page_token = "made up";
    expect_told(sagabase_list_definitions(client, &request, NULL, &page), SAGABASE_INVALID_ARGUMENT,
                "page_token");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, start_server, stop_server)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_same_bytes_are_the_same_version),
        TEST(a_version_is_never_replaced),
        TEST(the_newest_version_is_the_default_unless_told),
        TEST(what_is_not_there_is_not_found),
        TEST(validating_lists_every_problem_and_changes_nothing),
        TEST(versions_are_listed_in_pages),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
