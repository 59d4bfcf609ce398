#include "clients/cli/event_printer.h"

#include <inttypes.h>
#include <string.h>
#include <strings.h>

#include "base/clock.h"
#include "clients/cli/json.h"
#include "clients/cli/saga_event.h"
#include "clients/cli/terminal.h"
#include "clients/cli/text.h"

enum {
    LINE_BYTES_MAX = 16 << 20, /* an event is at most 1 MiB and JSON escapes sixfold */
    TYPE_COLUMNS_MIN = 4,
    STREAM_COLUMNS_MIN = 6,
    NAME_COLUMNS_MAX = 40, /* longer ones push their own line only */
    DATA_COLUMNS_MIN = 10,
};

void event_printer_init(struct event_printer *printer, FILE *out, bool json, bool with_streams)
{
    *printer = (struct event_printer){.out = out,
                                      .json = json,
                                      .with_streams = with_streams,
                                      .stream_columns = STREAM_COLUMNS_MIN,
                                      .type_columns = TYPE_COLUMNS_MIN};
    buffer_init(&printer->line, LINE_BYTES_MAX);
}

void event_printer_destroy(struct event_printer *printer)
{
    buffer_destroy(&printer->line);
}

/* application/json, application/anything+json, with or without parameters. */
static bool is_json_type(const char *content_type)
{
    size_t size = strcspn(content_type, "; ");
    const char json[] = "application/json", suffix[] = "+json";
    size_t json_size = sizeof json - 1, suffix_size = sizeof suffix - 1;

    if (size == json_size && strncasecmp(content_type, json, size) == 0)
        return true;
    return size > suffix_size &&
           strncasecmp(content_type + size - suffix_size, suffix, suffix_size) == 0;
}

static void put_text_member(struct buffer *out, const char *key, const char *text)
{
    buffer_print(out, ",\"%s\":", key);
    json_put_text(out, bytes_of_text(text));
}

static void put_base64(struct buffer *out, struct bytes data)
{
    buffer_put_text(out, ",\"data_base64\":\"");
    json_put_base64(out, data);
    buffer_put_byte(out, '"');
}

static void put_text(struct buffer *out, struct bytes data)
{
    buffer_put_text(out, ",\"data\":");
    json_put_text(out, data);
}

static bool is_plain_text(struct bytes data)
{
    return text_is_utf8(data) && (data.size == 0 || !memchr(data.data, 0, data.size));
}

void event_put_json_data(struct buffer *out, const char *content_type, struct bytes data)
{
    if (is_json_type(content_type) && text_is_utf8(data) && json_is_value(data)) {
        buffer_put_text(out, ",\"data\":");
        json_put_value(out, data);
    } else if (is_plain_text(data)) {
        put_text(out, data);
    } else {
        put_base64(out, data);
    }
}

static void put_data(struct buffer *out, const Sagabase__V1__RecordedEvent *event)
{
    struct bytes data = bytes_of(event->data.data, event->data.len);
    size_t before = out->size;

    buffer_put_text(out, ",\"data\":");
    if (saga_event_put_json(out, event))
        return;
    out->size = before;
    event_put_json_data(out, event->content_type, data);
}

/* Such a value comes back as it stands; one over several lines, or with blanks around it, does
 * not. */
static bool is_one_line_of_json(struct bytes data)
{
    const char blanks[] = " \t\r\n";

    if (!text_is_utf8(data) || !json_is_value(data))
        return false;
    return !memchr(blanks, data.data[0], strlen(blanks)) &&
           !memchr(blanks, data.data[data.size - 1], strlen(blanks)) &&
           !memchr(data.data, '\n', data.size) && !memchr(data.data, '\r', data.size);
}

/* Whether a string is JSON or a text is told by "json" in the content type. */
static void put_exact_data(struct buffer *out, const Sagabase__V1__RecordedEvent *event)
{
    struct bytes data = bytes_of(event->data.data, event->data.len);
    bool named_json = strstr(event->content_type, "json") != NULL;

    if (named_json && is_one_line_of_json(data)) {
        buffer_put_text(out, ",\"data\":");
        buffer_put(out, data);
    } else if (!named_json && is_plain_text(data)) {
        put_text(out, data);
    } else {
        put_base64(out, data);
    }
}

static void put_tags(struct buffer *out, const Sagabase__V1__RecordedEvent *event)
{
    buffer_put_text(out, ",\"tags\":[");
    for (size_t i = 0; i < event->n_tags; i++) {
        if (i > 0)
            buffer_put_byte(out, ',');
        json_put_text(out, bytes_of_text(event->tags[i]));
    }
    buffer_put_byte(out, ']');
}

