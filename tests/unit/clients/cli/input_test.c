/* Plain and gzip bytes, whole and damaged. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <zlib.h>

#include "clients/cli/input.h"
#include "tests/unit/clients/cli/memory_input.h"

enum { ZIPPED_BYTES_MAX = 4096 };

/* gzip of `text`; its size. */
static size_t zip(const char *text, uint8_t zipped[ZIPPED_BYTES_MAX])
{
    enum { GZIP = 16 };
    z_stream stream = {0};

    assert_int_equal(deflateInit2(&stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, MAX_WBITS + GZIP, 8,
                                  Z_DEFAULT_STRATEGY),
                     Z_OK);
    stream.next_in = (Bytef *)text;
    stream.avail_in = (uInt)strlen(text);
    stream.next_out = zipped;
    stream.avail_out = ZIPPED_BYTES_MAX;
    assert_int_equal(deflate(&stream, Z_FINISH), Z_STREAM_END);
    deflateEnd(&stream);
    return stream.total_out;
}

static void expect_text(struct input *input, const char *text)
{
    for (; *text; text++)
        assert_int_equal(input_byte(input), *text);
    assert_int_equal(input_peek(input), INPUT_END);
    assert_int_equal(input_byte(input), INPUT_END);
    assert_int_equal(input->status.code, STATUS_OK);
}

static void plain_bytes_are_read_as_they_are(void **state)
{
    struct input *input = memory_input("some\nbytes", 10);

    (void)state;
    expect_text(input, "some\nbytes");
    assert_int_equal(input->size, 10);
    assert_int_equal(input_offset(input), 10);
    memory_input_free(input);
}

static void gzip_is_unpacked(void **state)
{
    uint8_t zipped[ZIPPED_BYTES_MAX];
    size_t size = zip("packed text", zipped);
    struct input *input = memory_input(zipped, size);

    (void)state;
    expect_text(input, "packed text");
    assert_int_equal(input->size, size);
    memory_input_free(input);
}

static void gzip_that_ends_early_is_an_error_not_an_end(void **state)
{
    uint8_t zipped[ZIPPED_BYTES_MAX];
    size_t size = zip("packed text that is cut off", zipped);
    struct input *input = memory_input(zipped, size - 10);

    (void)state;
    while (input_byte(input) != INPUT_END)
        ;
    assert_int_equal(input->status.code, STATUS_DATA_LOSS);
    memory_input_free(input);
}

static void damaged_gzip_is_an_error(void **state)
{
    uint8_t zipped[ZIPPED_BYTES_MAX];
    size_t size = zip("packed text whose checksum is wrong", zipped);

    (void)state;
    zipped[size - 6] ^= 1;
    struct input *input = memory_input(zipped, size);
    while (input_byte(input) != INPUT_END)
        ;
    assert_int_equal(input->status.code, STATUS_DATA_LOSS);
    memory_input_free(input);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plain_bytes_are_read_as_they_are),
        cmocka_unit_test(gzip_is_unpacked),
        cmocka_unit_test(gzip_that_ends_early_is_an_error_not_an_end),
        cmocka_unit_test(damaged_gzip_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
