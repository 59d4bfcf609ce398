/* Requests of RESP. Goal: whatever way the bytes are cut, the same requests come out of them, and
 * what is no request is refused in the words of Redis. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "server/resp/request.h"

enum { TEXT_BYTES_MAX = 1024 };

struct fixture {
    struct request_parser parser;
    char text[TEXT_BYTES_MAX]; /* the requests: "[GET][a b] [PING]", "!error" when broken */
};

static int set_up(void **state)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);

    request_parser_init(&fixture->parser);
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;

    request_parser_destroy(&fixture->parser);
    free(fixture);
    return 0;
}

static void tell(struct fixture *fixture, const struct request *request)
{
    size_t size = strlen(fixture->text);

    if (size > 0)
        fixture->text[size++] = ' ';
    for (uint32_t i = 0; i < request->count; i++) {
        struct bytes argument = request_argument(request, i);
        size += (size_t)snprintf(fixture->text + size, TEXT_BYTES_MAX - size, "[%.*s]",
                                 (int)argument.size, argument.data);
    }
}

/* Hands over `step` bytes more each time, in memory of their own. */
static const char *parse_in_steps(struct fixture *fixture, struct bytes bytes, size_t step)
{
    size_t begin = 0, end = 0, taken;

    fixture->text[0] = '\0';
    while (end < bytes.size) {
        end = bytes.size - end < step ? bytes.size : end + step;
        uint8_t *data = malloc(end - begin); /* lives elsewhere each time */
        memcpy(data, bytes.data + begin, end - begin);
        size_t at = 0;
        for (;;) {
            enum parsed parsed =
                request_parse(&fixture->parser, data + at, end - begin - at, &taken);
            if (parsed == PARSED_REQUEST) {
                struct request request = request_parsed(&fixture->parser, data + at);
                tell(fixture, &request);
            }
            if (parsed == PARSED_BROKEN) {
                snprintf(fixture->text + strlen(fixture->text), 80, "!%s", fixture->parser.error);
                free(data);
                return fixture->text;
            }
            if (parsed == PARSED_PART)
                break;
            at += taken;
        }
        free(data);
        begin += at;
    }
    assert_int_equal(begin, bytes.size); /* nothing is left half done */
    return fixture->text;
}

static void means(void **state, const char *bytes, const char *requests)
{
    struct bytes all = bytes_of_text(bytes);

    assert_string_equal(parse_in_steps(*state, all, all.size), requests);
    if (!strchr(requests, '!'))
        for (size_t step = 1; step < all.size; step++)
            assert_string_equal(parse_in_steps(*state, all, step), requests);
}

static void breaks(const char *bytes, const char *error)
{
    struct fixture fixture;

    request_parser_init(&fixture.parser);
    assert_string_equal(parse_in_steps(&fixture, bytes_of_text(bytes), strlen(bytes)), error);
    request_parser_destroy(&fixture.parser);
}

static void arrays_of_bulk_strings_are_requests(void **state)
{
    means(state, "*1\r\n$4\r\nPING\r\n", "[PING]");
    means(state, "*2\r\n$3\r\nGET\r\n$3\r\na\rb\r\n*1\r\n$4\r\nPING\r\n", "[GET][a\rb] [PING]");
    means(state, "*2\r\n$3\r\nGET\r\n$0\r\n\r\n", "[GET][]");
}

static void lines_are_requests(void **state)
{
    means(state, "PING\r\n", "[PING]");
    means(state, "set  a\tb \nget a\r\n", "[set][a][b] [get][a]");
    means(state, "ECHO \"a \\\"b\\\" \\x41\\n\"\r\n", "[ECHO][a \"b\" A\n]");
    means(state, "ECHO 'it\\'s \\n' x''\r\n", "[ECHO][it's \\n][x]");
}

static void empty_lines_and_arrays_are_passed_over(void **state)
{
    means(state, "\r\n\n  \r\n*0\r\n*-1\r\nPING\r\n", "[PING]");
}

static void many_arguments_are_kept_in_order(void **state)
{
    char bytes[700] = "*50\r\n", requests[300] = "";

    for (int i = 10; i < 60; i++) {
        snprintf(bytes + strlen(bytes), 16, "$2\r\n%d\r\n", i);
        snprintf(requests + strlen(requests), 8, "[%d]", i);
    }
    means(state, bytes, requests);
}

