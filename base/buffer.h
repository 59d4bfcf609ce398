/* Bytes that grow up to a named limit. Reaching the limit, or running out of
 * memory, marks the buffer failed and drops later writes: check once, at the
 * end, with buffer_ok(). Not thread-safe. */
#ifndef BASE_BUFFER_H
#define BASE_BUFFER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"

struct buffer {
    uint8_t *data; /* malloc'ed; NULL while nothing was written */
    size_t size;
    size_t capacity;
    size_t bytes_max;
    bool failed;
};

void buffer_init(struct buffer *buffer, size_t bytes_max);

/* Frees the bytes; the buffer is empty and usable again. */
void buffer_destroy(struct buffer *buffer);

/* Room for `size` more bytes at buffer->data + buffer->size, which the caller
 * fills and then adds to buffer->size. NULL when it would pass the limit. */
uint8_t *buffer_reserve(struct buffer *buffer, size_t size);

void buffer_put(struct buffer *buffer, struct bytes bytes);
void buffer_put_text(struct buffer *buffer, const char *text);
void buffer_put_byte(struct buffer *buffer, uint8_t byte);

/* printf into the buffer, without the NUL. */
void buffer_print(struct buffer *buffer, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static inline bool buffer_ok(const struct buffer *buffer)
{
    return !buffer->failed;
}

static inline struct bytes buffer_bytes(const struct buffer *buffer)
{
    return (struct bytes){buffer->data, buffer->size};
}

#endif
