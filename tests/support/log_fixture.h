/* A log for tests, over an engine that outlives it, and appends that wait for
 * their end. Not on the writer thread. */
#ifndef TESTS_SUPPORT_LOG_FIXTURE_H
#define TESTS_SUPPORT_LOG_FIXTURE_H

#include "base/uuid.h"
#include "storage/engine/engine.h"
#include "storage/log/append.h"
#include "storage/log/event_log.h"
#include "storage/log/read.h"
#include "storage/log/stream_change.h"

#define ANY              ((struct expectation){.kind = EXPECT_ANY})
#define NO_STREAM        ((struct expectation){.kind = EXPECT_NO_STREAM})
#define STREAM_EXISTS    ((struct expectation){.kind = EXPECT_STREAM_EXISTS})
#define REVISION(number) ((struct expectation){.kind = EXPECT_REVISION, .revision = (number)})

#define assert_ok(expression)                                                                      \
    do {                                                                                           \
        struct status assert_status = (expression);                                                \
        if (!status_ok(assert_status))                                                             \
            fail_msg("%s: %s", #expression, assert_status.message);                                \
    } while (0)

#define assert_fails(expression, expected_code, part_of_message)                                   \
    do {                                                                                           \
        struct status assert_status = (expression);                                                \
        assert_string_equal(status_code_name(assert_status.code), #expected_code);                 \
        if (!strstr(assert_status.message, (part_of_message)))                                     \
            fail_msg("\"%s\" does not say \"%s\"", assert_status.message, (part_of_message));      \
    } while (0)

/* Aborts the test program if the log does not open. */
struct event_log *open_log(struct engine *engine);

/* Submits, waits for `done`, settles. `append->intent.done` is set here. */
struct status run_append(struct event_log *log, struct append *append);

/* An event of type "Tested" without data. */
struct new_event make_event(struct uuid id);

/* Appends `count` new events, whose data are "0", "1" ...; the last revision. */
struct status append_some(struct event_log *log, const char *stream, struct expectation expected,
                          size_t count, uint64_t *last_revision);

enum { VARIED_EVENTS = 10 };

/* A record of events of two streams, "kindN-M" and "shared", with types, tags ("tag-N", "all") and
 * correlation ids that differ from round to round, and data of that size. */
void append_varied(struct event_log *log, size_t round, size_t data_bytes);

/* One event with this id. */
struct status append_one(struct event_log *log, const char *stream, struct expectation expected,
                         struct uuid id, struct append *result);

/* Submits, waits for `done`. Of `wanted`, `intent.done` is set here. */
struct status change_stream(struct event_log *log, struct stream_change wanted);

/* A page of a stream that must exist; the caller destroys page->frames. */
struct status read_named(struct event_log *log, const char *stream, const struct read *read,
                         struct page *page);

#endif
