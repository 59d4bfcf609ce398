/* Damage in each family is named by verify and undone by rebuild. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "storage/engine/memory_engine.h"
#include "storage/log/index.h"
#include "storage/log/keys.h"
#include "storage/log/maintenance.h"
#include "storage/log/record.h"
#include "storage/log/retention.h"
#include "tests/support/fault_engine.h"
#include "tests/support/log_fixture.h"

enum { TOLD_BYTES = 1 << 16, EVENTS = 3000 };

struct fixture {
    struct engine *engine;
    char told[TOLD_BYTES]; /* lines */
    size_t told_max, streams_max;
    struct store_facts facts;
};

/* --- a store --------------------------------------------------------------------------- */

static int open_store(void **state)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);

    fixture->told_max = 100;
    assert_ok(memory_engine_open(&fixture->engine));
    struct event_log *log = open_log(fixture->engine);
    for (size_t round = 0; round < EVENTS / VARIED_EVENTS; round++)
        append_varied(log, round, 0);
    assert_ok(index_wait(log));
    event_log_close(log);
    *state = fixture;
    return 0;
}

static int close_store(void **state)
{
    struct fixture *fixture = *state;

    engine_close(fixture->engine);
    free(fixture);
    return 0;
}

/* --- what is asked of it ------------------------------------------------------------------ */

static void tell(void *context, const char *line)
{
    struct fixture *fixture = context;
    size_t used = strlen(fixture->told);

    snprintf(fixture->told + used, sizeof fixture->told - used, "%s\n", line);
}

static struct maintenance maintenance(struct fixture *fixture, struct engine *engine)
{
    fixture->told[0] = 0;
    return (struct maintenance){.engine = engine,
                                .tell = tell,
                                .told_max = fixture->told_max,
                                .context = fixture,
                                .streams_max = fixture->streams_max};
}

static void verify(struct fixture *fixture)
{
    struct maintenance given = maintenance(fixture, fixture->engine);

    assert_ok(store_verify(&given, &fixture->facts));
}

static struct status rebuild(struct fixture *fixture)
{
    struct maintenance given = maintenance(fixture, fixture->engine);

    return store_rebuild(&given, &fixture->facts);
}

static void assert_whole(struct fixture *fixture)
{
    verify(fixture);
    assert_string_equal(fixture->told, "");
    assert_int_equal(fixture->facts.disagreements, 0);
}

/* Exactly these lines, ended by newlines. */
static void assert_told(struct fixture *fixture, uint64_t count, const char *part)
{
    verify(fixture);
    if (!strstr(fixture->told, part))
        fail_msg("\"%s\" is not told, but:\n%s", part, fixture->told);
    assert_int_equal(fixture->facts.disagreements, count);
}

static void assert_repaired(struct fixture *fixture)
{
    assert_ok(rebuild(fixture));
    assert_whole(fixture);
    assert_int_equal(fixture->facts.events, EVENTS);
    assert_true(fixture->facts.indexed > EVENTS - INDEX_BATCH_EVENTS);
}

/* --- damage --------------------------------------------------------------------------------- */

static void put(struct fixture *fixture, enum family family, struct bytes key, struct bytes value)
{
    struct write write = {family, WRITE_PUT, key, value};
    assert_ok(engine_commit(fixture->engine, &write, 1, true));
}

static void delete (struct fixture *fixture, enum family family, struct bytes key)
{
    struct write write = {family, WRITE_DELETE, key, {0}};
    assert_ok(engine_commit(fixture->engine, &write, 1, true));
}

struct entry {
    uint8_t key[512], value[1 << 16];
    struct bytes key_bytes, value_bytes;
    struct bytes prefix;
    size_t skipped;
};

static bool visit_entry(void *context, struct bytes key, struct bytes value)
{
    struct entry *entry = context;

    if (!bytes_have_prefix(key, entry->prefix) || entry->skipped-- > 0)
        return bytes_have_prefix(key, entry->prefix);
    assert_true(key.size <= sizeof entry->key && value.size <= sizeof entry->value);
    memcpy(entry->key, key.data, key.size);
    if (value.size)
        memcpy(entry->value, value.data, value.size);
    entry->key_bytes = (struct bytes){entry->key, key.size};
    entry->value_bytes = (struct bytes){entry->value, value.size};
    return false;
}

