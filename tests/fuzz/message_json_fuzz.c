/* Any bytes as a definition in JSON: refused with a reason, or what is written of it is read as the
 * same. */
#include "clients/c/sagabase.h"
#include "clients/cli/message_json.h"
#include "tests/fuzz/input.h"

enum { MEMORY_MAX = 16 << 20 };

/* What was read, written; false: it was refused. */
static bool read_and_put(struct bytes json, struct buffer *out)
{
    ProtobufCMessage *message = NULL;
    struct arena arena;

    arena_init(&arena, MEMORY_MAX);
    buffer_init(out, MEMORY_MAX);
    struct status status =
        message_read_json(&sagabase__v1__saga_definition__descriptor, json, &arena, &message);
    if (status_ok(status))
        message_put_json(out, message);
    else
        FUZZ_REQUIRE(status.message[0] != 0);
    arena_destroy(&arena);
    return status_ok(status) && buffer_ok(out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct buffer first, second;

    if (read_and_put(bytes_of(data, size), &first)) {
        FUZZ_REQUIRE(read_and_put(buffer_bytes(&first), &second));
        FUZZ_REQUIRE(bytes_equal(buffer_bytes(&first), buffer_bytes(&second)));
        buffer_destroy(&second);
    }
    buffer_destroy(&first);
    return 0;
}
