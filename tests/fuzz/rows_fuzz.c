/* Any bytes as rows to import, CSV or JSON lines in both forms: each row is an event that can
 * be sent, or is refused and the next one read. */
#include <stdlib.h>

#include "clients/cli/rows.h"
#include "tests/fuzz/file_input.h"
#include "tests/fuzz/input.h"

enum { ARENA_BYTES_MAX = 32 << 20, ROWS_MAX = 10000 };

static void look_at(struct rows *rows)
{
    Sagabase__V1__ProposedEvent *event;
    struct arena arena;

    arena_init(&arena, ARENA_BYTES_MAX);
    struct status status = rows_event(rows, &arena, &event);
    if (status_ok(status)) {
        size_t size = sagabase__v1__proposed_event__get_packed_size(event);
        uint8_t *packed = malloc(size);
        FUZZ_REQUIRE(packed && protobuf_c_message_check(&event->base));
        FUZZ_REQUIRE(sagabase__v1__proposed_event__pack(event, packed) == size);
        free(packed);
    } else {
        FUZZ_REQUIRE(status.message[0] != 0);
    }
    arena_destroy(&arena);
}

static void read_rows(struct rows *rows)
{
    enum row_result result = ROW_READ;
    uint64_t line = 0;
    struct bytes stream;
    struct status why;

    for (unsigned i = 0; i < ROWS_MAX && (result == ROW_READ || result == ROW_BAD); i++) {
        result = rows_next(rows, &stream, &why);
        FUZZ_REQUIRE(rows_line(rows) >= line);
        line = rows_line(rows);
        if (result == ROW_READ)
            look_at(rows);
        else if (result != ROW_END)
            FUZZ_REQUIRE(!status_ok(why) && why.message[0] != 0);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input input = {{data, size}};
    struct rows_options options = {.source = "fuzz",
                                   .format = ROWS_CSV,
                                   .stream_column = "s",
                                   .type_column = "t",
                                   .separator = ','};
    uint8_t choice = fuzz_byte(&input);
    struct rows *rows;

    options.format = (enum rows_format)(choice % 3);
    if (options.format == ROWS_EVENTS) { /* what `sagabase import` sets */
        options.stream_column = "stream";
        options.type_column = "type";
    }
    if (options.format != ROWS_EVENTS && choice & 0x20)
        options.time_column = "at";
    if (options.format != ROWS_EVENTS && choice & 0x10)
        options.id_column = "id";
    struct input *file = file_input(input.left);
    struct status status = rows_open(&options, file, &rows);
    if (status_ok(status)) {
        read_rows(rows);
        rows_close(rows);
    }
    file_input_free(file);
    return 0;
}
