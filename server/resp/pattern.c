#include "server/resp/pattern.h"

#include <ctype.h>

static uint8_t fold(uint8_t byte, bool any_case)
{
    return any_case ? (uint8_t)tolower(byte) : byte;
}

/* Whether the class that begins behind `[` at *at holds the byte; *at goes to its `]`, or to the
 * pattern's end if it has none, which Redis takes for one. */
static bool class_holds(struct bytes pattern, size_t *at, uint8_t byte, bool any_case)
{
    size_t i = *at + 1;
    bool negated = i < pattern.size && pattern.data[i] == '^';
    bool holds = false;

    for (i += negated; i < pattern.size && pattern.data[i] != ']'; i++) {
        uint8_t from = pattern.data[i];
        if (from == '\\' && i + 1 < pattern.size) {
            from = pattern.data[++i];
            holds |= from == byte; /* Redis takes it as it is written */
            continue;
        }
        from = fold(from, any_case);
        uint8_t to = from;
        if (i + 2 < pattern.size && pattern.data[i + 1] == '-') {
            to = fold(pattern.data[i + 2], any_case);
            i += 2;
        }
        uint8_t folded = fold(byte, any_case);
        holds |= (folded >= from && folded <= to) || (folded >= to && folded <= from);
    }
    *at = i;
    return holds != negated;
}

/* One element of the pattern, not a star, against one byte; *at goes behind it. */
static bool element_matches(struct bytes pattern, size_t *at, uint8_t byte, bool any_case)
{
    bool matches;

    switch (pattern.data[*at]) {
    case '?':
        matches = true;
        break;
    case '[':
        matches = class_holds(pattern, at, byte, any_case);
        break;
    case '\\':
        *at += *at + 1 < pattern.size;
        /* fall through */
    default:
        matches = fold(pattern.data[*at], any_case) == fold(byte, any_case);
    }
    if (*at < pattern.size)
        (*at)++;
    return matches;
}

bool pattern_matches(struct bytes pattern, struct bytes text, bool any_case)
{
    size_t at = 0, i = 0, star = SIZE_MAX, resume = 0;

    /* When what is behind the newest star fails, that star takes one byte more. Older stars need
     * not be tried again: the newest can take whatever they would leave. */
    while (i < text.size) {
        if (at < pattern.size && pattern.data[at] == '*') {
            star = ++at;
            resume = i;
            continue;
        }
        if (at < pattern.size && element_matches(pattern, &at, text.data[i], any_case)) {
            i++;
            continue;
        }
        if (star == SIZE_MAX)
            return false;
        at = star;
        i = ++resume;
    }
    while (at < pattern.size && pattern.data[at] == '*')
        at++;
    return at == pattern.size;
}
