#include "base/buffer.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum { CAPACITY_MIN = 256 };

void buffer_init(struct buffer *buffer, size_t bytes_max)
{
    *buffer = (struct buffer){.bytes_max = bytes_max};
}

void buffer_destroy(struct buffer *buffer)
{
    free(buffer->data);
    buffer_init(buffer, buffer->bytes_max);
}

static bool grow(struct buffer *buffer, size_t needed)
{
    size_t capacity = buffer->capacity ? buffer->capacity : CAPACITY_MIN;

    while (capacity < needed)
        capacity *= 2;
    uint8_t *data = realloc(buffer->data, capacity);
    if (!data)
        return false;
    buffer->data = data;
    buffer->capacity = capacity;
    return true;
}

uint8_t *buffer_reserve(struct buffer *buffer, size_t size)
{
    if (buffer->failed)
        return NULL;
    bool fits = size <= buffer->bytes_max && buffer->size <= buffer->bytes_max - size;
    if (!fits || (buffer->size + size > buffer->capacity && !grow(buffer, buffer->size + size))) {
        buffer->failed = true;
        return NULL;
    }
    return buffer->data + buffer->size;
}

void buffer_put(struct buffer *buffer, struct bytes bytes)
{
    uint8_t *target = bytes.size ? buffer_reserve(buffer, bytes.size) : NULL;

    if (!target)
        return;
    memcpy(target, bytes.data, bytes.size);
    buffer->size += bytes.size;
}

void buffer_put_text(struct buffer *buffer, const char *text)
{
    buffer_put(buffer, bytes_of_text(text));
}

void buffer_put_byte(struct buffer *buffer, uint8_t byte)
{
    buffer_put(buffer, (struct bytes){&byte, 1});
}

void buffer_print(struct buffer *buffer, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    int size = vsnprintf(NULL, 0, format, arguments);
    va_end(arguments);
    uint8_t *target = size >= 0 ? buffer_reserve(buffer, (size_t)size + 1) : NULL;
    if (!target)
        return;
    va_start(arguments, format);
    vsnprintf((char *)target, (size_t)size + 1, format, arguments);
    va_end(arguments);
    buffer->size += (size_t)size;
}