/* The nth entry of those that begin with a prefix; static memory. */
static struct entry *entry_of(struct fixture *fixture, enum family family, const char *prefix,
                              size_t nth)
{
    static struct entry entry;

    entry = (struct entry){.prefix = bytes_of_text(prefix), .skipped = nth};
    assert_ok(engine_scan(fixture->engine,
                          &(struct scan){.family = family, .from = bytes_of_text(prefix)},
                          visit_entry, &entry));
    assert_non_null(entry.key_bytes.data);
    return &entry;
}

static void a_whole_store_has_no_disagreements(void **state)
{
    struct fixture *fixture = *state;

    assert_whole(fixture);
    assert_int_equal(fixture->facts.events, EVENTS);
    assert_int_equal(fixture->facts.streams, 51);
    assert_int_equal(fixture->facts.types, 7);
    assert_true(fixture->facts.indexed > 0);
}

static void an_empty_store_is_whole(void **state)
{
    struct fixture fixture = {.told_max = 10};

    (void)state;
    assert_ok(memory_engine_open(&fixture.engine));
    assert_whole(&fixture);
    assert_ok(rebuild(&fixture));
    event_log_close(open_log(fixture.engine));
    assert_whole(&fixture);
    engine_close(fixture.engine);
}

static void streams_are_followed_in_several_walks(void **state)
{
    struct fixture *fixture = *state;

    fixture->streams_max = 7;
    assert_whole(fixture);
    assert_int_equal(fixture->facts.streams, 51);
    assert_repaired(fixture);
}

static void a_missing_place_is_named_and_repaired(void **state)
{
    struct fixture *fixture = *state;
    uint8_t key[REVISION_KEY_BYTES];

    delete (fixture, FAMILY_STREAMS, revision_key(key, 1, 6));
    assert_told(fixture, 1, "streams: stream 1, revision 6: missing\n");
    assert_repaired(fixture);
}

static void an_altered_place_is_named_and_repaired(void **state)
{
    struct fixture *fixture = *state;
    struct entry *entry = entry_of(fixture, FAMILY_STREAMS, "", 3);

    entry->value[12] ^= 1; /* the first event */
    put(fixture, FAMILY_STREAMS, entry->key_bytes, entry->value_bytes);
    assert_told(fixture, 1, ": not what the log says\n");
    assert_repaired(fixture);
}

static void an_extra_place_is_named_and_repaired(void **state)
{
    struct fixture *fixture = *state;
    uint8_t key[REVISION_KEY_BYTES];
    struct entry *entry = entry_of(fixture, FAMILY_STREAMS, "", 3);

    put(fixture, FAMILY_STREAMS, revision_key(key, 40, 1000000), entry->value_bytes);
    assert_told(fixture, 1, "streams: stream 40, revision 1000000: not in the log\n");
    put(fixture, FAMILY_STREAMS, bytes_of_text("short"), bytes_of_text(""));
    assert_told(fixture, 2, "streams: a key of 5 bytes\n");
    assert_repaired(fixture);
}

static void names_are_named_and_repaired(void **state)
{
    struct fixture *fixture = *state;
    uint8_t value[NUMBER_BYTES];

    delete (fixture, FAMILY_NAMES, bytes_of_text("shared"));
    assert_told(fixture, 2, "names: \"shared\": missing\n"); /* and its category has no stream */
    put(fixture, FAMILY_NAMES, bytes_of_text("shared"), number_encode(value, 17));
    assert_told(fixture, 1, "names: \"shared\": not what the log says\n");
    assert_repaired(fixture);
    put(fixture, FAMILY_NAMES, bytes_of_text("ghost\n-1"), number_encode(value, 17));
    assert_told(fixture, 1, "names: \"ghost?-1\": not in the log\n");
    assert_repaired(fixture);
}

