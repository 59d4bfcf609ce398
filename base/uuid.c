#include "base/uuid.h"

#include <stdlib.h>
#include <sys/random.h>

/* Where the hyphens stand in the text form. */
static bool is_hyphen(unsigned at)
{
    return at == 8 || at == 13 || at == 18 || at == 23;
}

static int digit_value(uint8_t digit)
{
    if (digit >= '0' && digit <= '9')
        return digit - '0';
    digit |= 0x20;
    if (digit >= 'a' && digit <= 'f')
        return digit - 'a' + 10;
    return -1;
}

bool uuid_parse(struct bytes text, struct uuid *uuid)
{
    struct uuid parsed;
    uint8_t any = 0;
    unsigned at = 0;

    if (text.size != UUID_TEXT_BYTES)
        return false;
    for (unsigned i = 0; i < UUID_BYTES; i++) {
        if (is_hyphen(at) && text.data[at++] != '-')
            return false;
        int high = digit_value(text.data[at++]);
        int low = digit_value(text.data[at++]);
        if (high < 0 || low < 0)
            return false;
        parsed.bytes[i] = (uint8_t)(high << 4 | low);
        any |= parsed.bytes[i];
    }
    if (!any)
        return false;
    *uuid = parsed;
    return true;
}

void uuid_format(const struct uuid *uuid, uint8_t text[UUID_TEXT_BYTES])
{
    static const char digits[] = "0123456789abcdef";
    unsigned at = 0;

    for (unsigned i = 0; i < UUID_BYTES; i++) {
        if (is_hyphen(at))
            text[at++] = '-';
        text[at++] = (uint8_t)digits[uuid->bytes[i] >> 4];
        text[at++] = (uint8_t)digits[uuid->bytes[i] & 15];
    }
}

struct uuid uuid_random(void)
{
    struct uuid uuid;

    if (getrandom(uuid.bytes, UUID_BYTES, 0) != UUID_BYTES)
        abort(); /* 16 bytes never fail once the kernel's pool is ready, and we waited */
    uuid.bytes[6] = (uint8_t)((uuid.bytes[6] & 0x0f) | 0x40);
    uuid.bytes[8] = (uint8_t)((uuid.bytes[8] & 0x3f) | 0x80);
    return uuid;
}
