#include <inttypes.h>
#include <string.h>

#include "clients/cli/duration.h"
#include "clients/cli/terminal.h"
#include "clients/cli/text.h"
#include "clients/cli/timeline.h"

enum {
    BAR_COLUMNS_MIN = 16,
    BAR_COLUMNS_MAX = 60,
    BAR_COLUMNS_DEFAULT = 40,
    NAME_COLUMNS_MIN = 8,
    NAME_COLUMNS_MAX = 32,
    TELL_COLUMNS = 34, /* behind the bar */
    TEXT_BYTES_MAX = 64 << 10,
};

struct drawing {
    const struct timeline *timeline;
    FILE *out;
    int64_t now_us;
    size_t name_columns, bar_columns;
};

static void put_name(struct buffer *name, const struct timeline_row *row)
{
    for (unsigned i = 0; i < row->depth; i++)
        buffer_put_text(name, "  ");
    buffer_put_text(name, row->is_compensation ? "undo " : "");
    buffer_put_text(name, row->name ? row->name : "");
}

static size_t name_columns(const struct timeline *timeline)
{
    size_t columns = NAME_COLUMNS_MIN;

    for (size_t i = 0; i < timeline->count; i++) {
        const struct timeline_row *row = &timeline->rows[i];
        size_t needed = 2 * (size_t)row->depth + (row->is_compensation ? 5 : 0) +
                        (row->name ? strlen(row->name) : 0);
        columns = needed > columns ? needed : columns;
    }
    return columns < NAME_COLUMNS_MAX ? columns : NAME_COLUMNS_MAX;
}

/* Which column a moment falls into. */
static size_t column_of(const struct drawing *drawing, int64_t at_us)
{
    int64_t begin = drawing->timeline->begin_us;
    int64_t whole = drawing->now_us - begin;
    size_t last = drawing->bar_columns - 1;

    if (whole <= 0 || at_us <= begin)
        return 0;
    if (at_us >= drawing->now_us)
        return last;
    return (size_t)((double)(at_us - begin) / (double)whole * (double)last);
}

static const char *colour(const struct drawing *drawing, const struct timeline_row *row)
{
    switch ((int)row->outcome) {
    case SAGABASE__V1__OUTCOME__OUTCOME_SUCCESS:
        return row->is_compensation ? terminal_yellow(drawing->out) : terminal_green(drawing->out);
    case SAGABASE__V1__OUTCOME__OUTCOME_UNSPECIFIED:
        return terminal_bold(drawing->out);
    case SAGABASE__V1__OUTCOME__OUTCOME_SKIPPED:
        return terminal_dim(drawing->out);
    default:
        return terminal_red(drawing->out);
    }
}

static const char *end_sign(const struct timeline_row *row)
{
    switch ((int)row->outcome) {
    case SAGABASE__V1__OUTCOME__OUTCOME_SUCCESS:
        return "●";
    case SAGABASE__V1__OUTCOME__OUTCOME_UNSPECIFIED:
        return row->retry_us > 0 ? "…" : "▶";
    case SAGABASE__V1__OUTCOME__OUTCOME_FAILURE:
        return "✗";
    case SAGABASE__V1__OUTCOME__OUTCOME_SKIPPED:
        return "○";
    default:
        return "?";
    }
}

static const char *sign_at(const struct drawing *drawing, const struct timeline_row *row,
                           size_t column, size_t begin, size_t end)
{
    if (column < begin || column > end)
        return " ";
    if (column == end)
        return end_sign(row);
    for (size_t i = 0; i < row->mark_count; i++)
        if (column_of(drawing, row->marks[i].at_us) == column)
            return row->marks[i].ongoing ? "┅" : "✗";
    return row->is_step ? "━" : "─";
}

static void put_bar(const struct drawing *drawing, const struct timeline_row *row,
                    struct buffer *line)
{
    size_t begin = column_of(drawing, row->begin_us);
    size_t end = column_of(drawing, row->end_us > 0 ? row->end_us : drawing->now_us);

