/* Rows of a file as events: CSV with a head of column names, or JSON lines. */
#ifndef CLIENTS_CLI_ROWS_H
#define CLIENTS_CLI_ROWS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/bytes.h"
#include "base/status.h"
#include "clients/c/sagabase.h"
#include "clients/cli/csv.h"
#include "clients/cli/input.h"

enum rows_format {
    ROWS_CSV,
    ROWS_JSON,  /* flat objects: columns are members, the line is the event's data */
    ROWS_EVENTS /* lines as `sagabase read --json` prints them */
};

/* Which column holds what; NULL: none does; stream and type must be told. Borrowed
 * for the life of the rows. */
struct rows_options {
    const char *source; /* its name; a part of the ids of rows that have none */
    enum rows_format format;
    const char *stream_column;
    const char *type_column;
    const char *time_column;
    const char *id_column;
    const char *const *tag_columns;
    size_t tag_column_count;
    char separator; /* of CSV */
};

struct rows;

/* Reads the head of a CSV. Borrows the input. INVALID_ARGUMENT: a column is not there. */
struct status rows_open(const struct rows_options *options, struct input *input,
                        struct rows **rows);
void rows_close(struct rows *rows);

/* The line that the row read last starts on. */
uint64_t rows_line(const struct rows *rows);

/* Goes to the next row and tells its stream, borrowed until the next call. ROW_BAD: `why` names
 * the column and its rule; the next row can be read. */
enum row_result rows_next(struct rows *rows, struct bytes *stream, struct status *why);

/* The row as an event in `arena`: all columns as a JSON object of strings, in their order (of JSON:
 * the line as it stands). Its id is that of the id column, or one that is the same whenever the
 * same row is read from the same line of the same source. An error is like ROW_BAD. */
struct status rows_event(struct rows *rows, struct arena *arena,
                         Sagabase__V1__ProposedEvent **event);

#endif
