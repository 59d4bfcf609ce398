/* The sandbox. Goal: JSON comes back from Lua as it went in, and no script holds the server, takes
 * its memory, sees anything of it, or ends otherwise than with an error that tells why. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/reducers/limits.h"
#include "server/reducers/script.h"
#include "storage/log/event.h"
#include "tests/support/log_fixture.h"

static Sagabase__V1__RecordedEvent event_of(const char *content_type, const char *data)
{
    Sagabase__V1__RecordedEvent event = SAGABASE__V1__RECORDED_EVENT__INIT;

    event.id = "00000000-0000-4000-8000-000000000001";
    event.type = "Placed";
    event.stream = "order-1";
    event.revision = 7;
    event.position = 70;
    event.created_us = 700;
    event.content_type = (char *)content_type;
    event.data.data = (uint8_t *)data;
    event.data.len = strlen(data);
    return event;
}

/* Folds one event with data and tells what the state is then. */
static struct status fold(const char *source, const char *data, struct buffer *state)
{
    Sagabase__V1__RecordedEvent event = event_of("application/json", data);
    struct script *script;
    struct status status;

    buffer_init(state, 1 << 20);
    TRY(script_create(SCRIPT_REDUCER, bytes_of_text(source), &script));
    status = script_begin(script, (struct bytes){0});
    if (status_ok(status))
        status = script_fold(script, &event);
    if (status_ok(status))
        status = script_state(script, state);
    buffer_put_byte(state, '\0');
    assert_in_range(script_memory(script), 1, SCRIPT_MEMORY_MAX);
    script_free(script);
    return status;
}

static void expect_state(const char *source, const char *data, const char *expected)
{
    struct buffer state;

    assert_ok(fold(source, data, &state));
    assert_string_equal((char *)state.data, expected);
    buffer_destroy(&state);
}

static void expect_failure(const char *source, const char *part)
{
    struct buffer state;

    assert_fails(fold(source, "{}", &state), FAILED_PRECONDITION, part);
    buffer_destroy(&state);
}

/* --- values -------------------------------------------------------------------------------- */

static void json_comes_back_as_it_went_in(void **state)
{
    static const char *const texts[] = {
        "{}",
        "[]",
        "null",
        "true",
        "\"\"",
        "0",
        "1.0",
        "19.99",
        "-0.0",
        "9223372036854775807",
        "-9223372036854775808",
        "[[],{},[[]],[{}]]",
        "{\"1\":\"a\",\"2\":\"b\"}",
        "{\"a\":[],\"b\":{},\"c\":null,\"d\":[null,1,null]}",
        "[\"\\u0000\\u001f\u00e9\u20ac\U0001f600\"]",
    };

    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        expect_state("return function(s, e) return e.data end", texts[i], texts[i]);
}