static void types_are_named_and_repaired(void **state)
{
    struct fixture *fixture = *state;
    uint8_t value[NUMBER_BYTES];

    delete (fixture, FAMILY_TYPES, bytes_of_text("Type3"));
    assert_told(fixture, 1, "types: \"Type3\": missing\n");
    put(fixture, FAMILY_TYPES, bytes_of_text("Type3"), number_encode(value, 5));
    assert_told(fixture, 1, "types: \"Type3\": not what the log says\n");
    assert_repaired(fixture);
    put(fixture, FAMILY_TYPES, bytes_of_text("Ghost"), number_encode(value, 5));
    assert_told(fixture, 1, "types: \"Ghost\": not in the log\n");
    assert_repaired(fixture);
}

static void tags_are_named_and_repaired(void **state)
{
    struct fixture *fixture = *state;
    uint8_t key[TAG_KEY_BYTES], value[INDEX_VALUE_BYTES];

    put_u32_little_endian(value, 3);
    delete (fixture, FAMILY_INDEX, tag_key(key, bytes_of_text("all"), 123));
    assert_told(fixture, 1, "index: tag \"all\", position 123: missing\n");
    assert_repaired(fixture);
    put_u32_little_endian(value, 9);
    put(fixture, FAMILY_INDEX, tag_key(key, bytes_of_text("all"), 123), bytes_of(value, 4));
    assert_told(fixture, 1, "index: tag \"all\", position 123: not what the log says\n");
    put_u32_little_endian(value, 3);
    put(fixture, FAMILY_INDEX, tag_key(key, bytes_of_text("ghost"), 123), bytes_of(value, 4));
    assert_told(fixture, 2, "index: tag \"ghost\", position 123: not in the log\n");
    assert_repaired(fixture);
}

static void category_names_are_named_and_repaired(void **state)
{
    struct fixture *fixture = *state;

    delete (fixture, FAMILY_INDEX, bytes_of_text("kkind3"));
    assert_told(fixture, 1, "index: name of category \"kind3\": missing\n");
    put(fixture, FAMILY_INDEX, bytes_of_text("kkind"), bytes_of_text(""));
    assert_told(fixture, 2, "index: name of category \"kind\": not in the log\n");
    assert_repaired(fixture);
}

static void blocks_are_named_and_repaired(void **state)
{
    struct fixture *fixture = *state;
    struct entry *entry = entry_of(fixture, FAMILY_INDEX, "r", 2);

    delete (fixture, FAMILY_INDEX, entry->key_bytes); /* of 10 postings */
    assert_told(fixture, 10, "index: correlation id \"correlated-");
    assert_repaired(fixture);

    entry = entry_of(fixture, FAMILY_INDEX, "yType2", 0);
    entry->value[1] ^= 1; /* the first posting's event */
    put(fixture, FAMILY_INDEX, entry->key_bytes, entry->value_bytes);
    assert_told(fixture, 1, "index: type \"Type2\", position 2: not what the log says\n");
    assert_repaired(fixture);

    entry = entry_of(fixture, FAMILY_INDEX, "ckind1", 0);
    entry->key[1] = 'f';
    put(fixture, FAMILY_INDEX, entry->key_bytes, entry->value_bytes);
    verify(fixture);
    assert_non_null(
        strstr(fixture->told, "index: category \"find1\", position 10: not in the log"));
    assert_repaired(fixture);
}

static void blocks_behind_the_checkpoint_and_odd_entries_are_named(void **state)
{
    struct fixture *fixture = *state;
    static const uint8_t posting[] = {0, 9};
    uint8_t key[INDEX_KEY_BYTES];

    put(fixture, FAMILY_INDEX, index_key(key, INDEX_TYPE, bytes_of_text("Type1"), EVENTS - 1),
        bytes_of(posting, sizeof posting));
    assert_told(fixture, 1, "index: type \"Type1\", position 2999: not in the log\n");
    put(fixture, FAMILY_INDEX, bytes_of_text("zebra"), bytes_of_text(""));
    assert_told(fixture, 2, "index: an entry of no known kind, 122\n");
    assert_repaired(fixture);
}

