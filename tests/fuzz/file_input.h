/* An input of the command line over bytes in memory. */
#ifndef TESTS_FUZZ_FILE_INPUT_H
#define TESTS_FUZZ_FILE_INPUT_H

#include "base/bytes.h"
#include "clients/cli/input.h"

/* Aborts if there is no memory. Free with file_input_free. */
struct input *file_input(struct bytes bytes);
void file_input_free(struct input *input);

#endif
