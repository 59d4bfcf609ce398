#include "clients/cli/text.h"

#include <inttypes.h>
#include <stdio.h>

/* Bytes of the code point that `lead` starts; 0: it cannot start one. */
static size_t sequence_bytes(uint8_t lead)
{
    if (lead < 0x80)
        return 1;
    if (lead >= 0xc2 && lead < 0xe0)
        return 2;
    if (lead >= 0xe0 && lead < 0xf0)
        return 3;
    if (lead >= 0xf0 && lead < 0xf5)
        return 4;
    return 0;
}

/* The second byte rules out overlong forms, surrogates and what is beyond U+10FFFF. */
static bool second_is_valid(uint8_t lead, uint8_t second)
{
    if (lead == 0xe0)
        return second >= 0xa0;
    if (lead == 0xed)
        return second < 0xa0;
    if (lead == 0xf0)
        return second >= 0x90;
    if (lead == 0xf4)
        return second < 0x90;
    return true;
}

bool text_is_utf8(struct bytes bytes)
{
    for (size_t at = 0; at < bytes.size;) {
        size_t size = sequence_bytes(bytes.data[at]);
        if (size == 0 || size > bytes.size - at)
            return false;
        for (size_t i = 1; i < size; i++)
            if (bytes.data[at + i] >> 6 != 2)
                return false;
        if (size > 2 && !second_is_valid(bytes.data[at], bytes.data[at + 1]))
            return false;
        at += size;
    }
    return true;
}

size_t text_columns(struct bytes text)
{
    size_t columns = 0;

    for (size_t i = 0; i < text.size; i++)
        columns += text.data[i] >> 6 != 2;
    return columns;
}

void text_put_line(struct buffer *out, struct bytes bytes, size_t columns)
{
    if (!text_is_utf8(bytes))
        return buffer_print(out, "(%zu bytes)", bytes.size);

    bool cut = columns > 0 && text_columns(bytes) > columns;
    size_t left = cut ? columns - 1 : bytes.size;
    for (size_t at = 0; at < bytes.size && left > 0; left--) {
        size_t size = sequence_bytes(bytes.data[at]);
        bool control = bytes.data[at] < 0x20 || bytes.data[at] == 0x7f ||
                       (bytes.data[at] == 0xc2 && bytes.data[at + 1] < 0xa0);
        buffer_put(out, control ? bytes_of_text(" ") : bytes_of(bytes.data + at, size));
        at += size;
    }
    if (cut)
        buffer_put_text(out, "…");
}

void text_put_name(struct buffer *out, const char *name, size_t columns)
{
    size_t used = text_columns(bytes_of_text(name));

    text_put_line(out, bytes_of_text(name), 0);
    for (; used < columns; used++)
        buffer_put_byte(out, ' ');
}

const char *text_number(uint64_t number, char text[TEXT_NUMBER_BYTES])
{
    char digits[TEXT_NUMBER_BYTES];
    int count = snprintf(digits, sizeof digits, "%" PRIu64, number);
    char *at = text;

    for (int i = 0; i < count; i++) {
        if (i > 0 && (count - i) % 3 == 0)
            *at++ = ',';
        *at++ = digits[i];
    }
    *at = 0;
    return text;
}
