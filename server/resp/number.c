#include "server/resp/number.h"

bool number_read(struct bytes text, int64_t *number)
{
    bool negative = text.size > 0 && text.data[0] == '-';
    const uint8_t *digit = text.data + negative;
    size_t count = text.size - negative;
    uint64_t value = 0;

    if (count == 0 || count > NUMBER_TEXT_BYTES || (digit[0] == '0' && text.size > 1))
        return false;
    for (size_t i = 0; i < count; i++) {
        if (digit[i] < '0' || digit[i] > '9' || __builtin_mul_overflow(value, 10, &value) ||
            __builtin_add_overflow(value, (uint64_t)(digit[i] - '0'), &value))
            return false;
    }
    if (value > (uint64_t)INT64_MAX + negative)
        return false;
    *number = (int64_t)(negative ? 0 - value : value);
    return true;
}

size_t number_write(int64_t number, char text[NUMBER_TEXT_BYTES])
{
    uint64_t left = number < 0 ? 0 - (uint64_t)number : (uint64_t)number;
    char reversed[NUMBER_TEXT_BYTES];
    size_t count = 0, size = 0;

    do
        reversed[count++] = (char)('0' + left % 10);
    while ((left /= 10) > 0);
    if (number < 0)
        text[size++] = '-';
    while (count > 0)
        text[size++] = reversed[--count];
    return size;
}
