#include "clients/cli/terminal.h"

#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum { COLUMNS_USUAL = 80 };

bool terminal_is(FILE *out)
{
    return isatty(fileno(out)) == 1;
}

size_t terminal_columns(FILE *out)
{
    struct winsize size;

    if (!terminal_is(out))
        return 0;
    if (ioctl(fileno(out), TIOCGWINSZ, &size) != 0 || size.ws_col == 0)
        return COLUMNS_USUAL;
    return size.ws_col;
}

bool terminal_agrees(void)
{
    char line[16];

    if (!fgets(line, sizeof line, stdin))
        return false;
    line[strcspn(line, "\r\n")] = 0;
    return strcmp(line, "y") == 0 || strcmp(line, "yes") == 0;
}

static const char *escape(FILE *out, const char *sequence)
{
    const char *no_color = getenv("NO_COLOR");
    const char *term = getenv("TERM");

    if (!terminal_is(out) || (no_color && *no_color) || (term && strcmp(term, "dumb") == 0))
        return "";
    return sequence;
}

const char *terminal_red(FILE *out)
{
    return escape(out, "\033[31m");
}

const char *terminal_green(FILE *out)
{
    return escape(out, "\033[32m");
}

const char *terminal_yellow(FILE *out)
{
    return escape(out, "\033[33m");
}

const char *terminal_dim(FILE *out)
{
    return escape(out, "\033[2m");
}

const char *terminal_bold(FILE *out)
{
    return escape(out, "\033[1m");
}

const char *terminal_plain(FILE *out)
{
    return escape(out, "\033[0m");
}
