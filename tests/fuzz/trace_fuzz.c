/* Text as a traceparent: what is read belongs to a trace, and is written as it was. */
#include "base/trace.h"
#include "tests/fuzz/input.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct trace_context context, again;
    uint8_t text[TRACEPARENT_BYTES], any = 0;

    if (!trace_context_read(bytes_of(data, size), &context))
        return 0;
    FUZZ_REQUIRE(size >= TRACEPARENT_BYTES);
    for (size_t i = 0; i < TRACE_ID_BYTES; i++)
        any |= context.trace_id[i];
    FUZZ_REQUIRE(any != 0);
    trace_context_write(&context, text);
    if (memcmp(data, "00", 2) == 0) /* of a later version only the known flag is kept */
        FUZZ_REQUIRE(size == TRACEPARENT_BYTES && memcmp(data, text, size) == 0);
    FUZZ_REQUIRE(memcmp(data + 2, text + 2, TRACEPARENT_BYTES - 4) == 0);
    FUZZ_REQUIRE(trace_context_read(bytes_of(text, sizeof text), &again));
    FUZZ_REQUIRE(memcmp(&context, &again, sizeof context) == 0);
    return 0;
}
