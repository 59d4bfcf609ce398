#include "clients/cli/lines.h"

#include "clients/cli/json.h"

void lines_init(struct lines *lines, struct input *input)
{
    *lines = (struct lines){.input = input};
    buffer_init(&lines->text, LINE_BYTES_MAX);
}

void lines_destroy(struct lines *lines)
{
    buffer_destroy(&lines->text);
}

/* False: there is no further line. */
static bool read_line(struct lines *lines)
{
    int byte = input_byte(lines->input);

    lines->text.size = 0;
    lines->text.failed = false;
    if (byte == INPUT_END)
        return false;
    lines->line++;
    for (; byte != INPUT_END && byte != '\n'; byte = input_byte(lines->input))
        buffer_put_byte(&lines->text, (uint8_t)byte);
    return true;
}

static bool is_empty(struct bytes line)
{
    for (size_t i = 0; i < line.size; i++)
        if (line.data[i] != ' ' && line.data[i] != '\t' && line.data[i] != '\r')
            return false;
    return true;
}

enum row_result lines_next_object(struct lines *lines, struct bytes *object, struct status *why)
{
    do {
        bool read = read_line(lines);
        *why = lines->input->status;
        if (!status_ok(*why))
            return ROW_FAILED;
        if (!read)
            return ROW_END;
    } while (buffer_ok(&lines->text) && is_empty(buffer_bytes(&lines->text)));
    *object = buffer_bytes(&lines->text);
    if (!buffer_ok(&lines->text))
        *why = status_make(STATUS_INVALID_ARGUMENT, "a line is at most 8 MiB");
    else if (!json_is_object_text(*object))
        *why = status_make(STATUS_INVALID_ARGUMENT, "not a JSON object");
    return status_ok(*why) ? ROW_READ : ROW_BAD;
}
