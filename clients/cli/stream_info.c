#include "clients/cli/stream_info.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/buffer.h"
#include "base/clock.h"
#include "clients/cli/json.h"
#include "clients/cli/text.h"

enum { LINE_BYTES_MAX = 32 << 10 }; /* a name is at most 1 KiB, twice, and JSON escapes sixfold */

uint64_t stream_info_events(const Sagabase__V1__StreamInfo *stream)
{
    return stream->last_revision + 1 - stream->first_revision;
}

void stream_info_print_json(const Sagabase__V1__StreamInfo *stream)
{
    char created[CLOCK_TEXT_BYTES], appended[CLOCK_TEXT_BYTES];
    struct buffer line;

    clock_format_us(stream->created_us, created);
    clock_format_us(stream->appended_us, appended);
    buffer_init(&line, LINE_BYTES_MAX);
    buffer_put_text(&line, "{\"name\":");
    json_put_text(&line, bytes_of_text(stream->name));
    buffer_put_text(&line, ",\"category\":");
    json_put_text(&line, bytes_of_text(stream->category));
    buffer_print(&line,
                 ",\"events\":%" PRIu64 ",\"first_revision\":%" PRIu64 ",\"last_revision\":%" PRIu64
                 ",\"last_position\":%" PRIu64 ",\"created\":\"%s\",\"appended\":\"%s\"}\n",
                 stream_info_events(stream), stream->first_revision, stream->last_revision,
                 stream->last_position, created, appended);
    fwrite(line.data, 1, line.size, stdout);
    buffer_destroy(&line);
}

void stream_info_print_name(const char *name)
{
    struct buffer line;

    buffer_init(&line, LINE_BYTES_MAX);
    text_put_name(&line, name, 0);
    buffer_put_byte(&line, '\n');
    fwrite(line.data, 1, line.size, stdout);
    buffer_destroy(&line);
}

void stream_info_print_json_name(const char *name)
{
    struct buffer line;

    buffer_init(&line, LINE_BYTES_MAX);
    json_put_text(&line, bytes_of_text(name));
    buffer_put_byte(&line, '\n');
    fwrite(line.data, 1, line.size, stdout);
    buffer_destroy(&line);
}
