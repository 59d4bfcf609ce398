#include "clients/cli/offline.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/clock.h"
#include "clients/cli/connection.h"
#include "clients/cli/terminal.h"
#include "clients/cli/text.h"

enum { DRAW_PERIOD_US = 100000, MICROSECONDS = 1000000 };

static void wipe(struct offline *offline)
{
    if (offline->drawn_us)
        fputs("\r\033[K", stderr);
    offline->drawn_us = 0;
}

static void tell(void *context, const char *line)
{
    wipe(context);
    printf("%s\n", line);
}

static void show_progress(void *context, const char *work, uint64_t done, uint64_t total)
{
    struct offline *offline = context;
    int64_t now_us = clock_monotonic_us(system_clock());
    char number[TEXT_NUMBER_BYTES], all[TEXT_NUMBER_BYTES];

    if (!terminal_is(stderr) || now_us - offline->drawn_us < DRAW_PERIOD_US)
        return;
    fprintf(stderr, "\r\033[K%s: %s", work, text_number(done, number));
    if (total > 0)
        fprintf(stderr, " of %s", text_number(total, all));
    fflush(stderr);
    offline->drawn_us = now_us;
}

struct maintenance offline_start(struct offline *offline, const char *command)
{
    offline->command = command;
    offline->started_us = clock_monotonic_us(system_clock());
    return (struct maintenance){.tell = tell,
                                .told_max = (size_t)offline->errors_max,
                                .progress = show_progress,
                                .context = offline};
}

int offline_end(struct offline *offline, struct status status, const struct store_facts *facts,
                const char *done)
{
    int64_t took_us = clock_monotonic_us(system_clock()) - offline->started_us;
    char events[TEXT_NUMBER_BYTES], streams[TEXT_NUMBER_BYTES], found[TEXT_NUMBER_BYTES];

    wipe(offline);
    if (!status_ok(status))
        return failed(offline->command, NULL, "%s", status.message);
    if (facts->disagreements > 0)
        done = "damaged";
    printf("%s: %s events in %s streams, %" PRIu64 " types, indexed to %" PRIu64 ", %.1f s\n", done,
           text_number(facts->events, events), text_number(facts->streams, streams), facts->types,
           facts->indexed, (double)took_us / MICROSECONDS);
    if (facts->disagreements == 0)
        return EXIT_DONE;
    return failed(offline->command, NULL, "%s disagreements",
                  text_number(facts->disagreements, found));
}