static void broken_requests_are_told_in_the_words_of_redis(void **state)
{
    (void)state;
    breaks("*a\r\n", "!Protocol error: invalid multibulk length");
    breaks("*01\r\n", "!Protocol error: invalid multibulk length");
    breaks("*65537\r\n", "!Protocol error: invalid multibulk length");
    breaks("*1\r\nPING\r\n", "!Protocol error: expected '$', got 'P'");
    breaks("*1\r\n$-1\r\n", "!Protocol error: invalid bulk length");
    breaks("*1\r\n$1048577\r\n", "!Protocol error: invalid bulk length");
    breaks("*1\r\n$x\r\n", "!Protocol error: invalid bulk length");
    breaks("ECHO \"a\r\n", "!Protocol error: unbalanced quotes in request");
    breaks("ECHO \"a\"b\r\n", "!Protocol error: unbalanced quotes in request");
    breaks("PING\r\n*1\r\n:1\r\n", "[PING]!Protocol error: expected '$', got ':'");
}

/* A line of so many bytes without an end. */
static const char *error_of_line(const char *begin, size_t size)
{
    static struct fixture fixture;
    uint8_t *line = malloc(size);
    size_t taken;

    memset(line, 'x', size);
    memcpy(line, begin, strlen(begin));
    request_parser_init(&fixture.parser);
    fixture.parser.error[0] = '\0';
    assert_int_equal(request_parse(&fixture.parser, line, size - 10, &taken), PARSED_PART);
    assert_int_equal(request_parse(&fixture.parser, line, size, &taken), PARSED_BROKEN);
    request_parser_destroy(&fixture.parser);
    free(line);
    return fixture.parser.error;
}

static void lines_without_an_end_are_refused_at_their_limit(void **state)
{
    size_t most = REQUEST_LINE_BYTES_MAX;

    (void)state;
    assert_string_equal(error_of_line("SET", most + 1), "Protocol error: too big inline request");
    assert_string_equal(error_of_line("*", most + 1), "Protocol error: too big mbulk count string");
    assert_string_equal(error_of_line("*1\r\n$", most + 5),
                        "Protocol error: too big bulk count string");
}

static void a_request_that_is_too_large_in_all_is_refused(void **state)
{
    struct fixture *fixture = *state;
    size_t bulk = REQUEST_BULK_BYTES_MAX, count = REQUEST_BYTES_MAX / bulk + 1, taken;
    struct buffer bytes;

    buffer_init(&bytes, REQUEST_BYTES_MAX + (1 << 20));
    buffer_print(&bytes, "*%zu\r\n", count);
    for (size_t i = 0; i + 1 < count; i++) {
        buffer_print(&bytes, "$%zu\r\n", bulk);
        assert_non_null(buffer_reserve(&bytes, bulk + 2));
        memset(bytes.data + bytes.size, 'x', bulk + 2);
        bytes.size += bulk + 2;
    }
    buffer_print(&bytes, "$%zu\r\n", bulk);
    assert_int_equal(request_parse(&fixture->parser, bytes.data, bytes.size, &taken),
                     PARSED_BROKEN);
    assert_string_equal(fixture->parser.error, "Protocol error: too big request");
    buffer_destroy(&bytes);
}

static void strangers_may_send_little(void **state)
{
    struct fixture *fixture = *state;

    fixture->parser.stranger = true;
    means(state, "*3\r\n$4\r\nAUTH\r\n$1\r\na\r\n$1\r\nb\r\n", "[AUTH][a][b]");
    means(state, "*11\r\n", "!Protocol error: unauthenticated multibulk length");
    request_parser_init(&fixture->parser);
    fixture->parser.stranger = true;
    means(state, "*1\r\n$16385\r\n", "!Protocol error: unauthenticated bulk length");
}

static void what_is_missing_of_a_large_argument_is_known(void **state)
{
    struct fixture *fixture = *state;
    uint8_t bytes[] = "*2\r\n$4\r\nECHO\r\n$100000\r\nab";
    size_t header = sizeof bytes - 1 - 2, taken;

    assert_int_equal(request_parse(&fixture->parser, bytes, sizeof bytes - 1, &taken), PARSED_PART);
    assert_int_equal(request_bytes_min(&fixture->parser), header + 100000 + 2);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(arrays_of_bulk_strings_are_requests),
        TEST(lines_are_requests),
        TEST(empty_lines_and_arrays_are_passed_over),
        TEST(many_arguments_are_kept_in_order),
        TEST(broken_requests_are_told_in_the_words_of_redis),
        TEST(lines_without_an_end_are_refused_at_their_limit),
        TEST(a_request_that_is_too_large_in_all_is_refused),
        TEST(strangers_may_send_little),
        TEST(what_is_missing_of_a_large_argument_is_known),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