static void a_posting_that_stands_twice_is_told(void **state)
{
    struct fixture *fixture = *state;
    static const uint8_t twice[] = {0, 1, 0, 1};
    uint8_t key[INDEX_KEY_BYTES];

    put(fixture, FAMILY_INDEX, index_key(key, INDEX_TYPE, bytes_of_text("Type1"), 1),
        bytes_of(twice, sizeof twice));
    verify(fixture);
    assert_true(fixture->facts.disagreements > 0); /* the block's others are missing */
    assert_repaired(fixture);
}

static void counters_are_named_and_repaired(void **state)
{
    struct fixture *fixture = *state;
    uint8_t value[COUNTERS_BYTES];

    put(fixture, FAMILY_META, bytes_of_text(COUNTERS_KEY), counters_encode(value, 7, 8));
    assert_told(fixture, 1, "meta: counters say 7 events in 8 streams, the log holds 3000 in 51\n");
    put(fixture, FAMILY_META, bytes_of_text(COUNTERS_KEY), bytes_of_text("x"));
    assert_told(fixture, 1, "meta: damaged counters\n");
    assert_repaired(fixture);
}

/* They are nobody's but the user's: named, and left alone. */
static void policies_are_looked_at_and_kept(void **state)
{
    struct fixture *fixture = *state;
    struct retained row = {.number = 3, .policy = {.max_count = 5}};
    uint8_t key[POLICY_KEY_BYTES], value[RETAINED_BYTES + ERASED_BYTES];

    put(fixture, FAMILY_POLICIES, policy_key(key, 3), retained_encode(value, &row));
    assert_repaired(fixture);
    assert_non_null(entry_of(fixture, FAMILY_POLICIES, "s", 0));
    put(fixture, FAMILY_POLICIES, policy_key(key, 52), retained_encode(value, &row));
    assert_told(fixture, 1, "policies: stream 52: not in the log\n");
    put(fixture, FAMILY_POLICIES, policy_key(key, 52), bytes_of_text("?"));
    assert_told(fixture, 2, "policies: a damaged entry\n");
}

static void no_more_is_told_than_asked_for(void **state)
{
    struct fixture *fixture = *state;

    for (size_t i = 0; i < 5; i++)
        delete (fixture, FAMILY_STREAMS, entry_of(fixture, FAMILY_STREAMS, "", 7)->key_bytes);
    fixture->told_max = 2;
    verify(fixture);
    assert_int_equal(fixture->facts.disagreements, 5);
    char *second = strchr(fixture->told, '\n') + 1;
    assert_string_equal(strchr(second, '\n'), "\n");
}

/* --- the log itself ----------------------------------------------------------------------------
 */

static struct entry *record_at(struct fixture *fixture, uint64_t nth)
{
    return entry_of(fixture, FAMILY_LOG, "", nth);
}

static void a_damaged_record_is_named_and_stops_a_rebuild(void **state)
{
    struct fixture *fixture = *state;
    struct entry *entry = record_at(fixture, 12);

    entry->value[200] ^= 1;
    put(fixture, FAMILY_LOG, entry->key_bytes, entry->value_bytes);
    assert_told(fixture, 1, "log: record at position 120: damaged\n");
    assert_fails(rebuild(fixture), DATA_LOSS, "the log itself is damaged");
    assert_string_equal(fixture->told, "log: record at position 120: damaged\n");
}

static void a_missing_record_is_named(void **state)
{
    struct fixture *fixture = *state;

    delete (fixture, FAMILY_LOG, record_at(fixture, 12)->key_bytes);
    assert_told(fixture, 1, "log: positions 120 to 129 are missing\n");
    assert_fails(rebuild(fixture), DATA_LOSS, "the log itself is damaged");
}

/* With a checksum that is right: what only a look at the whole log can tell. */
static void put_sealed(struct fixture *fixture, struct entry *entry)
{
    put_u64_little_endian(entry->value, checksum_bytes((struct bytes){
                                            entry->value + 8, entry->value_bytes.size - 8}));
    put(fixture, FAMILY_LOG, entry->key_bytes, entry->value_bytes);
}

