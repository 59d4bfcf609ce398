#ifndef TESTS_UNIT_CLIENTS_CLI_MEMORY_INPUT_H
#define TESTS_UNIT_CLIENTS_CLI_MEMORY_INPUT_H

#include <stddef.h>

#include "clients/cli/input.h"

/* An input over these bytes; fails the test if there is none. Free with memory_input_free. */
struct input *memory_input(const void *data, size_t size);
void memory_input_free(struct input *input);

#endif
