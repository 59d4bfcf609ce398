#include "clients/cli/rows.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "base/uuid.h"
#include "clients/cli/iso_time.h"
#include "clients/cli/json.h"
#include "clients/cli/lines.h"
#include "clients/cli/proposal.h"
#include "clients/cli/text.h"

enum {
    HEAD_BYTES_MAX = 2 << 20,
    ROW_TEXTS_BYTES_MAX = 4 << 20, /* stream, type ... of one row */
    TIME_BYTES_MAX = 64,
};

struct rows {
    struct rows_options options;
    struct csv csv;
    struct lines lines;
    struct arena head; /* column names */
    struct bytes names[CSV_FIELDS_MAX];
    size_t name_count;

    struct bytes object; /* the line, of JSON */
    struct arena texts;  /* of the row read last */
    struct buffer data;  /* scratch: a CSV row as JSON */
    XXH3_state_t *hash;
};

/* --- opening ---------------------------------------------------------------- */

static struct status check_column(const struct rows *rows, const char *option, const char *name)
{
    size_t found = 0;

    for (size_t i = 0; i < rows->name_count; i++)
        found += name && bytes_equal(rows->names[i], bytes_of_text(name));
    if (name && found == 0)
        return status_make(STATUS_INVALID_ARGUMENT, "--%s: there is no column \"%s\"", option,
                           name);
    return OK;
}

static struct status check_names(const struct rows *rows)
{
    for (size_t i = 0; i < rows->name_count; i++) {
        if (!text_is_utf8(rows->names[i]))
            return status_make(STATUS_INVALID_ARGUMENT, "column %zu: the name is not UTF-8", i + 1);
        for (size_t j = 0; j < i; j++)
            if (bytes_equal(rows->names[i], rows->names[j]))
                return status_make(STATUS_INVALID_ARGUMENT, "column %zu: \"%.*s\" is there twice",
                                   i + 1, (int)rows->names[i].size, rows->names[i].data);
    }
    TRY(check_column(rows, "stream-column", rows->options.stream_column));
    TRY(check_column(rows, "type-column", rows->options.type_column));
    TRY(check_column(rows, "time-column", rows->options.time_column));
    for (size_t i = 0; i < rows->options.tag_column_count; i++)
        TRY(check_column(rows, "tag-column", rows->options.tag_columns[i]));
    return check_column(rows, "id-column", rows->options.id_column);
}

static struct status read_head(struct rows *rows)
{
    struct status why;
    enum row_result result = csv_next(&rows->csv, &why);

    if (result == ROW_END)
        return status_make(STATUS_INVALID_ARGUMENT, "holds no row of column names");
    TRY(why);
    for (size_t i = 0; i < rows->csv.field_count; i++)
        rows->names[rows->name_count++] = arena_copy(&rows->head, rows->csv.fields[i]);
    return check_names(rows);
}

struct status rows_open(const struct rows_options *options, struct input *input, struct rows **rows)
{
    struct rows *opened = calloc(1, sizeof *opened);
    struct status status = OK;

    if (!opened)
        return status_make(STATUS_RESOURCE_EXHAUSTED, "out of memory");
    opened->options = *options;
    opened->hash = XXH3_createState();
    arena_init(&opened->head, HEAD_BYTES_MAX);
    arena_init(&opened->texts, ROW_TEXTS_BYTES_MAX);
    buffer_init(&opened->data, PROPOSAL_DATA_BYTES_MAX);
    csv_init(&opened->csv, input, options->separator);
    lines_init(&opened->lines, input);
    if (options->format == ROWS_CSV)
        status = read_head(opened);
    if (status_ok(status))
        *rows = opened;
    else
        rows_close(opened);
    return status;
}

void rows_close(struct rows *rows)
{
    if (!rows)
        return;
    csv_destroy(&rows->csv);
    lines_destroy(&rows->lines);
    buffer_destroy(&rows->data);
    arena_destroy(&rows->texts);
    arena_destroy(&rows->head);
    XXH3_freeState(rows->hash);
    free(rows);
}

uint64_t rows_line(const struct rows *rows)
{
    return rows->options.format == ROWS_CSV ? rows->csv.row_line : rows->lines.line;
}

/* --- one row ------------------------------------------------------------------ */