static void put_event(struct buffer *out, const Sagabase__V1__RecordedEvent *event,
                      void (*put)(struct buffer *out, const Sagabase__V1__RecordedEvent *event))
{
    char created[CLOCK_TEXT_BYTES], erased[CLOCK_TEXT_BYTES];

    clock_format_us(event->created_us, created);
    buffer_put_text(out, "{\"stream\":");
    json_put_text(out, bytes_of_text(event->stream));
    buffer_print(out, ",\"revision\":%" PRIu64 ",\"position\":%" PRIu64, event->revision,
                 event->position);
    put_text_member(out, "id", event->id);
    put_text_member(out, "type", event->type);
    put_text_member(out, "created", created);
    if (event->erased_us) {
        clock_format_us(event->erased_us, erased);
        put_text_member(out, "erased", erased);
    }
    put_text_member(out, "content_type", event->content_type);
    put_tags(out, event);
    put(out, event);
    buffer_put_text(out, ",\"metadata\":{");
    for (size_t i = 0; i < event->n_metadata; i++) {
        if (i > 0)
            buffer_put_byte(out, ',');
        json_put_text(out, bytes_of_text(event->metadata[i]->key));
        buffer_put_byte(out, ':');
        json_put_text(out, bytes_of_text(event->metadata[i]->value));
    }
    buffer_put_text(out, "}}");
}

void event_put_json(struct buffer *out, const Sagabase__V1__RecordedEvent *event)
{
    put_event(out, event, put_data);
}

void event_put_exact_json(struct buffer *out, const Sagabase__V1__RecordedEvent *event)
{
    put_event(out, event, put_exact_data);
}

static void widen(int *columns, const char *name)
{
    size_t needed = text_columns(bytes_of_text(name));

    if (needed > NAME_COLUMNS_MAX)
        needed = NAME_COLUMNS_MAX;
    if ((int)needed > *columns)
        *columns = (int)needed;
}

static void put_head(struct event_printer *printer, struct buffer *out)
{
    buffer_put_text(out, terminal_bold(printer->out));
    if (printer->with_streams)
        buffer_print(out, "%10s  %-*s  %8s", "POSITION", printer->stream_columns, "STREAM",
                     "REVISION");
    else
        buffer_print(out, "%8s  %10s", "REVISION", "POSITION");
    buffer_print(out, "  %-24s  %-*s  DATA%s\n", "TIME", printer->type_columns, "TYPE",
                 terminal_plain(printer->out));
}

/* What fits into so many columns; 0: all of it. */
static void put_row_data(struct buffer *out, const Sagabase__V1__RecordedEvent *event,
                         size_t columns)
{
    struct buffer decoded;

    buffer_init(&decoded, LINE_BYTES_MAX);
    if (saga_event_put_json(&decoded, event) && buffer_ok(&decoded))
        text_put_line(out, buffer_bytes(&decoded), columns);
    else
        text_put_line(out, bytes_of(event->data.data, event->data.len), columns);
    buffer_destroy(&decoded);
}

static void put_row(struct event_printer *printer, struct buffer *out,
                    const Sagabase__V1__RecordedEvent *event, size_t terminal)
{
    enum { MILLISECONDS_BYTES = sizeof "2026-11-21T01:02:03.000" - 1 };
    char created[CLOCK_TEXT_BYTES];
    size_t start = out->size;

    clock_format_us(event->created_us, created);
    if (printer->with_streams) {
        buffer_print(out, "%10" PRIu64 "  ", event->position);
        text_put_name(out, event->stream, (size_t)printer->stream_columns);
        buffer_print(out, "  %8" PRIu64 "  ", event->revision);
    } else {
        buffer_print(out, "%8" PRIu64 "  %10" PRIu64 "  ", event->revision, event->position);
    }
    buffer_print(out, "%.*sZ  ", MILLISECONDS_BYTES, created);
    text_put_name(out, event->type, (size_t)printer->type_columns);
    buffer_put_text(out, "  ");

    size_t used = text_columns(bytes_of(out->data + start, out->size - start));
    size_t left = terminal > used + DATA_COLUMNS_MIN ? terminal - used : DATA_COLUMNS_MIN;
    if (event->erased_us)
        buffer_put_text(out, "(erased)");
    else
        put_row_data(out, event, terminal ? left : 0);
    buffer_put_byte(out, '\n');
}

void event_printer_print(struct event_printer *printer, Sagabase__V1__RecordedEvent *const *events,
                         size_t count)
{
    struct buffer *line = &printer->line;
    size_t terminal = terminal_columns(printer->out);

    for (size_t i = 0; i < count; i++) {
        widen(&printer->stream_columns, events[i]->stream);
        widen(&printer->type_columns, events[i]->type);
    }
    if (!printer->json && !printer->begun && count > 0)
        put_head(printer, line);
    printer->begun = true;
    for (size_t i = 0; i < count; i++) {
        if (printer->json) {
            event_put_json(line, events[i]);
            buffer_put_byte(line, '\n');
        } else {
            put_row(printer, line, events[i], terminal);
        }
        fwrite(line->data, 1, line->size, printer->out);
        line->size = 0;
    }
    fflush(printer->out);
}
