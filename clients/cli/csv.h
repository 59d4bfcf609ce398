/* CSV (RFC 4180) as a stream of rows: quoted fields with separators, doubled quotes and line ends
 * in them; lines that end with LF or CRLF; a byte order mark is skipped, and so are empty
 * lines. */
#ifndef CLIENTS_CLI_CSV_H
#define CLIENTS_CLI_CSV_H

#include <stdint.h>

#include "base/buffer.h"
#include "base/bytes.h"
#include "base/status.h"
#include "clients/cli/input.h"

enum {
    CSV_ROW_BYTES_MAX = 1 << 20, /* of all fields of a row */
    CSV_FIELDS_MAX = 4096,
};

enum row_result {
    ROW_READ,
    ROW_BAD,    /* it breaks a rule; the next row can be read */
    ROW_END,    /* there is no more */
    ROW_FAILED, /* the input cannot be read any further */
};

struct csv {
    struct input *input;
    char separator;
    uint64_t line; /* that the next byte is on, from 1 */

    /* The row read last; its fields live until the next csv_next. */
    uint64_t row_line; /* that it starts on */
    size_t field_count;
    struct bytes fields[CSV_FIELDS_MAX];

    struct buffer text;
    size_t ends[CSV_FIELDS_MAX]; /* of the fields, in `text` */
};

/* Borrows the input, from its first byte. */
void csv_init(struct csv *csv, struct input *input, char separator);
void csv_destroy(struct csv *csv);

/* With ROW_BAD and ROW_FAILED, `why` is set and names the line's column where it can. */
enum row_result csv_next(struct csv *csv, struct status *why);

#endif