/* Column `name` of the row. INVALID_ARGUMENT: it has none. */
static struct status find_value(struct rows *rows, const char *name, struct bytes *value)
{
    if (rows->options.format == ROWS_CSV) {
        for (size_t i = 0; i < rows->name_count; i++)
            if (bytes_equal(rows->names[i], bytes_of_text(name))) {
                *value = rows->csv.fields[i];
                return OK;
            }
        assert(false); /* check_names has found it */
    }
    struct bytes json = json_find(rows->object, name);
    if (!json.data)
        return status_make(STATUS_INVALID_ARGUMENT, "column %s: is missing", name);
    bool plain = strchr("0123456789-tf", json.data[0]) != NULL; /* a number, true, false */
    if (plain)
        *value = json;
    else if (!json_read_text(json, &rows->texts, value))
        return status_make(STATUS_INVALID_ARGUMENT, "column %s: a string or a number", name);
    return OK;
}

/* The same for a column that must hold a text of limited length. */
static struct status find_text(struct rows *rows, const char *name, size_t bytes_max,
                               struct bytes *text)
{
    struct bytes value;

    TRY(find_value(rows, name, &value));
    struct status status = proposal_check_text(name, value, bytes_max);
    if (!status_ok(status))
        return status_make(status.code, "column %s", status.message);
    *text = value;
    return OK;
}

static struct status check_fields(const struct rows *rows)
{
    const struct csv *csv = &rows->csv;

    if (csv->field_count != rows->name_count)
        return status_make(STATUS_INVALID_ARGUMENT, "%zu columns as in the head, not %zu",
                           rows->name_count, csv->field_count);
    for (size_t i = 0; i < csv->field_count; i++)
        if (!text_is_utf8(csv->fields[i]))
            return status_make(STATUS_INVALID_ARGUMENT, "column %.*s: not UTF-8",
                               (int)rows->names[i].size, rows->names[i].data);
    return OK;
}

static struct status check_row(struct rows *rows, struct bytes *stream)
{
    if (rows->options.format == ROWS_CSV)
        TRY(check_fields(rows));
    return find_text(rows, rows->options.stream_column, PROPOSAL_STREAM_BYTES_MAX, stream);
}

enum row_result rows_next(struct rows *rows, struct bytes *stream, struct status *why)
{
    enum row_result result;

    arena_destroy(&rows->texts);
    arena_init(&rows->texts, ROW_TEXTS_BYTES_MAX);
    if (rows->options.format == ROWS_CSV)
        result = csv_next(&rows->csv, why);
    else
        result = lines_next_object(&rows->lines, &rows->object, why);
    if (result != ROW_READ)
        return result;
    *why = check_row(rows, stream);
    return status_ok(*why) ? ROW_READ : ROW_BAD;
}

/* --- its event ---------------------------------------------------------------- */

/* A UUID of version 8 (RFC 9562 §5.8): a hash of where the row stands and what it holds. */
static struct uuid row_id(const struct rows *rows)
{
    bool csv = rows->options.format == ROWS_CSV;
    struct bytes content = csv ? buffer_bytes(&rows->csv.text) : rows->object;
    uint64_t line = rows_line(rows);
    XXH128_canonical_t canonical;
    struct uuid id;

    XXH3_128bits_reset(rows->hash);
    XXH3_128bits_update(rows->hash, rows->options.source, strlen(rows->options.source) + 1);
    XXH3_128bits_update(rows->hash, &line, sizeof line);
    if (csv) /* so that a,bc differs from ab,c */
        XXH3_128bits_update(rows->hash, rows->csv.ends,
                            rows->csv.field_count * sizeof *rows->csv.ends);
    XXH3_128bits_update(rows->hash, content.data, content.size);
    XXH128_canonicalFromHash(&canonical, XXH3_128bits_digest(rows->hash));
    memcpy(id.bytes, canonical.digest, sizeof id.bytes);
    id.bytes[6] = (id.bytes[6] & 0x0f) | 0x80; /* version */
    id.bytes[8] = (id.bytes[8] & 0x3f) | 0x80; /* variant */
    return id;
}

static struct status set_id(struct rows *rows, Sagabase__V1__ProposedEvent *event)
{
    const char *column = rows->options.id_column;
    struct bytes text;
    struct uuid id;

    if (!column) {
        id = row_id(rows);
    } else {
        TRY(find_value(rows, column, &text));
        if (!uuid_parse(text, &id))
            return status_make(STATUS_INVALID_ARGUMENT, "column %s: a UUID, not \"%.*s\"", column,
                               (int)text.size, text.data);
    }
    uuid_format(&id, (uint8_t *)event->id); /* proposal_create's memory */
    return OK;
}

