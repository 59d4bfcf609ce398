/* Lines of JSON as events. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "clients/cli/proposal.h"

static Sagabase__V1__ProposedEvent *read_line(struct arena *arena, const char *line)
{
    Sagabase__V1__ProposedEvent *event = NULL;
    struct status status = proposal_read_json(bytes_of_text(line), arena, &event);

    if (!status_ok(status))
        fail_msg("%s: %s", line, status.message);
    return event;
}

static void expect_data(const Sagabase__V1__ProposedEvent *event, const char *content_type,
                        const char *data)
{
    assert_string_equal(event->content_type, content_type);
    assert_true(bytes_equal(bytes_of(event->data.data, event->data.len), bytes_of_text(data)));
}

static void data_are_what_they_look_like(void **state)
{
    struct arena arena;

    (void)state;
    arena_init(&arena, 1 << 20);
    expect_data(read_line(&arena, "{\"type\":\"A\"}"), "", "");
    expect_data(read_line(&arena, "{\"type\":\"A\",\"data\":{\"x\": 1.10}}"), "application/json",
                "{\"x\": 1.10}");
    expect_data(read_line(&arena, "{\"type\":\"A\",\"data\":\"a\\nb\"}"),
                "text/plain; charset=utf-8", "a\nb");
    expect_data(read_line(&arena, "{\"type\":\"A\",\"data_base64\":\"Zm8=\"}"),
                "application/octet-stream", "fo");
    expect_data(
        read_line(&arena, "{\"type\":\"A\",\"data\":\"x\",\"content_type\":\"application/json\"}"),
        "application/json", "\"x\"");
    arena_destroy(&arena);
}

static void everything_told_is_kept(void **state)
{
    struct arena arena;

    (void)state;
    arena_init(&arena, 1 << 20);
    Sagabase__V1__ProposedEvent *event = read_line(
        &arena,
        "{\"stream\":\"s\",\"revision\":7,\"type\":\"A\",\"metadata\":{\"k\":\"v\",\"l\":"
        "\"\"},\"tags\":[\"a:1\" , \"b\"],\"id\":\"b27a6d86-6d2f-4c5c-9a0f-0123456789ab\"}");
    assert_string_equal(event->id, "b27a6d86-6d2f-4c5c-9a0f-0123456789ab");
    assert_int_equal(event->n_metadata, 2);
    assert_string_equal(event->metadata[0]->key, "k");
    assert_string_equal(event->metadata[0]->value, "v");
    assert_string_equal(event->metadata[1]->value, "");
    assert_int_equal(event->n_tags, 2);
    assert_string_equal(event->tags[0], "a:1");
    assert_string_equal(event->tags[1], "b");
    arena_destroy(&arena);
}

static void broken_lines_name_the_member_and_its_rule(void **state)
{
    const struct {
        const char *line, *message;
    } cases[] = {
        {"{}", "type: 1 to 256 bytes"},
        {"{\"type\":7}", "type: a string without NUL"},
        {"{\"type\":\"A\",\"id\":\"7\"}", "id: a UUID"},
        {"{\"type\":\"A\",\"metadata\":[]}", "metadata: an object of strings"},
        {"{\"type\":\"A\",\"metadata\":{\"k\":1}}", "metadata: an object of strings"},
        {"{\"type\":\"A\",\"metadata\":{\"\":\"v\"}}", "metadata key: 1 to 128 bytes"},
        {"{\"type\":\"A\",\"tags\":{}}", "tags: a list of strings"},
        {"{\"type\":\"A\",\"tags\":[1]}", "tags: a list of strings"},
        {"{\"type\":\"A\",\"tags\":[\"\"]}", "tag: 1 to 256 bytes"},
        {"{\"type\":\"A\",\"data_base64\":\"*\"}", "data_base64: a string of base64"},
    };
    struct arena arena;

    (void)state;
    arena_init(&arena, 1 << 20);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        Sagabase__V1__ProposedEvent *event;
        struct status status = proposal_read_json(bytes_of_text(cases[i].line), &arena, &event);
        assert_int_equal(status.code, STATUS_INVALID_ARGUMENT);
        assert_string_equal(status.message, cases[i].message);
    }
    arena_destroy(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(data_are_what_they_look_like),
        cmocka_unit_test(everything_told_is_kept),
        cmocka_unit_test(broken_lines_name_the_member_and_its_rule),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
