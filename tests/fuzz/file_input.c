#define _GNU_SOURCE /* memfd_create */
#include "tests/fuzz/file_input.h"

#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tests/fuzz/input.h"

struct input *file_input(struct bytes bytes)
{
    struct input *input = malloc(sizeof *input);
    int file = memfd_create("input", MFD_CLOEXEC);

    FUZZ_REQUIRE(input && file >= 0);
    FUZZ_REQUIRE(write(file, bytes.data, bytes.size) == (ssize_t)bytes.size);
    FUZZ_REQUIRE(lseek(file, 0, SEEK_SET) == 0);
    FUZZ_REQUIRE(status_ok(input_open(input, file)));
    return input;
}

void file_input_free(struct input *input)
{
    input_close(input);
    free(input);
}
