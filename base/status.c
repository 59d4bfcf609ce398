#include "base/status.h"

#include <stdarg.h>
#include <stdio.h>

/* A text that was truncated may end within a character, which protobuf allows nobody to send. */
static void cut_between_characters(char *text, size_t size)
{
    size_t last = size; /* where the last character begins */

    do
        last--;
    while (last > 0 && size - last < 4 && ((unsigned char)text[last] & 0xc0) == 0x80);
    unsigned char lead = (unsigned char)text[last];
    size_t whole = lead < 0xc0 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
    if (lead >= 0xc0 && size - last < whole)
        text[last] = 0;
}

struct status status_make(enum status_code code, const char *format, ...)
{
    struct status status = {.code = code};
    va_list arguments;

    va_start(arguments, format);
    int size = vsnprintf(status.message, sizeof status.message, format, arguments);
    va_end(arguments);
    if (size >= (int)sizeof status.message)
        cut_between_characters(status.message, sizeof status.message - 1);
    return status;
}

const char *status_code_name(enum status_code code)
{
    static const char *const names[] = {
        "OK",
        "CANCELLED",
        "UNKNOWN",
        "INVALID_ARGUMENT",
        "DEADLINE_EXCEEDED",
        "NOT_FOUND",
        "ALREADY_EXISTS",
        "PERMISSION_DENIED",
        "RESOURCE_EXHAUSTED",
        "FAILED_PRECONDITION",
        "ABORTED",
        "OUT_OF_RANGE",
        "UNIMPLEMENTED",
        "INTERNAL",
        "UNAVAILABLE",
        "DATA_LOSS",
        "UNAUTHENTICATED",
    };
    if ((unsigned)code >= sizeof names / sizeof *names)
        return "UNKNOWN";
    return names[code];
}
