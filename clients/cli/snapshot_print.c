#include "clients/cli/snapshot_print.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/buffer.h"
#include "base/clock.h"
#include "clients/cli/event_printer.h"
#include "clients/cli/json.h"

enum { LINE_BYTES_MAX = 16 << 20 };

void snapshot_format_expiry(int64_t expires_us, char *text)
{
    if (expires_us)
        clock_format_us(expires_us, text);
    else
        snprintf(text, CLOCK_TEXT_BYTES, "never");
}

/* The state is written as an event's data are. */
static void put_json(struct buffer *line, const Sagabase__V1__Snapshot *snapshot)
{
    buffer_print(line, "{\"revision\":%" PRIu64 ",\"created_us\":%" PRId64, snapshot->revision,
                 snapshot->created_us);
    if (snapshot->expires_us)
        buffer_print(line, ",\"expires_us\":%" PRId64, snapshot->expires_us);
    buffer_put_text(line, ",\"content_type\":");
    json_put_text(line, bytes_of_text(snapshot->content_type));
    event_put_json_data(line, snapshot->content_type,
                        bytes_of(snapshot->state.data, snapshot->state.len));
    buffer_put_text(line, "}\n");
}

void snapshot_print(const Sagabase__V1__Snapshot *snapshot, bool json)
{
    const ProtobufCBinaryData *state = &snapshot->state;
    struct buffer line;

    if (!json) {
        fwrite(state->data, 1, state->len, stdout);
        if (state->len == 0 || state->data[state->len - 1] != '\n')
            fputc('\n', stdout);
        return;
    }
    buffer_init(&line, LINE_BYTES_MAX);
    put_json(&line, snapshot);
    fwrite(line.data, 1, line.size, stdout);
    buffer_destroy(&line);
}
