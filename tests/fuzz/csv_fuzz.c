/* Any bytes as CSV, packed or not: rows within their limits, and an end. */
#include <stdlib.h>

#include "clients/cli/csv.h"
#include "tests/fuzz/file_input.h"
#include "tests/fuzz/input.h"

enum { ROWS_MAX = 100000 }; /* what is packed may be many; then the rest is left */

static void look_at(const struct csv *csv)
{
    size_t bytes = 0;

    FUZZ_REQUIRE(csv->field_count >= 1 && csv->field_count <= CSV_FIELDS_MAX);
    FUZZ_REQUIRE(csv->row_line >= 1 && csv->row_line <= csv->line);
    for (size_t i = 0; i < csv->field_count; i++) {
        struct bytes field = csv->fields[i];
        bytes += field.size;
        /* Reads every byte, for the sanitizer. */
        FUZZ_REQUIRE(field.size == 0 || memchr(field.data, field.data[field.size - 1], field.size));
    }
    FUZZ_REQUIRE(bytes <= CSV_ROW_BYTES_MAX);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char separators[] = ",;\t|";
    struct fuzz_input input = {{data, size}};
    char separator = separators[fuzz_below(&input, 4)];
    struct csv *csv = malloc(sizeof *csv);
    struct input *file = file_input(input.left);
    enum row_result result = ROW_READ;
    struct status why;

    FUZZ_REQUIRE(csv);
    csv_init(csv, file, separator);
    for (unsigned i = 0; i < ROWS_MAX && (result == ROW_READ || result == ROW_BAD); i++) {
        result = csv_next(csv, &why);
        if (result == ROW_READ)
            look_at(csv);
        else if (result != ROW_END)
            FUZZ_REQUIRE(!status_ok(why) && why.message[0] != 0);
    }
    csv_destroy(csv);
    free(csv);
    file_input_free(file);
    return 0;
}
