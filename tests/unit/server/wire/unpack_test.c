/* Messages of others. Goal: nothing stays of them that their type does not know, and no more memory
 * is taken than the arena may have. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "sagabase/v1/saga_definition.pb-c.h"
#include "sagabase/v1/sagas.pb-c.h"
#include "server/wire/unpack.h"

#define BYTES(text) bytes_of((const uint8_t *)(text), sizeof(text) - 1)

/* Fields no Signal has: a number, a text, and number 0 in the form that the library takes. */
#define UNKNOWN                                                                                    \
    "\xf8\x06\x01\xfa\x06\x03"                                                                     \
    "abc"
#define NUMBER_0 "\x80\x00\x07"

static ProtobufCMessage *unpack(struct arena *arena, const ProtobufCMessageDescriptor *type,
                                struct bytes packed)
{
    arena_init(arena, 1 << 20);
    return unpack_within(type, packed, arena, NULL);
}

static void what_a_type_does_not_know_is_left_out_at_any_depth(void **state)
{
    /* name, payload { content_type, ... }, attributes { name, ... } twice, ... */
    struct bytes packed = BYTES(NUMBER_0 "\x0a\x01n"
                                         "\x22\x0c\x12\x01t" UNKNOWN "\x2a\x0c\x0a\x01"
                                         "a" UNKNOWN "\x2a\x03\x0a\x01"
                                         "b" UNKNOWN);
    struct bytes known = BYTES("\x0a\x01n"
                               "\x22\x03\x12\x01t"
                               "\x2a\x03\x0a\x01"
                               "a"
                               "\x2a\x03\x0a\x01"
                               "b");
    uint8_t again[64];
    struct arena arena;

    (void)state;
    ProtobufCMessage *message = unpack(&arena, &sagabase__v1__signal__descriptor, packed);
    assert_non_null(message);
    assert_int_equal(protobuf_c_message_get_packed_size(message), known.size);
    protobuf_c_message_pack(message, again);
    assert_memory_equal(again, known.data, known.size);
    arena_destroy(&arena);
}

static void of_a_choice_only_the_one_that_is_there_is_looked_into(void **state)
{
    /* name, step { ... } */
    struct bytes packed = BYTES("\x0a\x01n"
                                "\x12\x09" UNKNOWN);
    struct arena arena;

    (void)state;
    ProtobufCMessage *message = unpack(&arena, &sagabase__v1__node__descriptor, packed);
    const Sagabase__V1__Node *node = (const Sagabase__V1__Node *)message;
    assert_non_null(message);
    assert_int_equal(node->kind_case, SAGABASE__V1__NODE__KIND_STEP);
    assert_int_equal(node->step->base.n_unknown_fields, 0);
    arena_destroy(&arena);
}

static void a_full_arena_is_told_from_malformed_bytes(void **state)
{
    struct bytes packed = BYTES("\x0a\x01n");
    struct arena arena;
    bool is_full;

    (void)state;
    arena_init(&arena, 16);
    assert_null(unpack_within(&sagabase__v1__signal__descriptor, packed, &arena, &is_full));
    assert_true(is_full);
    arena_destroy(&arena);
    arena_init(&arena, 1 << 20);
    assert_null(unpack_within(&sagabase__v1__signal__descriptor, bytes_of(packed.data, 2), &arena,
                              &is_full));
    assert_false(is_full);
    arena_destroy(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_a_type_does_not_know_is_left_out_at_any_depth),
        cmocka_unit_test(of_a_choice_only_the_one_that_is_there_is_looked_into),
        cmocka_unit_test(a_full_arena_is_told_from_malformed_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
