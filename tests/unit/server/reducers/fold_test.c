/* Reducers of either kind, fold by fold. Goal: the state is what the rules say, a state that was
 * put away goes on as if it had not been, and a bad reducer is refused by name. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/reducers/fold.h"
#include "server/reducers/limits.h"
#include "tests/support/log_fixture.h"

static struct status fold_one(struct fold *fold, const char *type, const char *data)
{
    Sagabase__V1__RecordedEvent event = SAGABASE__V1__RECORDED_EVENT__INIT;

    event.id = "00000000-0000-4000-8000-000000000001";
    event.type = (char *)type;
    event.stream = "order-1";
    event.content_type = "application/json";
    event.data.data = (uint8_t *)data;
    event.data.len = strlen(data);
    return fold_event(fold, &event);
}

static void expect_state(struct fold *fold, const char *expected)
{
    struct buffer state;

    buffer_init(&state, 1 << 20);
    assert_ok(fold_state(fold, &state));
    buffer_put_byte(&state, '\0');
    assert_string_equal((char *)state.data, expected);
    buffer_destroy(&state);
}

/* --- merge patches ----------------------------------------------------------------------- */

struct rules {
    Sagabase__V1__Reducer reducer;
    Sagabase__V1__MergePatchReducer merge_patch;
    Sagabase__V1__MergePatchRule rules[3];
    Sagabase__V1__MergePatchRule *places[3];
    char *at[2];
};

static void init_rules(struct rules *self)
{
    static const char *const types[] = {"Placed", "Paid", "Shipped"};

    *self = (struct rules){.reducer = SAGABASE__V1__REDUCER__INIT,
                           .merge_patch = SAGABASE__V1__MERGE_PATCH_REDUCER__INIT,
                           .at = {"payment", "card"}};
    for (size_t i = 0; i < 3; i++) {
        self->rules[i] = (Sagabase__V1__MergePatchRule)SAGABASE__V1__MERGE_PATCH_RULE__INIT;
        self->rules[i].event_type = (char *)types[i];
        self->places[i] = &self->rules[i];
    }
    self->rules[1].at = self->at;
    self->rules[1].n_at = 2;
    self->rules[2].patch = "{\"status\":\"shipped\",\"payment\":null}";
    self->merge_patch.rules = self->places;
    self->merge_patch.n_rules = 3;
    self->reducer.category = "order";
    self->reducer.kind_case = SAGABASE__V1__REDUCER__KIND_MERGE_PATCH;
    self->reducer.merge_patch = &self->merge_patch;
}

static void rules_patch_the_state(void **state)
{
    struct rules rules;
    struct fold *fold;

    (void)state;
    init_rules(&rules);
    assert_ok(fold_create(&rules.reducer, &fold));
    assert_ok(fold_begin(fold, (struct bytes){0}));
    expect_state(fold, "{}");
    assert_ok(fold_one(fold, "Placed", "{\"total\":9007199254740993,\"note\":null}"));
    assert_ok(fold_one(fold, "Looked", "not even JSON"));
    assert_ok(fold_one(fold, "Paid", "{\"number\":42}"));
    assert_ok(fold_one(fold, "Paid", "{\"by\":\"Ada\"}"));
    expect_state(fold, "{\"payment\":{\"card\":{\"by\":\"Ada\",\"number\":42}},"
                       "\"total\":9007199254740993}");
    assert_ok(fold_one(fold, "Shipped", ""));
    expect_state(fold, "{\"status\":\"shipped\",\"total\":9007199254740993}");
    fold_free(fold);
}

static void a_state_goes_on_where_it_was_put_away(void **state)
{
    struct rules rules;
    struct fold *fold;

    (void)state;
    init_rules(&rules);
    assert_ok(fold_create(&rules.reducer, &fold));
    assert_ok(fold_begin(fold, bytes_of_text("{\"payment\":[1]}")));
    assert_ok(fold_one(fold, "Paid", "{\"number\":42}"));
    expect_state(fold, "{\"payment\":{\"card\":{\"number\":42}}}");
    fold_free(fold);
}

static void data_that_is_no_patch_fails_the_reducer(void **state)
{
    struct rules rules;
    struct fold *fold;

    (void)state;
    init_rules(&rules);
    assert_ok(fold_create(&rules.reducer, &fold));
    assert_ok(fold_begin(fold, (struct bytes){0}));
    assert_fails(fold_one(fold, "Placed", "oops"), FAILED_PRECONDITION, "data: not JSON");
    assert_non_null(strstr(fold_error(fold), "data: not JSON"));
    assert_fails(fold_one(fold, "Placed", "[1]"), FAILED_PRECONDITION, "data: an object");
    fold_free(fold);
}

