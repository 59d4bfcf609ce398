/* Scripts that clients wrote: whatever they do, they end, within their memory, and what went wrong
 * is told as text. */
#include <string.h>

#include "server/reducers/json_text.h"
#include "server/reducers/limits.h"
#include "server/reducers/script.h"
#include "tests/fuzz/input.h"

static void expect_told(const struct script *script, struct status status)
{
    json_t *text;

    FUZZ_REQUIRE(script_memory(script) <= SCRIPT_MEMORY_MAX);
    if (status_ok(status))
        return;
    FUZZ_REQUIRE(status.code == STATUS_FAILED_PRECONDITION);
    text = json_string(script_error(script));
    FUZZ_REQUIRE(text && json_string_length(text) <= SCRIPT_ERROR_BYTES_MAX);
    json_decref(text);
}

static void fold(struct script *script, const Sagabase__V1__RecordedEvent *event)
{
    struct buffer state;
    struct status status = script_begin(script, (struct bytes){0});

    buffer_init(&state, 1 << 20);
    for (int i = 0; status_ok(status) && i < 2; i++)
        status = script_fold(script, event);
    expect_told(script, status);
    status = script_state(script, &state);
    expect_told(script, status);
    if (status_ok(status)) {
        json_t *json;
        FUZZ_REQUIRE(status_ok(json_text_read(buffer_bytes(&state), &json)));
        json_decref(json);
    }
    buffer_destroy(&state);
}

static void upcast(struct script *script, const Sagabase__V1__RecordedEvent *event)
{
    struct buffer frames;

    buffer_init(&frames, 4 << 20);
    struct status status = script_upcast(script, event, &frames);
    expect_told(script, status);
    FUZZ_REQUIRE(status_ok(status) == (frames.size > 0));
    buffer_destroy(&frames);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input input = {bytes_of(data, size)};
    bool is_reducer = fuzz_byte(&input) % 2 == 0;
    Sagabase__V1__RecordedEvent event = SAGABASE__V1__RECORDED_EVENT__INIT;
    struct script *script;

    event.id = event.type = event.stream = "x";
    event.content_type = "application/json";
    event.data.data = (uint8_t *)"{\"a\":[1,2.5,null,{}],\"b\":\"text\"}";
    event.data.len = strlen((char *)event.data.data);
    if (!status_ok(
            script_create(is_reducer ? SCRIPT_REDUCER : SCRIPT_UPCASTER, input.left, &script)))
        return 0;
    if (is_reducer)
        fold(script, &event);
    else
        upcast(script, &event);
    script_free(script);
    return 0;
}
