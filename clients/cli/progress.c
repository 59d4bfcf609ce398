#include "clients/cli/progress.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "clients/cli/terminal.h"
#include "clients/cli/text.h"

enum { PERIOD_US = 100000, BAR_COLUMNS = 30, MICROSECONDS = 1000000 };

void progress_start(struct progress *progress)
{
    int64_t now_us = clock_monotonic_us(system_clock());

    *progress =
        (struct progress){.shown = terminal_is(stderr), .started_us = now_us, .drawn_us = now_us};
}

static double seconds_since(int64_t start_us)
{
    return (double)(clock_monotonic_us(system_clock()) - start_us) / MICROSECONDS;
}

static void draw_bar(uint64_t done, uint64_t total)
{
    char bar[BAR_COLUMNS + 1];
    uint64_t filled = done < total ? done * BAR_COLUMNS / total : BAR_COLUMNS;

    memset(bar, ' ', BAR_COLUMNS);
    memset(bar, '=', (size_t)filled);
    bar[BAR_COLUMNS] = 0;
    fprintf(stderr, "[%s] %3u%%  ", bar, (unsigned)(done < total ? done * 100 / total : 100));
}

void progress_update(struct progress *progress, uint64_t rows, uint64_t done, uint64_t total)
{
    char number[TEXT_NUMBER_BYTES], rate[TEXT_NUMBER_BYTES];
    int64_t now_us = clock_monotonic_us(system_clock());

    if (!progress->shown || now_us - progress->drawn_us < PERIOD_US)
        return;
    progress->drawn_us = now_us;
    double seconds = seconds_since(progress->started_us);
    fputs("\r\033[K", stderr);
    if (total > 0)
        draw_bar(done, total);
    fprintf(stderr, "%s rows, %s/s", text_number(rows, number),
            text_number((uint64_t)((double)rows / seconds), rate));
    fflush(stderr);
}

double progress_end(struct progress *progress)
{
    if (progress->shown)
        fputs("\r\033[K", stderr);
    progress->shown = false;
    return seconds_since(progress->started_us);
}
