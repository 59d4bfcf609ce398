#include "server/resp/reply.h"

#include <stdarg.h>
#include <stdio.h>

#include "server/resp/number.h"

static const char line_end[] = "\r\n";

void reply_simple(struct reply *reply, const char *text)
{
    buffer_put_byte(reply->buffer, '+');
    buffer_put_text(reply->buffer, text);
    buffer_put_text(reply->buffer, line_end);
}

void reply_error(struct reply *reply, const char *format, ...)
{
    char text[REPLY_ERROR_BYTES_MAX];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    for (char *at = text; *at; at++)
        if (*at == '\r' || *at == '\n')
            *at = ' ';
    buffer_put_byte(reply->buffer, '-');
    buffer_put_text(reply->buffer, text);
    buffer_put_text(reply->buffer, line_end);
}

void reply_status(struct reply *reply, struct status status)
{
    /* OOM is the code by which clients of Redis know that there is no room. */
    const char *code = status.code == STATUS_RESOURCE_EXHAUSTED ? "OOM" : "ERR";

    reply_error(reply, "%s %s", code, status.message);
}

static void put_header(struct reply *reply, char kind, int64_t number)
{
    uint8_t *target = buffer_reserve(reply->buffer, REPLY_HEADER_BYTES_MAX);
    char digits[NUMBER_TEXT_BYTES];

    if (!target)
        return;
    size_t size = number_write(number, digits);
    *target = (uint8_t)kind;
    memcpy(target + 1, digits, size);
    memcpy(target + 1 + size, line_end, 2);
    reply->buffer->size += size + 3;
}

void reply_integer(struct reply *reply, int64_t number)
{
    put_header(reply, ':', number);
}

void reply_bulk(struct reply *reply, struct bytes bytes)
{
    /* Room for all at once, so that this stays one look at the limit. */
    if (!buffer_reserve(reply->buffer, REPLY_HEADER_BYTES_MAX + bytes.size + 2))
        return;
    put_header(reply, '$', (int64_t)bytes.size);
    uint8_t *target = reply->buffer->data + reply->buffer->size;
    if (bytes.size)
        memcpy(target, bytes.data, bytes.size);
    memcpy(target + bytes.size, line_end, 2);
    reply->buffer->size += bytes.size + 2;
}

void reply_text(struct reply *reply, const char *text)
{
    reply_bulk(reply, bytes_of_text(text));
}

void reply_null(struct reply *reply)
{
    buffer_put_text(reply->buffer, reply->protocol >= 3 ? "_\r\n" : "$-1\r\n");
}

void reply_boolean(struct reply *reply, bool value)
{
    if (reply->protocol >= 3)
        buffer_put_text(reply->buffer, value ? "#t\r\n" : "#f\r\n");
    else
        reply_integer(reply, value);
}

void reply_verbatim(struct reply *reply, struct bytes text)
{
    if (reply->protocol < 3) {
        reply_bulk(reply, text);
        return;
    }
    put_header(reply, '=', (int64_t)text.size + 4);
    buffer_put_text(reply->buffer, "txt:");
    buffer_put(reply->buffer, text);
    buffer_put_text(reply->buffer, line_end);
}

void reply_array(struct reply *reply, size_t count)
{
    put_header(reply, '*', (int64_t)count);
}

void reply_set(struct reply *reply, size_t count)
{
    put_header(reply, reply->protocol >= 3 ? '~' : '*', (int64_t)count);
}

void reply_map(struct reply *reply, size_t count)
{
    bool typed = reply->protocol >= 3;

    put_header(reply, typed ? '%' : '*', (int64_t)(typed ? count : count * 2));
}
