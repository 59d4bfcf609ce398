#include "tests/fuzz/input.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

uint8_t fuzz_byte(struct fuzz_input *input)
{
    if (input->left.size == 0)
        return 0;
    input->left.size--;
    return *input->left.data++;
}

uint64_t fuzz_number(struct fuzz_input *input)
{
    uint64_t number = 0;

    for (unsigned i = 0; i < 8; i++)
        number = number << 8 | fuzz_byte(input);
    return number;
}

uint32_t fuzz_below(struct fuzz_input *input, uint32_t bound)
{
    return bound <= 256 ? fuzz_byte(input) % bound
                        : (uint32_t)(fuzz_byte(input) << 8 | fuzz_byte(input)) % bound;
}

struct bytes fuzz_bytes(struct fuzz_input *input, struct arena *arena)
{
    size_t size = fuzz_byte(input);
    size_t times = size == 255 ? 1 + fuzz_byte(input) : 1;

    if (size > input->left.size)
        size = input->left.size;
    uint8_t *bytes = arena_alloc_raw(arena, size * times);
    FUZZ_REQUIRE(bytes || size == 0);
    for (size_t i = 0; i < times && size > 0; i++)
        memcpy(bytes + i * size, input->left.data, size);
    input->left.data += size;
    input->left.size -= size;
    return bytes_of(bytes, size * times);
}

void fuzz_broken(const char *what, const char *file, int line)
{
    fprintf(stderr, "%s:%d: does not hold: %s\n", file, line, what);
    abort();
}
