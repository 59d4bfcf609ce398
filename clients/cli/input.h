/* Bytes from a file or a pipe, unpacked on the way if they are gzip (by their first bytes, not
 * by name). */
#ifndef CLIENTS_CLI_INPUT_H
#define CLIENTS_CLI_INPUT_H

#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

enum { INPUT_END = -1, INPUT_BUFFER_BYTES = 64 << 10 };

struct gzFile_s;

struct input {
    struct gzFile_s *file;
    uint64_t size; /* of the file as it lies on disk; 0: not known */
    struct status status;
    size_t at, end;
    uint8_t buffer[INPUT_BUFFER_BYTES];
};

/* Takes the descriptor, which input_close closes. */
struct status input_open(struct input *input, int descriptor);
void input_close(struct input *input);

/* How far it was read, in terms of `size`. */
uint64_t input_offset(const struct input *input);

/* Fills the buffer; false at the end, and when input->status is set. */
int input_refill(struct input *input);

/* The next byte, or INPUT_END: then input->status tells whether it was the end or an error. */
static inline int input_byte(struct input *input)
{
    return input->at < input->end || input_refill(input) ? input->buffer[input->at++] : INPUT_END;
}

/* The same without taking it. */
static inline int input_peek(struct input *input)
{
    return input->at < input->end || input_refill(input) ? input->buffer[input->at] : INPUT_END;
}

#endif
