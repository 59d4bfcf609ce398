#include "clients/cli/csv.h"

void csv_init(struct csv *csv, struct input *input, char separator)
{
    *csv = (struct csv){.input = input, .separator = separator, .line = 1};
    buffer_init(&csv->text, CSV_ROW_BYTES_MAX);
    const uint8_t mark[] = {0xef, 0xbb, 0xbf};
    if (input_peek(input) == mark[0] && input->end - input->at >= sizeof mark &&
        memcmp(input->buffer + input->at, mark, sizeof mark) == 0)
        input->at += sizeof mark;
}

void csv_destroy(struct csv *csv)
{
    buffer_destroy(&csv->text);
}

static int take(struct csv *csv)
{
    int byte = input_byte(csv->input);

    csv->line += byte == '\n';
    return byte;
}

static bool ends_line(int byte)
{
    return byte == '\n' || byte == INPUT_END;
}

static struct status bad(const struct csv *csv, const char *rule)
{
    return status_make(STATUS_INVALID_ARGUMENT, "column %zu: %s", csv->field_count + 1, rule);
}

/* Each of the field functions takes what ends the field, too, and tells it. */

static struct status read_quoted(struct csv *csv, int *ended_by)
{
    for (;;) {
        int byte = take(csv);
        *ended_by = byte;
        if (byte == INPUT_END)
            return bad(csv, "the quotes are not closed");
        if (!buffer_ok(&csv->text)) /* perhaps only for want of closing quotes */
            return bad(csv, "too long: a row is at most 1 MiB");
        if (byte == '"' && input_peek(csv->input) != '"')
            break;
        if (byte == '"')
            take(csv);
        buffer_put_byte(&csv->text, (uint8_t)byte);
    }

    int byte = take(csv);
    if (byte == '\r' && input_peek(csv->input) == '\n')
        byte = take(csv);
    *ended_by = byte;
    if (byte != (uint8_t)csv->separator && !ends_line(byte))
        return bad(csv, "something stands behind the closing quotes");
    return OK;
}

static struct status read_plain(struct csv *csv, int *ended_by)
{
    for (;;) {
        int byte = take(csv);
        if (byte == '\r' && ends_line(input_peek(csv->input)))
            byte = take(csv);
        *ended_by = byte;
        if (byte == (uint8_t)csv->separator || ends_line(byte))
            return OK;
        if (byte == '"')
            return bad(csv, "quotes stand in a field that does not start with them");
        buffer_put_byte(&csv->text, (uint8_t)byte);
    }
}

static struct status read_field(struct csv *csv, int *ended_by)
{
    if (csv->field_count == CSV_FIELDS_MAX)
        return status_make(STATUS_INVALID_ARGUMENT, "at most %d columns", CSV_FIELDS_MAX);
    if (input_peek(csv->input) == '"') {
        take(csv);
        TRY(read_quoted(csv, ended_by));
    } else {
        TRY(read_plain(csv, ended_by));
    }
    if (!buffer_ok(&csv->text))
        return bad(csv, "too long: a row is at most 1 MiB");
    csv->ends[csv->field_count++] = csv->text.size;
    return OK;
}

static struct status read_row(struct csv *csv)
{
    struct status status = OK;
    int ended_by = 0;

    csv->text.size = 0;
    csv->text.failed = false;
    csv->field_count = 0;
    csv->row_line = csv->line;
    do
        status = read_field(csv, &ended_by);
    while (status_ok(status) && !ends_line(ended_by));
    while (!ends_line(ended_by)) /* a bad row ends where its line ends */
        ended_by = take(csv);
    return status;
}

static void set_fields(struct csv *csv)
{
    const uint8_t *text = csv->text.data ? csv->text.data : (const uint8_t *)"";
    size_t start = 0; /* no text: all fields are empty */

    for (size_t i = 0; i < csv->field_count; i++) {
        csv->fields[i] = bytes_of(text + start, csv->ends[i] - start);
        start = csv->ends[i];
    }
}

_Static_assert(CSV_ROW_BYTES_MAX == 1 << 20, "the messages say so");

enum row_result csv_next(struct csv *csv, struct status *why)
{
    do {
        if (input_peek(csv->input) == INPUT_END) {
            *why = csv->input->status;
            return status_ok(*why) ? ROW_END : ROW_FAILED;
        }
        *why = read_row(csv);
    } while (status_ok(*why) && csv->field_count == 1 && csv->ends[0] == 0); /* an empty line */
    if (!status_ok(csv->input->status)) {
        *why = csv->input->status;
        return ROW_FAILED;
    }
    if (!status_ok(*why))
        return ROW_BAD;
    set_fields(csv);
    return ROW_READ;
}