static void tables_become_what_they_look_like(void **state)
{
    static const char *const tables[][2] = {
        {"{}", "{}"},
        {"json.array()", "[]"},
        {"json.array{}", "[]"},
        {"{1, 2, 3}", "[1,2,3]"},
        {"{a = 1}", "{\"a\":1}"},
        {"{json.null}", "[null]"},
        {"10 // 3", "3"},
        {"10 / 4", "2.5"},
        {"2^53", "9007199254740992.0"},
        {"math.maxinteger", "9223372036854775807"},
        {"nil", "null"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof tables / sizeof tables[0]; i++) {
        char source[256];
        snprintf(source, sizeof source, "return function() return %s end", tables[i][0]);
        expect_state(source, "{}", tables[i][1]);
    }
}

static void what_is_no_json_fails_with_a_reason(void **state)
{
    static const char *const values[][2] = {
        {"0/0", "not finite"},
        {"math.huge", "not finite"},
        {"print", "null"}, /* a name that is not there is nil, as everywhere in Lua */
        {"type", "a function"},
        {"{[1.5] = 1}", "keys"},
        {"{[true] = 1}", "keys"},
        {"{1, nil, 3, [10] = 1}", "keys"},
        {"{1, a = 2}", "keys"},
        {"'\\xff'", "not UTF-8"},
        {"{['\\xff'] = 1}", "not UTF-8"},
        {"{['a\\0b'] = 1}", "NUL"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        char source[256];
        snprintf(source, sizeof source, "return function() return %s end", values[i][0]);
        if (i == 2)
            expect_state(source, "{}", values[i][1]);
        else
            expect_failure(source, values[i][1]);
    }
}

static void a_state_within_itself_is_refused(void **state)
{
    (void)state;
    expect_failure("return function() local t = {}; t.t = t; return t end", "within itself");
    expect_failure("return function() local t = {}; for i = 1, 60 do t = {t, t} end; return t end",
                   "100000 values");
    expect_failure("return function() local t = {}; for i = 1, 70 do t = {t} end; return t end",
                   "64 levels");
    expect_failure("return function() local t = {}; for i = 1, 20 do t[i] = ('x'):rep(100000) end; "
                   "return t end",
                   "more than 1048576 bytes");
}

static void an_event_is_given_whole(void **state)
{
    (void)state;
    expect_state("return function(s, e) return {e.id, e.type, e.stream, e.revision, e.position, "
                 "e.created_us, e.content_type, e.metadata, e.tags, s == nil} end",
                 "1",
                 "[\"00000000-0000-4000-8000-000000000001\",\"Placed\",\"order-1\",7,70,700,"
                 "\"application/json\",{},[],true]");
}

static void data_that_is_not_json_is_given_as_bytes(void **state)
{
    Sagabase__V1__RecordedEvent plain = event_of("text/plain", "{"),
                                suffix = event_of("application/vnd.order+json; v=1", "{\"a\":1}"),
                                broken = event_of("application/json", "{");
    struct script *script;

    (void)state;
    assert_ok(script_create(SCRIPT_REDUCER,
                            bytes_of_text("return function(s, e) assert(e.data == '{' or "
                                          "e.data.a == 1) end"),
                            &script));
    assert_ok(script_begin(script, (struct bytes){0}));
    assert_ok(script_fold(script, &plain));
    assert_ok(script_fold(script, &suffix));
    assert_fails(script_fold(script, &broken), FAILED_PRECONDITION, "data: not JSON");
    script_free(script);
}

/* --- attacks ------------------------------------------------------------------------------- */

#define STEPS  "more than 1000000 steps for one event"
#define ENDED  "for one event" /* by steps, or on a slow machine by time */
#define MEMORY "of memory"

/* A table of 69 elements whose length is 2^62. */
#define LENGTHY                                                                                    \
    "for k = 4, 62 do t[1 << k] = 1 end for i = 1, 9 do t[i] = 1 end assert(#t == 1 << 62) "

static void no_loop_goes_on_for_ever(void **state)
{
    static const char *const sources[] = {
        "while true do end",
        "::again:: goto again",
        "while true do pcall(function() while true do end end) end",
        "local function f() pcall(f) f() end; while true do pcall(f) end",
        "while true do pcall(error, {}) end",
        "for i = 1, math.huge do end",
        "local t = {}; while true do t = {t} end",
        "while true do ('x'):rep(1000000) end",
        "while true do pcall(string.rep, 'x', 1000000) end",
        "local s = ''; while true do s = 'x' .. s:sub(1, 1000) end",
        "local t = {}; for i = 1, 90000 do t[i] = i end; while true do table.insert(t, 1, 1); "
        "table.remove(t, 1) end",
        "local t = {}; for i = 1, 90000 do t[i] = -i end; while true do table.sort(t) end",
        "local t = {}; for i = 1, 9000 do t[i] = i end; while true do select(1, table.unpack(t)) "
        "end",
        "return (''):rep(1 << 60)",
        "return (''):rep('10000000000')",
        "return (''):rep(1 << 60, '')",
        "local t = {}; " LENGTHY "table.insert(t, 1, 1)",
        "local t = {}; " LENGTHY "table.remove(t, 1)",
        "local t = {}; " LENGTHY "table.sort(t)",
        "local t = {}; " LENGTHY "table.concat(t)",
        "table.sort({3, 1, 2, 5, 4, 9, 7}, function() while true do end end)",
    };

    (void)state;
    for (size_t i = 0; i < sizeof sources / sizeof sources[0]; i++) {
        char source[512];
        snprintf(source, sizeof source, "return function(s, e) %s end", sources[i]);
        expect_failure(source, ENDED);
    }
    expect_failure("return function() while true do end end", STEPS);
    expect_failure("while true do end", "more than 100000 steps to load it");
}

static void one_instruction_cannot_take_for_ever(void **state)
{
    (void)state;
    /* Patterns that try all ways: they are not there, and find looks for plain text. */
    expect_failure("return function() return ('a'):rep(30000):match(('.-'):rep(30) .. 'b') end",
                   "method 'match'");
    expect_failure("return function() return ('a'):rep(30000):gsub(('.-'):rep(30) .. 'b', '') end",
                   "method 'gsub'");
    expect_state("return function() return ('a.-b'):find('.-', 1, false) end", "0", "2");
    expect_state("return function() return ('a'):rep(30000):find(('.-'):rep(30) .. 'b') end", "0",
                 "null");
    expect_state("return function() return ('a'):rep(500000):find(('a'):rep(200000) .. 'b') end",
                 "0", "null");
    /* Loops of the library over what is not there. */
    expect_failure("return function() table.move({}, 1, 1 << 62, 2) end", "'move'");
    expect_failure("return function() setmetatable({}, {__len = function() return 1 << 62 end}) "
                   "end",
                   "'setmetatable'");
    expect_failure("return function() return table.concat({}, '', 1, 1 << 62) end", "concat");
    expect_failure("return function() return table.unpack({}, 1, 1 << 30) end", "unpack");
    expect_failure("return function() local t = {} " LENGTHY "return table.unpack(t) end",
                   "unpack");
    expect_failure("return function() local t = {} " LENGTHY "return t end", "keys");
}

static void find_begins_where_it_is_told_within_the_text(void **state)
{
    (void)state;
    expect_state("return function() return ('abca'):find('a', 2) end", "0", "4");
    expect_state("return function() return ('abca'):find('a', -1) end", "0", "4");
    expect_state("return function() return ('abca'):find('a', -9) end", "0", "1");
    expect_state("return function() return ('abca'):find('a', math.mininteger) end", "0", "1");
    expect_state("return function() return ('abca'):find('a', math.maxinteger) end", "0", "null");
}

static void no_script_takes_more_than_its_memory(void **state)
{
    static const char *const sources[] = {
        "return ('x'):rep(1 << 40)",
        "return ('x'):rep(1 << 23)",
        "local s = 'x'; while true do s = s .. s end",
        "return table.concat({('x'):rep(2000000), ('x'):rep(2000000)})",
        "local t = {}; for i = 1, 1 << 30 do t[i] = ('x'):rep(100) .. i end",
        "local t = {}; while true do t[#t + 1] = pcall(string.rep, 'x', 1 << 20) end",
    };

    (void)state;
    for (size_t i = 0; i < sizeof sources / sizeof sources[0]; i++) {
        char source[512];
        struct buffer state_text;
        snprintf(source, sizeof source, "return function(s, e) %s end", sources[i]);
        struct status status = fold(source, "{}", &state_text);
        assert_int_equal(status.code, STATUS_FAILED_PRECONDITION);
        assert_true(strstr(status.message, MEMORY) || strstr(status.message, ENDED) ||
                    strstr(status.message, "too large"));
        buffer_destroy(&state_text);
    }
    expect_failure("return function() return ('%99999d'):format(1) end", "invalid conversion");
}

/* In Lua they share one string; as JSON each would be a copy, outside of the script's memory. */
static void a_string_that_is_used_often_is_counted_each_time(void **state)
{
    (void)state;
    expect_failure("return function() local s, t = ('x'):rep(1000000), {} "
                   "for i = 1, 100 do t[i] = s end return t end",
                   "strings of more than 1048576 bytes");
    expect_failure("return function() local k, t = ('x'):rep(1000000), {} "
                   "for i = 1, 100 do t[i] = {[k] = true} end return t end",
                   "strings of more than 1048576 bytes");
    expect_state("return function() return {('x'):rep(3), 'y'} end", "0", "[\"xxx\",\"y\"]");
}

static void deep_calls_end(void **state)
{
    struct buffer text;

    (void)state;
    expect_failure("return function() local function f() return 1 + f() end; f() end", MEMORY);
    expect_failure("return function() local function f() return pcall(f) end; while true do f() "
                   "end end",
                   ENDED);
    expect_failure("return function() local t = {'x'}; local function f(a, b) table.sort({1, 2, "
                   "3}, f) return false end; f() end",
                   "overflow");
    /* A source that is nested without end. */
    char *source = malloc(60001);
    memset(source, '(', 60000);
    source[60000] = '\0';
    assert_fails(fold(source, "{}", &text), FAILED_PRECONDITION, "overflow");
    free(source);
}

static void what_reaches_out_is_not_there(void **state)
{
    static const char *const names[] = {
        "io",           "os",           "package",         "debug",       "coroutine",
        "require",      "load",         "loadfile",        "loadstring",  "dofile",
        "print",        "warn",         "xpcall",          "_G",          "collectgarbage",
        "getmetatable", "setmetatable", "string.dump",     "string.pack", "string.gmatch",
        "table.move",   "math.random",  "math.randomseed",
    };

    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        char source[256];
        snprintf(source, sizeof source, "return function() return %s == nil end", names[i]);
        expect_state(source, "{}", "true");
    }
    expect_failure("\x1bLua", "binary chunk");
}

static void nothing_tells_where_in_memory_it_lies(void **state)
{
    (void)state;
    expect_state("return function() return {tostring({}), tostring(type), tostring(json.null), "
                 "tostring(1.5), tostring(nil)} end",
                 "0", "[\"table\",\"function\",\"userdata\",\"1.5\",\"nil\"]");
    expect_state("return function() return ('%5.1f|%d|%s|%q|%%p'):format(1, 2, 'x', 'y') end", "0",
                 "\"  1.0|2|x|\\\"y\\\"|%p\"");
    expect_failure("return function() return ('%s'):format({}) end", "argument 2 is a table");
    expect_failure("return function() return ('%-20p'):format('x') end", "no %p");
    expect_failure("return function() return ('%%\\0%p'):format('x') end", "no %p");
}

static void errors_are_told_as_text(void **state)
{
    char long_error[128];

    (void)state;
    expect_failure("return function()\n\n error('no such order') end", "reducer:3: no such order");
    expect_failure("return function() error({code = 1}) end", "no text but a table");
    expect_failure("return function() error() end", "no text but a nil");
    expect_failure("return function() error('\\xff\\n\\0', 0) end", "?  ");
    expect_failure("return function(s) return s.n end", "index a nil value");
    expect_failure("return 1", "has to return a function, not a number");
    snprintf(long_error, sizeof long_error, "return function() error(('\u00e9'):rep(9999)) end");
    expect_failure(long_error, "\u00e9");
}

static void a_script_that_failed_can_be_begun_again(void **state)
{
    Sagabase__V1__RecordedEvent good = event_of("application/json", "{\"by\":1}"),
                                bad = event_of("application/json", "{}");
    struct script *script;
    struct buffer text;

    (void)state;
    assert_ok(script_create(SCRIPT_REDUCER,
                            bytes_of_text("return function(s, e) return (s or 0) + e.data.by end"),
                            &script));
    assert_ok(script_begin(script, (struct bytes){0}));
    assert_fails(script_fold(script, &bad), FAILED_PRECONDITION, "arithmetic");
    assert_non_null(strstr(script_error(script), "reducer:1:"));
    assert_ok(script_begin(script, bytes_of_text("41")));
    assert_ok(script_fold(script, &good));
    assert_in_range(script_steps(script), 0, 200);
    buffer_init(&text, 100);
    assert_ok(script_state(script, &text));
    assert_memory_equal(text.data, "42", 2);
    buffer_destroy(&text);
    script_free(script);
}

/* --- upcasters -------------------------------------------------------------------------------- */

static struct status upcast(const char *source, const Sagabase__V1__RecordedEvent *event,
                            struct buffer *frames)
{
    struct script *script;

    buffer_init(frames, 4 << 20);
    TRY(script_create(SCRIPT_UPCASTER, bytes_of_text(source), &script));
    struct status status = script_upcast(script, event, frames);
    script_free(script);
    return status;
}

static void an_event_gets_its_newest_form(void **state)
{
    Sagabase__V1__RecordedEvent old = event_of("application/json", "{\"name\":\"Ada Lovelace\"}");
    struct bytes frames;
    struct buffer out;
    struct event event;
    struct bytes value;

    (void)state;
    assert_ok(upcast("return function(e)\n"
                     "  local space = e.data.name:find(' ')\n"
                     "  e.data = {first = e.data.name:sub(1, space - 1),\n"
                     "            last = e.data.name:sub(space + 1)}\n"
                     "  e.type = 'PlacedV2'; e.metadata.upcast = 'yes'; e.revision = 99\n"
                     "  return e\n"
                     "end",
                     &old, &out));
    frames = buffer_bytes(&out);
    assert_true(event_next(&frames, &event));
    assert_int_equal(frames.size, 0);
    assert_true(bytes_equal(event.type, bytes_of_text("PlacedV2")));
    assert_true(
        bytes_equal(event.data, bytes_of_text("{\"first\":\"Ada\",\"last\":\"Lovelace\"}")));
    assert_true(event_metadata(&event, bytes_of_text("upcast"), &value));
    assert_true(bytes_equal(value, bytes_of_text("yes")));
    assert_int_equal(event.revision, 7);
    assert_int_equal(event.position, 70);
    buffer_destroy(&out);
}

static void what_is_no_event_is_refused(void **state)
{
    static const char *const results[][2] = {
        {"return nil", "has to return an event, not a nil"},
        {"e.type = ''; return e", "type of the event: 1 to 256 bytes"},
        {"e.type = ('x'):rep(257); return e", "type of the event: at most 256 bytes"},
        {"e.type = 'a\\0b'; return e", "type of the event: not UTF-8 text"},
        {"e.content_type = nil; return e", "content_type of the event: a string, not a nil"},
        {"e.content_type = 'text/plain'; return e", "data of the event: a string"},
        {"e.data = {0/0}; return e", "data of the event cannot be written as JSON"},
        {"e.metadata = 1; return e", "metadata of the event: a table, not a number"},
        {"e.metadata = {a = 1}; return e", "a value in the metadata of the event: a string"},
        {"e.metadata = {[1] = 'a'}; return e", "a key in the metadata of the event: a string"},
        {"for i = 1, 65 do e.metadata['k' .. i] = 'v' end; return e", "at most 64 entries"},
        {"while true do end", "more than 100000 steps"},
    };
    Sagabase__V1__RecordedEvent event = event_of("application/json", "{}");

    (void)state;
    for (size_t i = 0; i < sizeof results / sizeof results[0]; i++) {
        char source[256];
        struct buffer out;
        snprintf(source, sizeof source, "return function(e) %s end", results[i][0]);
        assert_fails(upcast(source, &event, &out), FAILED_PRECONDITION, results[i][1]);
        assert_int_equal(out.size, 0);
        buffer_destroy(&out);
    }
}

/* Comparing what is long and equal costs more than its step. */
static void what_steps_do_not_count_is_ended_by_time(void **state)
{
    Sagabase__V1__RecordedEvent event = event_of("application/json", "{}");
    struct buffer out;

    (void)state;
    assert_fails(upcast("return function()\n"
                        "  local a, b = ('x'):rep(1 << 20), ('x'):rep(1 << 20)\n"
                        "  while true do if a ~= b then break end end\n"
                        "end",
                        &event, &out),
                 FAILED_PRECONDITION, ENDED);
    buffer_destroy(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(json_comes_back_as_it_went_in),
        cmocka_unit_test(tables_become_what_they_look_like),
        cmocka_unit_test(what_is_no_json_fails_with_a_reason),
        cmocka_unit_test(a_state_within_itself_is_refused),
        cmocka_unit_test(an_event_is_given_whole),
        cmocka_unit_test(data_that_is_not_json_is_given_as_bytes),
        cmocka_unit_test(no_loop_goes_on_for_ever),
        cmocka_unit_test(one_instruction_cannot_take_for_ever),
        cmocka_unit_test(find_begins_where_it_is_told_within_the_text),
        cmocka_unit_test(no_script_takes_more_than_its_memory),
        cmocka_unit_test(a_string_that_is_used_often_is_counted_each_time),
        cmocka_unit_test(deep_calls_end),
        cmocka_unit_test(what_reaches_out_is_not_there),
        cmocka_unit_test(nothing_tells_where_in_memory_it_lies),
        cmocka_unit_test(errors_are_told_as_text),
        cmocka_unit_test(a_script_that_failed_can_be_begun_again),
        cmocka_unit_test(an_event_gets_its_newest_form),
        cmocka_unit_test(what_is_no_event_is_refused),
        cmocka_unit_test(what_steps_do_not_count_is_ended_by_time),
    };

    return cmocka_run_group_tests_name("script", tests, NULL, NULL);
}
