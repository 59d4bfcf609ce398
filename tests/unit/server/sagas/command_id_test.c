/* Ids of commands and of a saga's events. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "server/sagas/command_id.h"
#include "server/sagas/limits.h"

static const struct command_secret secret = {{1, 2, 3}}, other = {{1, 2, 4}};

static void an_id_tells_its_command(void **state)
{
    static const struct command_name names[] = {
        {1, 0, false},
        {1, 0, true},
        {(UINT64_C(1) << 48) - 1, SAGA_ACTIVITIES_MAX - 1, true},
        {0x123456789abc, 127, false},
        {0x123456789abc, 128, true},
    };

    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        struct command_name name;
        struct uuid id = command_id(&secret, names[i]);
        assert_true(command_id_read(&secret, &id, &name));
        assert_int_equal(name.saga, names[i].saga);
        assert_int_equal(name.activity, names[i].activity);
        assert_int_equal(name.compensation, names[i].compensation);
        assert_int_equal(id.bytes[6] >> 4, 8); /* RFC 9562: version 8, variant 10 */
        assert_int_equal(id.bytes[8] >> 6, 2);
    }
}

static void an_id_of_somebody_else_is_none(void **state)
{
    struct command_name name;
    struct uuid id = command_id(&other, (struct command_name){1, 0, false});

    (void)state;
    assert_false(command_id_read(&secret, &id, &name));
    for (unsigned i = 0; i < 1000; i++) {
        struct uuid made_up = uuid_random();
        assert_false(command_id_read(&secret, &made_up, &name));
    }
    struct uuid event = saga_event_id(&secret, 1, 0);
    assert_false(command_id_read(&secret, &event, &name));
}

static void a_changed_id_is_none(void **state)
{
    struct uuid id = command_id(&secret, (struct command_name){77, 3, true});
    struct command_name name;

    (void)state;
    for (unsigned bit = 0; bit < 8 * UUID_BYTES; bit++) {
        id.bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
        assert_false(command_id_read(&secret, &id, &name));
        id.bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
}

static void events_have_ids_of_their_own(void **state)
{
    struct command_name name = {5, 1, false}, undo = {5, 1, true};
    struct uuid command = command_id(&secret, name), ids[6];

    (void)state;
    ids[0] = command_event_id(&secret, name, 1);
    assert_memory_equal(ids[0].bytes, command.bytes, UUID_BYTES);
    ids[1] = command_event_id(&secret, name, 2);
    ids[2] = command_event_id(&secret, name, 3);
    ids[3] = command_event_id(&secret, undo, 2);
    ids[4] = saga_event_id(&secret, 5, 2);
    ids[5] = saga_event_id(&secret, 5, 3);
    for (unsigned i = 0; i < 6; i++)
        for (unsigned j = 0; j < i; j++)
            assert_memory_not_equal(ids[i].bytes, ids[j].bytes, UUID_BYTES);
    struct uuid again = saga_event_id(&secret, 5, 3);
    assert_memory_equal(again.bytes, ids[5].bytes, UUID_BYTES);
}

static void spans_have_ids_of_their_own(void **state)
{
    struct command_name name = {5, 1, false}, undo = {5, 1, true};
    uint8_t ids[5][SPAN_ID_BYTES], again[SPAN_ID_BYTES];

    (void)state;
    saga_span_id(&secret, 5, ids[0]);
    saga_span_id(&secret, 6, ids[1]);
    attempt_span_id(&secret, name, 1, ids[2]);
    attempt_span_id(&secret, name, 2, ids[3]);
    attempt_span_id(&secret, undo, 1, ids[4]);
    for (unsigned i = 0; i < 5; i++)
        for (unsigned j = 0; j < i; j++)
            assert_memory_not_equal(ids[i], ids[j], SPAN_ID_BYTES);
    attempt_span_id(&secret, undo, 1, again);
    assert_memory_equal(again, ids[4], SPAN_ID_BYTES);
    saga_span_id(&other, 5, again);
    assert_memory_not_equal(again, ids[0], SPAN_ID_BYTES);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_id_tells_its_command),
        cmocka_unit_test(an_id_of_somebody_else_is_none),
        cmocka_unit_test(a_changed_id_is_none),
        cmocka_unit_test(events_have_ids_of_their_own),
        cmocka_unit_test(spans_have_ids_of_their_own),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