    buffer_put_text(line, colour(drawing, row));
    for (size_t column = 0; column < drawing->bar_columns; column++)
        buffer_put_text(line, sign_at(drawing, row, column, begin, end));
    buffer_put_text(line, terminal_plain(drawing->out));
}

/* What is behind the bar, in words. */
static void put_tell(const struct drawing *drawing, const struct timeline_row *row,
                     struct buffer *line)
{
    char took[DURATION_TEXT_BYTES], wait[DURATION_TEXT_BYTES];
    int64_t end_us = row->end_us > 0 ? row->end_us : drawing->now_us;
    const char *error = row->error ? row->error : "";

    duration_round(end_us > row->begin_us ? end_us - row->begin_us : 0, took);
    switch ((int)row->outcome) {
    case SAGABASE__V1__OUTCOME__OUTCOME_SUCCESS:
        buffer_print(line, "%s in %s", row->is_compensation ? "undone" : "done", took);
        break;
    case SAGABASE__V1__OUTCOME__OUTCOME_FAILURE:
        buffer_print(line, "failed after %s", took);
        break;
    case SAGABASE__V1__OUTCOME__OUTCOME_UNKNOWN:
        buffer_print(line, "unknown after %s", took);
        break;
    case SAGABASE__V1__OUTCOME__OUTCOME_SKIPPED:
        buffer_print(line, "skipped after %s", took);
        break;
    default:
        buffer_print(line, "for %s", took);
        if (row->retry_us > drawing->now_us)
            buffer_print(line, ", again in %s",
                         duration_round(row->retry_us - drawing->now_us, wait));
    }
    if (row->attempt > 1)
        buffer_print(line, ", attempt %" PRIu32, row->attempt);
    if (*error && row->outcome != SAGABASE__V1__OUTCOME__OUTCOME_SUCCESS)
        buffer_print(line, ": %s", error);
}

static void print_row(const struct drawing *drawing, const struct timeline_row *row)
{
    struct buffer line, name;

    buffer_init(&line, TEXT_BYTES_MAX);
    buffer_init(&name, TEXT_BYTES_MAX);
    put_name(&name, row);
    buffer_put_byte(&name, 0);
    buffer_put_text(&line, "  ");
    text_put_name(&line, buffer_ok(&name) ? (const char *)name.data : "", drawing->name_columns);
    buffer_put_text(&line, "  ");
    put_bar(drawing, row, &line);
    buffer_put_text(&line, "  ");
    put_tell(drawing, row, &line);
    buffer_put_byte(&line, '\n');
    fwrite(line.data, 1, line.size, drawing->out);
    buffer_destroy(&name);
    buffer_destroy(&line);
}

/* "0" at the left end of the bars, and at the right how long it has been. */
static void print_scale(const struct drawing *drawing)
{
    char whole[DURATION_TEXT_BYTES];
    int64_t took_us = drawing->now_us - drawing->timeline->begin_us;

    duration_round(took_us > 0 ? took_us : 0, whole);
    fprintf(drawing->out, "  %s%*s  0%*s%s\n", terminal_dim(drawing->out),
            (int)drawing->name_columns, "", (int)drawing->bar_columns - 1, whole,
            terminal_plain(drawing->out));
}

void timeline_print(const struct timeline *timeline, int64_t now_us, size_t columns, FILE *out)
{
    struct drawing drawing = {
        .timeline = timeline,
        .out = out,
        .now_us = timeline->end_us > 0 ? timeline->end_us : now_us,
        .name_columns = name_columns(timeline),
        .bar_columns = BAR_COLUMNS_DEFAULT,
    };
    size_t beside = drawing.name_columns + 6 + TELL_COLUMNS;

    if (columns > 0) {
        size_t left = columns > beside ? columns - beside : 0;
        drawing.bar_columns = left < BAR_COLUMNS_MIN   ? BAR_COLUMNS_MIN
                              : left > BAR_COLUMNS_MAX ? BAR_COLUMNS_MAX
                                                       : left;
    }
    print_scale(&drawing);
    for (size_t i = 0; i < timeline->count; i++)
        print_row(&drawing, &timeline->rows[i]);
    if (timeline->full)
        fprintf(out, "  ... the history has more\n");
}
