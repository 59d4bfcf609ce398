#include "clients/cli/saga_print.h"

#include <stdio.h>

#include "base/clock.h"
#include "clients/cli/duration.h"
#include "clients/cli/message_json.h"
#include "clients/cli/terminal.h"
#include "clients/cli/text.h"

enum { SECONDS_BYTES = sizeof "2026-11-21T01:02:03" - 1 };

const char *saga_status_words(const Sagabase__V1__SagaSummary *saga, char text[SAGA_STATUS_BYTES])
{
    char words[MESSAGE_WORDS_BYTES];

    message_enum_words(&sagabase__v1__saga_status__descriptor, (int)saga->status, "SAGA_STATUS_",
                       words);
    snprintf(text, SAGA_STATUS_BYTES, "%s%s", words, saga->paused ? ", paused" : "");
    return text;
}

const char *saga_status_colour(Sagabase__V1__SagaStatus status)
{
    switch ((int)status) {
    case SAGABASE__V1__SAGA_STATUS__SAGA_STATUS_COMPLETED:
        return terminal_green(stdout);
    case SAGABASE__V1__SAGA_STATUS__SAGA_STATUS_COMPENSATING:
    case SAGABASE__V1__SAGA_STATUS__SAGA_STATUS_COMPENSATED:
        return terminal_yellow(stdout);
    case SAGABASE__V1__SAGA_STATUS__SAGA_STATUS_PARKED:
    case SAGABASE__V1__SAGA_STATUS__SAGA_STATUS_TERMINATED:
        return terminal_red(stdout);
    default:
        return terminal_bold(stdout);
    }
}

void saga_print_head(void)
{
    printf("%s%-20s  %-8s  %-20s  %-24s  %s%s\n", terminal_bold(stdout), "STARTED", "TOOK",
           "STATUS", "TYPE ID", "WAITING FOR", terminal_plain(stdout));
}

/* What it waits for, or why it is where it is. */
static const char *reason(const Sagabase__V1__SagaSummary *saga)
{
    if (saga->n_waiting_for > 0)
        return saga->waiting_for[0];
    return saga->cause ? saga->cause->type : "";
}

void saga_print_row(const Sagabase__V1__SagaSummary *saga)
{
    enum { ROW_BYTES_MAX = 8 << 10, STATUS_COLUMNS = 20, NAME_COLUMNS = 24, REASON_COLUMNS = 60 };
    char started[CLOCK_TEXT_BYTES], took[DURATION_TEXT_BYTES], status[SAGA_STATUS_BYTES];
    int64_t end_us = saga->ended_us > 0 ? saga->ended_us : clock_wall_us(system_clock());
    struct buffer row;
    char name[512];

    clock_format_us(saga->started_us, started);
    duration_round(end_us > saga->started_us ? end_us - saga->started_us : 0, took);
    snprintf(name, sizeof name, "%s %s", saga->type, saga->id);
    buffer_init(&row, ROW_BYTES_MAX);
    buffer_print(&row, "%.*sZ  %-8s  %s", SECONDS_BYTES, started, took,
                 saga_status_colour(saga->status));
    text_put_name(&row, saga_status_words(saga, status), STATUS_COLUMNS);
    buffer_print(&row, "%s  ", terminal_plain(stdout));
    text_put_name(&row, name, NAME_COLUMNS);
    buffer_put_text(&row, "  ");
    text_put_line(&row, bytes_of_text(reason(saga)), REASON_COLUMNS);
    buffer_put_byte(&row, '\n');
    fwrite(row.data, 1, row.size, stdout);
    fflush(stdout);
    buffer_destroy(&row);
}

Sagabase__V1__SagaName saga_name(char **arguments)
{
    Sagabase__V1__SagaName name = SAGABASE__V1__SAGA_NAME__INIT;

    name.type = arguments[0];
    name.id = arguments[1];
    return name;
}
