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
    uint8_t version;
};

static struct stored make_stored(void)
{
    return (struct stored){.position = POSITION,
                           .events = 2,
                           .span_count = 2,
                           .version = RECORD_VERSION,
                           .spans = {{1, 0, 1, 4, false}, {2, 0, 1, 4, false}},
                           .frames = {0x0a, 2, 0x12, 0, 0x0a, 2, 0x12, 0},
                           .frame_bytes = 8};
}

static struct status parse(const struct stored *stored)
{
    uint8_t bytes[STORED_BYTES_MAX] = {0};
    uint8_t *at = bytes + RECORD_HEADER_BYTES;
    struct record record;

    bytes[8] = stored->version;
    memcpy(bytes + 10, &stored->span_count, sizeof stored->span_count);
    put_u32_little_endian(bytes + 12, stored->events);
    put_u64_little_endian(bytes + 16, stored->position);
    for (size_t i = 0; i < stored->span_count; i++, at += RECORD_SPAN_BYTES) {
        span_encode(at, &stored->spans[i]);
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
    stored.spans[0] = (struct span){1, 0, 2, 8, false};
    stored.spans[1] = (struct span){2, 0, 0, 0, false};
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

/* The first span is scavenged: its stream's name is left of it. */
static struct stored make_hollow(void)
{
    struct stored stored = make_stored();

    stored.version = RECORD_VERSION_HOLLOW;
    stored.spans[0] = (struct span){1, 0, 100, 4, true};
    stored.events = 101;
    memcpy(stored.frames, "name", 4);
    return stored;
}

static void scavenged_spans_are_told_by_their_counts(void **state)
{
    struct stored stored = make_hollow();

    (void)state;
    assert_ok(parse(&stored));
    stored.spans[0] = (struct span){1, 7, 100, 0, true};
    memmove(stored.frames, stored.frames + 4, 4);
    stored.frame_bytes = 4;
    assert_ok(parse(&stored));
}

static void scavenged_spans_in_a_record_of_the_first_version_are_refused(void **state)
{
    struct stored stored = make_hollow();

    (void)state;
    stored.version = RECORD_VERSION;
    assert_refused(&stored);
}

static void bytes_without_a_meaning_in_a_scavenged_span_are_refused(void **state)
{
    struct stored stored = make_hollow();

    (void)state;
    stored.spans[0].first_revision = 1; /* only the beginning of a stream tells its name */
    assert_refused(&stored);
    stored = make_hollow();
    stored.spans[0].frame_bytes = 0; /* and has to */
    memmove(stored.frames, stored.frames + 4, 4);
    stored.frame_bytes = 4;
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
        cmocka_unit_test(scavenged_spans_are_told_by_their_counts),
        cmocka_unit_test(scavenged_spans_in_a_record_of_the_first_version_are_refused),
        cmocka_unit_test(bytes_without_a_meaning_in_a_scavenged_span_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
