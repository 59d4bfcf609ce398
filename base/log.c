#include "base/log.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"

enum { LINE_BYTES_MAX = 2048 };

static _Atomic int level_shown = LOG_INFO;

void log_set_level(enum log_level level)
{
    atomic_store(&level_shown, level);
}

void log_line(enum log_level level, const char *component, const char *event, const char *format,
              ...)
{
    static const char *const names[] = {"ERROR", "WARN", "INFO", "DEBUG"};
    char line[LINE_BYTES_MAX];
    char now[CLOCK_TEXT_BYTES];
    va_list arguments;

    if ((int)level > atomic_load_explicit(&level_shown, memory_order_relaxed))
        return;
    clock_format_us(clock_wall_us(system_clock()), now);
    int size = snprintf(line, sizeof line, "%s %s %s %s ", now, names[level], component, event);
    va_start(arguments, format);
    int more = vsnprintf(line + size, sizeof line - (size_t)size, format, arguments);
    va_end(arguments);
    size += more > 0 ? more : -1; /* no pairs: the newline replaces the space */
    if (size > (int)sizeof line - 1)
        size = (int)sizeof line - 1;
    line[size++] = '\n';
    /* One write, so that lines of two threads never mix. A lost log line is
     * not worth failing for. */
    if (write(STDERR_FILENO, line, (size_t)size) < 0)
        return;
}