static void a_state_that_grows_without_end_is_refused(void **state)
{
    enum { EVENTS = 400, BYTES = 8000 };
    struct rules rules;
    struct fold *fold;
    struct status status = OK;
    char *data = malloc(BYTES + 32);

    (void)state;
    init_rules(&rules);
    assert_ok(fold_create(&rules.reducer, &fold));
    assert_ok(fold_begin(fold, (struct bytes){0}));
    for (int i = 0; status_ok(status) && i < EVENTS; i++) {
        int size = snprintf(data, BYTES, "{\"%d\":\"", i);
        memset(data + size, 'x', BYTES);
        memcpy(data + size + BYTES, "\"}", 3);
        status = fold_one(fold, "Placed", data);
    }
    assert_fails(status, FAILED_PRECONDITION, "the state: JSON of more than 1048576 bytes");
    free(data);
    fold_free(fold);
}

static void expect_refused(const struct rules *rules, const char *part)
{
    struct fold *fold;

    assert_fails(fold_create(&rules->reducer, &fold), INVALID_ARGUMENT, part);
}

static void bad_rules_are_refused_by_name(void **state)
{
    struct rules rules;

    (void)state;
    init_rules(&rules);
    rules.merge_patch.n_rules = 0;
    expect_refused(&rules, "rules: 1 to 256");
    init_rules(&rules);
    rules.rules[1].event_type = "";
    expect_refused(&rules, "rules[1].event_type: 1 to 256 bytes");
    init_rules(&rules);
    rules.rules[1].event_type = "Placed";
    expect_refused(&rules, "rules[1].event_type: rules[0] has it, too");
    init_rules(&rules);
    rules.rules[2].patch = "{";
    expect_refused(&rules, "rules[2].patch: not JSON");
    init_rules(&rules);
    rules.rules[2].patch = "17";
    expect_refused(&rules, "rules[2].patch: an object");
    init_rules(&rules);
    rules.reducer.kind_case = SAGABASE__V1__REDUCER__KIND__NOT_SET;
    expect_refused(&rules, "kind: merge_patch or lua");
}

/* --- Lua --------------------------------------------------------------------------------- */

static void a_script_folds_as_rules_do(void **state)
{
    Sagabase__V1__Reducer reducer = SAGABASE__V1__REDUCER__INIT;
    Sagabase__V1__LuaReducer lua = SAGABASE__V1__LUA_REDUCER__INIT;
    struct fold *fold;

    (void)state;
    lua.source = "return function(s, e) s = s or {n = 0}; s.n = s.n + e.data.by; return s end";
    reducer.kind_case = SAGABASE__V1__REDUCER__KIND_LUA;
    reducer.lua = &lua;
    assert_ok(fold_create(&reducer, &fold));
    assert_ok(fold_begin(fold, (struct bytes){0}));
    assert_ok(fold_one(fold, "Added", "{\"by\":2}"));
    assert_ok(fold_one(fold, "Added", "{\"by\":40}"));
    expect_state(fold, "{\"n\":42}");
    assert_ok(fold_begin(fold, bytes_of_text("{\"n\":7}")));
    assert_ok(fold_one(fold, "Added", "{\"by\":1}"));
    expect_state(fold, "{\"n\":8}");
    fold_free(fold);
    lua.source = "return function(s, e)\n  s.n = = 1 end";
    assert_fails(fold_create(&reducer, &fold), INVALID_ARGUMENT, "lua.source: reducer:2:");
    lua.source = "";
    assert_fails(fold_create(&reducer, &fold), INVALID_ARGUMENT, "lua.source: 1 to 65536 bytes");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rules_patch_the_state),
        cmocka_unit_test(a_state_goes_on_where_it_was_put_away),
        cmocka_unit_test(data_that_is_no_patch_fails_the_reducer),
        cmocka_unit_test(a_state_that_grows_without_end_is_refused),
        cmocka_unit_test(bad_rules_are_refused_by_name),
        cmocka_unit_test(a_script_folds_as_rules_do),
    };

    return cmocka_run_group_tests_name("fold", tests, NULL, NULL);
}