static struct status set_time(struct rows *rows, struct arena *arena,
                              Sagabase__V1__ProposedEvent *event)
{
    const char *column = rows->options.time_column;
    struct bytes text;
    int64_t time_us;

    if (!column)
        return OK;
    TRY(find_value(rows, column, &text));
    if (text.size > TIME_BYTES_MAX || !iso_time_parse(text, &time_us))
        return status_make(STATUS_INVALID_ARGUMENT,
                           "column %s: a time like 2026-11-21T01:02:03+01:00, not \"%.*s\"", column,
                           (int)text.size, text.data);
    if (!proposal_add_metadata(event, arena, bytes_of_text("time"), text))
        return status_make(STATUS_RESOURCE_EXHAUSTED, "too large for one append");
    return OK;
}

static struct status set_tags(struct rows *rows, struct arena *arena,
                              Sagabase__V1__ProposedEvent *event)
{
    struct bytes value;

    for (size_t i = 0; i < rows->options.tag_column_count; i++) {
        const char *column = rows->options.tag_columns[i];
        char tag[PROPOSAL_TAG_BYTES_MAX + 1];

        TRY(find_value(rows, column, &value));
        if (value.size == 0)
            continue;
        if (value.size > PROPOSAL_TAG_BYTES_MAX || memchr(value.data, 0, value.size) ||
            snprintf(tag, sizeof tag, "%s:%.*s", column, (int)value.size,
                     (const char *)value.data) > PROPOSAL_TAG_BYTES_MAX)
            return status_make(STATUS_INVALID_ARGUMENT,
                               "column %s: with its name at most %d bytes, without NUL", column,
                               PROPOSAL_TAG_BYTES_MAX);
        if (!proposal_add_tag(event, arena, bytes_of_text(tag)))
            return status_make(STATUS_INVALID_ARGUMENT, "at most 32 tags");
    }
    return OK;
}

static struct status set_data(struct rows *rows, struct arena *arena,
                              Sagabase__V1__ProposedEvent *event)
{
    struct bytes data = rows->object;

    if (rows->options.format == ROWS_CSV) {
        rows->data.size = 0;
        rows->data.failed = false;
        for (size_t i = 0; i < rows->name_count; i++) {
            buffer_put_byte(&rows->data, i == 0 ? '{' : ',');
            json_put_text(&rows->data, rows->names[i]);
            buffer_put_byte(&rows->data, ':');
            json_put_text(&rows->data, rows->csv.fields[i]);
        }
        buffer_put_byte(&rows->data, '}');
        data = buffer_bytes(&rows->data);
    }
    if (!buffer_ok(&rows->data) || data.size > PROPOSAL_DATA_BYTES_MAX)
        return status_make(STATUS_INVALID_ARGUMENT, "the row is over 1 MiB as JSON");
    data = arena_copy(arena, data);
    if (!data.data)
        return status_make(STATUS_RESOURCE_EXHAUSTED, "too large for one append");
    event->data = (ProtobufCBinaryData){data.size, (uint8_t *)data.data};
    event->content_type = "application/json";
    return OK;
}

/* A line of `read --json` brings its own id; one that brings none gets the row's. */
static struct status read_event(struct rows *rows, struct arena *arena,
                                Sagabase__V1__ProposedEvent **event)
{
    TRY(proposal_read_json(rows->object, arena, event));
    if (json_find(rows->object, "id").data)
        return OK;
    return set_id(rows, *event);
}

struct status rows_event(struct rows *rows, struct arena *arena,
                         Sagabase__V1__ProposedEvent **event)
{
    if (rows->options.format == ROWS_EVENTS)
        return read_event(rows, arena, event);

    Sagabase__V1__ProposedEvent *read = proposal_create(arena);
    struct bytes type;
    if (!read)
        return status_make(STATUS_RESOURCE_EXHAUSTED, "too large for one append");
    TRY(find_text(rows, rows->options.type_column, PROPOSAL_TYPE_BYTES_MAX, &type));
    read->type = (char *)arena_copy(arena, type).data;
    if (!read->type)
        return status_make(STATUS_RESOURCE_EXHAUSTED, "too large for one append");
    TRY(set_id(rows, read));
    TRY(set_time(rows, arena, read));
    TRY(set_tags(rows, arena, read));
    TRY(set_data(rows, arena, read));
    *event = read;
    return OK;
}