static void a_record_that_contradicts_its_events_is_named(void **state)
{
    struct fixture *fixture = *state;
    struct entry *entry = record_at(fixture, 250);

    entry->value[RECORD_HEADER_BYTES + 8]++; /* the first revision */
    put_sealed(fixture, entry);
    assert_told(fixture, 1, "log: record at position 2500: its events are damaged\n");
}

static void a_stream_that_changes_its_number_is_named(void **state)
{
    struct fixture *fixture = *state;
    struct entry *entry = record_at(fixture, 299);

    entry->value[RECORD_HEADER_BYTES]--; /* the first span's stream number */
    put_sealed(fixture, entry);
    verify(fixture);
    assert_non_null(strstr(fixture->told, "log: record at position 2990: stream "));
    fixture->streams_max = 3; /* told by the walk that follows the stream */
    verify(fixture);
    assert_non_null(strstr(fixture->told, "log: record at position 2990: stream "));
    assert_fails(rebuild(fixture), DATA_LOSS, "the log itself is damaged");
}

/* --- half a rebuild
 * ------------------------------------------------------------------------------- */

/* Stopped at each of its commits in turn. */
static void a_rebuild_that_stopped_anywhere_is_repeated(void **state)
{
    struct fixture *fixture = *state;
    bool finished = false;

    for (uint64_t nth = 1; !finished; nth++) {
        struct engine *faulty = fault_engine_open(fixture->engine);
        fault_engine_fail_commit(faulty, nth, nth % 2 ? FAULT_BEFORE : FAULT_AFTER);
        struct maintenance given = maintenance(fixture, faulty);
        finished = status_ok(store_rebuild(&given, &fixture->facts));
        engine_close(faulty);
        if (!finished && nth == 4) { /* in the middle */
            struct event_log *log;
            assert_fails(
                event_log_open(&(struct event_log_options){.engine = fixture->engine}, &log),
                FAILED_PRECONDITION, "run `sagabase rebuild` again");
            verify(fixture);
            assert_non_null(
                strstr(fixture->told, "meta: a rebuild was begun and did not finish\n"));
        }
        assert_true(nth < 1000);
        if (nth % 3 == 0)
            assert_repaired(fixture);
    }
    assert_repaired(fixture);
}

static void a_newer_format_is_refused(void **state)
{
    struct fixture *fixture = *state;
    static const uint8_t format[] = {99, 0, 0, 0};
    struct maintenance given = maintenance(fixture, fixture->engine);

    put(fixture, FAMILY_META, bytes_of_text(FORMAT_KEY), bytes_of(format, sizeof format));
    assert_fails(store_verify(&given, &fixture->facts), FAILED_PRECONDITION, "newer version");
    assert_fails(rebuild(fixture), FAILED_PRECONDITION, "newer version");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_store, close_store)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_whole_store_has_no_disagreements),
        cmocka_unit_test(an_empty_store_is_whole),
        TEST(streams_are_followed_in_several_walks),
        TEST(a_missing_place_is_named_and_repaired),
        TEST(an_altered_place_is_named_and_repaired),
        TEST(an_extra_place_is_named_and_repaired),
        TEST(names_are_named_and_repaired),
        TEST(types_are_named_and_repaired),
        TEST(tags_are_named_and_repaired),
        TEST(category_names_are_named_and_repaired),
        TEST(blocks_are_named_and_repaired),
        TEST(blocks_behind_the_checkpoint_and_odd_entries_are_named),
        TEST(a_posting_that_stands_twice_is_told),
        TEST(counters_are_named_and_repaired),
        TEST(policies_are_looked_at_and_kept),
        TEST(no_more_is_told_than_asked_for),
        TEST(a_damaged_record_is_named_and_stops_a_rebuild),
        TEST(a_missing_record_is_named),
        TEST(a_record_that_contradicts_its_events_is_named),
        TEST(a_stream_that_changes_its_number_is_named),
        TEST(a_rebuild_that_stopped_anywhere_is_repeated),
        TEST(a_newer_format_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
