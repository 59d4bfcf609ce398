#include "tests/unit/clients/cli/memory_input.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

struct input *memory_input(const void *data, size_t size)
{
    FILE *file = tmpfile();
    struct input *input = malloc(sizeof *input);

    assert_non_null(file);
    assert_non_null(input);
    assert_int_equal(fwrite(data, 1, size, file), size);
    rewind(file);
    assert_int_equal(input_open(input, dup(fileno(file))).code, STATUS_OK);
    fclose(file);
    return input;
}

void memory_input_free(struct input *input)
{
    input_close(input);
    free(input);
}
