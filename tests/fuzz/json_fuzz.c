/* JSON that clients wrote: it is refused, or it is the same value after it was written, merged into
 * nothing, and given to Lua and back. */
#include <stdlib.h>

#include "server/reducers/json_text.h"
#include "server/reducers/script.h"
#include "tests/fuzz/input.h"

enum { TEXT_BYTES_MAX = 8 << 20 };

static void expect_same(struct buffer *a, struct buffer *b)
{
    FUZZ_REQUIRE(buffer_ok(a) && buffer_ok(b));
    FUZZ_REQUIRE(bytes_equal(buffer_bytes(a), buffer_bytes(b)));
}

static void write(const json_t *json, struct buffer *text)
{
    buffer_init(text, TEXT_BYTES_MAX);
    FUZZ_REQUIRE(status_ok(json_text_write(json, text)));
}

static void read_again(struct buffer *text)
{
    struct buffer again;
    json_t *json;

    FUZZ_REQUIRE(status_ok(json_text_read(buffer_bytes(text), &json)));
    write(json, &again);
    expect_same(text, &again);
    buffer_destroy(&again);
    json_decref(json);
}

static void through_lua(struct buffer *text)
{
    struct bytes source = bytes_of_text("return function() end");
    struct script *script;
    struct buffer state;

    FUZZ_REQUIRE(status_ok(script_create(SCRIPT_REDUCER, source, &script)));
    FUZZ_REQUIRE(status_ok(script_begin(script, buffer_bytes(text))));
    buffer_init(&state, TEXT_BYTES_MAX);
    FUZZ_REQUIRE(status_ok(script_state(script, &state)));
    expect_same(text, &state);
    buffer_destroy(&state);
    script_free(script);
}

/* A patch that was merged changes nothing when it is merged again. */
static void merge(const json_t *target, const json_t *patch)
{
    json_t *once = json_merge(json_deep_copy(target), patch);
    json_t *twice = json_merge(json_deep_copy(once), patch);

    FUZZ_REQUIRE(once && twice && json_equal(once, twice));
    json_decref(once);
    json_decref(twice);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input input = {bytes_of(data, size)};
    size_t cut = fuzz_below(&input, 256) % (input.left.size + 1);
    struct bytes rest = {input.left.data + cut, input.left.size - cut};
    json_t *json, *patch;
    struct buffer text;

    if (status_ok(json_text_read(rest, &json))) {
        write(json, &text);
        read_again(&text);
        through_lua(&text);
        buffer_destroy(&text);
        if (status_ok(json_text_read(bytes_of(input.left.data, cut), &patch))) {
            merge(json, patch);
            json_decref(patch);
        }
        json_decref(json);
    }
    return 0;
}
