/* Records whose checksum holds and that make no sense all the same. Goal: a reader may count
 * on what record_parse() let through. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "base/hash.h"
#include "storage/log/record.h"
#include "tests/support/log_fixture.h"

enum { STORED_BYTES_MAX = 256, POSITION = 7 };

/* Two frames of two bytes each, as two spans unless a test says otherwise. */
struct stored {
    uint64_t position;
    uint32_t events;
    uint16_t span_count;
    struct span spans[2];
    uint8_t frames[8];
    size_t frame_bytes;
};

static struct stored make_stored(void)
{
    return (struct stored){.position = POSITION,
                           .events = 2,
                           .span_count = 2,
                           .spans = {{1, 0, 1, 4}, {2, 0, 1, 4}},
                           .frames = {0x0a, 2, 0x12, 0, 0x0a, 2, 0x12, 0},
                           .frame_bytes = 8};
}

static struct status parse(const struct stored *stored)
{
    uint8_t bytes[STORED_BYTES_MAX] = {0};
    uint8_t *at = bytes + RECORD_HEADER_BYTES;
    struct record record;

    bytes[8] = RECORD_VERSION;
    memcpy(bytes + 10, &stored->span_count, sizeof stored->span_count);
    put_u32_little_endian(bytes + 12, stored->events);
    put_u64_little_endian(bytes + 16, stored->position);
    for (size_t i = 0; i < stored->span_count; i++, at += RECORD_SPAN_BYTES) {
        put_u64_little_endian(at, stored->spans[i].stream_number);
        put_u64_little_endian(at + 8, stored->spans[i].first_revision);
        put_u32_little_endian(at + 16, stored->spans[i].event_count);
        put_u32_little_endian(at + 20, stored->spans[i].frame_bytes);
    }
    memcpy(at, stored->frames, stored->frame_bytes);
    size_t size = (size_t)(at - bytes) + stored->frame_bytes;
    put_u64_little_endian(bytes, checksum_bytes(bytes_of(bytes + 8, size - 8)));
    return record_parse(bytes_of(bytes, size), stored->position, &record);
}

static void assert_refused(const struct stored *stored)
{
    assert_fails(parse(stored), DATA_LOSS, "inconsistent");
}

static void frames_as_told_are_a_record(void **state)
{
    struct stored stored = make_stored();

    (void)state;
    assert_ok(parse(&stored));
}

static void fewer_frames_than_told_are_refused(void **state)
{
    struct stored stored = make_stored();

    (void)state;
    stored.spans[1].event_count = 2;
    stored.events = 3;
    assert_refused(&stored);
}

static void more_frames_than_told_are_refused(void **state)
{
    struct stored stored = make_stored();

    (void)state;
    stored.span_count = 1;
    stored.spans[0].frame_bytes = 8;
    stored.events = 1;
    assert_refused(&stored);
}

static void a_frame_that_crosses_its_span_is_refused(void **state)
{
    struct stored stored = make_stored();

    (void)state;
    stored.spans[0].frame_bytes = 3;
    stored.spans[1].frame_bytes = 5;
    assert_refused(&stored);
}

static void bytes_that_are_no_frame_are_refused(void **state)
{
    struct stored stored = make_stored();

    (void)state;
    stored.frames[4] = 0x12;
    assert_refused(&stored);
}

static void a_span_without_events_is_refused(void **state)
{
    struct stored stored = make_stored();

    (void)state;
    stored.spans[0] = (struct span){1, 0, 2, 8};
    stored.spans[1] = (struct span){2, 0, 0, 0};
    assert_refused(&stored);
}

static void numbers_that_would_wrap_are_refused(void **state)
{
    struct stored stored = make_stored();

    (void)state;
    stored.position = UINT64_MAX - 1;
    assert_refused(&stored);
    stored = make_stored();
    stored.spans[1].first_revision = UINT64_MAX;
    assert_refused(&stored);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(frames_as_told_are_a_record),
        cmocka_unit_test(fewer_frames_than_told_are_refused),
        cmocka_unit_test(more_frames_than_told_are_refused),
        cmocka_unit_test(a_frame_that_crosses_its_span_is_refused),
        cmocka_unit_test(bytes_that_are_no_frame_are_refused),
        cmocka_unit_test(a_span_without_events_is_refused),
        cmocka_unit_test(numbers_that_would_wrap_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
