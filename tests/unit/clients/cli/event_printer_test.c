/* Events as JSON and as a table. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "clients/cli/event_printer.h"

static Sagabase__V1__RecordedEvent event_with(const char *content_type, const char *data,
                                              size_t size)
{
    Sagabase__V1__RecordedEvent event = SAGABASE__V1__RECORDED_EVENT__INIT;

    event.id = "b27a6d86-6d2f-4c5c-9a0f-0123456789ab";
    event.stream = "order-1";
    event.type = "Placed";
    event.content_type = (char *)content_type;
    event.data = (ProtobufCBinaryData){size, (uint8_t *)data};
    event.revision = 3;
    event.position = 40;
    event.created_us = 1795222923000004;
    return event;
}

static void expect_json(const char *content_type, const char *data, size_t size,
                        const char *expected)
{
    Sagabase__V1__RecordedEvent event = event_with(content_type, data, size);
    struct buffer out;

    buffer_init(&out, 4096);
    event_put_json(&out, &event);
    buffer_put_byte(&out, 0);
    if (!strstr((const char *)out.data, expected))
        fail_msg("%s is not in %s", expected, (const char *)out.data);
    buffer_destroy(&out);
}

static void exact_json_is_given_back_byte_by_byte(void **state)
{
    static const struct {
        const char *content_type, *data, *expected;
    } cases[] = {
        {"application/json", "{\"a\": 1.10}", "\"data\":{\"a\": 1.10}"},
        {"application/json", "{\n}", "\"data_base64\":\"ewp9\""},
        {"application/json", " 1", "\"data_base64\":\"IDE=\""},
        {"application/json", "text", "\"data_base64\":\"dGV4dA==\""},
        {"application/x+JSON", "[1]", "\"data\":\"[1]\""},
        {"text/plain", "a\nb", "\"data\":\"a\\nb\""},
        {"", "", "\"data\":\"\""},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        Sagabase__V1__RecordedEvent event =
            event_with(cases[i].content_type, cases[i].data, strlen(cases[i].data));
        struct buffer out;

        buffer_init(&out, 4096);
        event_put_exact_json(&out, &event);
        buffer_put_byte(&out, 0);
        if (!strstr((const char *)out.data, cases[i].expected))
            fail_msg("%s is not in %s", cases[i].expected, (const char *)out.data);
        buffer_destroy(&out);
    }
}

static void json_holds_everything(void **state)
{
    Sagabase__V1__RecordedEvent__MetadataEntry entry =
        SAGABASE__V1__RECORDED_EVENT__METADATA_ENTRY__INIT;
    Sagabase__V1__RecordedEvent__MetadataEntry *entries[] = {&entry};
    Sagabase__V1__RecordedEvent event = event_with("application/json", "{\"a\": 1.10}", 11);
    char *tags[] = {"order:1", "\""};
    struct buffer out;

    (void)state;
    entry.key = "k";
    entry.value = "v\"";
    event.metadata = entries;
    event.n_metadata = 1;
    event.tags = tags;
    event.n_tags = 2;
    buffer_init(&out, 4096);
    event_put_json(&out, &event);
    buffer_put_byte(&out, 0);
    assert_string_equal((const char *)out.data,
                        "{\"stream\":\"order-1\",\"revision\":3,\"position\":40,"
                        "\"id\":\"b27a6d86-6d2f-4c5c-9a0f-0123456789ab\",\"type\":\"Placed\","
                        "\"created\":\"2026-11-21T01:02:03.000004Z\","
                        "\"content_type\":\"application/"
                        "json\",\"tags\":[\"order:1\",\"\\\"\"],\"data\":{\"a\": 1.10},"
                        "\"metadata\":{\"k\":\"v\\\"\"}}");
    buffer_destroy(&out);
}

static void data_are_json_text_or_base64(void **state)
{
    (void)state;
    expect_json("application/vnd.x+json; v=1", "[1,\n2]", 6, "\"data\":[1, 2],");
    expect_json("application/json", "{broken", 7, "\"data\":\"{broken\",");
    expect_json("text/plain", "[1]", 3, "\"data\":\"[1]\",");
    expect_json("", "", 0, "\"data\":\"\",");
    expect_json("application/json", "\xff", 1, "\"data_base64\":\"/w==\",");
    expect_json("text/plain", "a\0b", 3, "\"data_base64\":\"YQBi\",");
}

static char *print(bool with_streams)
{
    Sagabase__V1__RecordedEvent event = event_with("text/plain", "two\nlines", 9);
    Sagabase__V1__RecordedEvent *events[] = {&event};
    struct event_printer printer;
    char *text = NULL;
    size_t size = 0;
    char path[] = "/tmp/event_printer_test.XXXXXX";
    FILE *out = fdopen(mkstemp(path), "w+");

    assert_non_null(out);
    remove(path);
    event_printer_init(&printer, out, false, with_streams);
    event_printer_print(&printer, events, 1);
    event_printer_print(&printer, events, 1);
    event_printer_destroy(&printer);
    size = (size_t)ftell(out);
    text = calloc(1, size + 1);
    rewind(out);
    assert_int_equal(fread(text, 1, size, out), size);
    fclose(out);
    return text;
}

static void the_table_has_one_head(void **state)
{
    char *text = print(false);

    (void)state;
    assert_string_equal(text,
                        "REVISION    POSITION  TIME                      TYPE    DATA\n"
                        "       3          40  2026-11-21T01:02:03.000Z  Placed  two lines\n"
                        "       3          40  2026-11-21T01:02:03.000Z  Placed  two lines\n");
    free(text);
}

static void the_table_of_several_streams_tells_which(void **state)
{
    char *text = print(true);

    (void)state;
    assert_non_null(strstr(text, "  POSITION  STREAM   REVISION  TIME"));
    assert_non_null(strstr(text, "        40  order-1         3  2026"));
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(json_holds_everything),
        cmocka_unit_test(exact_json_is_given_back_byte_by_byte),
        cmocka_unit_test(data_are_json_text_or_base64),
        cmocka_unit_test(the_table_has_one_head),
        cmocka_unit_test(the_table_of_several_streams_tells_which),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
