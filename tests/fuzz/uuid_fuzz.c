/* Text as an event's id: what is taken is the same id in lower case, and never nil. */
#include <ctype.h>

#include "base/uuid.h"
#include "tests/fuzz/input.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t text[UUID_TEXT_BYTES], any = 0;
    struct uuid uuid, again;

    if (!uuid_parse(bytes_of(data, size), &uuid))
        return 0;
    FUZZ_REQUIRE(size == UUID_TEXT_BYTES);
    uuid_format(&uuid, text);
    for (size_t i = 0; i < UUID_TEXT_BYTES; i++)
        FUZZ_REQUIRE(text[i] == tolower(data[i]));
    for (size_t i = 0; i < UUID_BYTES; i++)
        any |= uuid.bytes[i];
    FUZZ_REQUIRE(any != 0);
    FUZZ_REQUIRE(uuid_parse(bytes_of(text, sizeof text), &again));
    FUZZ_REQUIRE(memcmp(&uuid, &again, sizeof uuid) == 0);
    return 0;
}
