/* What is registered: it outlives a restart, and whoever watches it is told when it holds, and
 * never after having left. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/reducers/reducers.h"
#include "server/reducers/registry.h"
#include "storage/keys/key_store.h"
#include "tests/support/log_fixture.h"
#include "tests/support/store.h"

struct fixture {
    struct store store;
    struct key_store *keys;
    struct event_log *log;
    struct registry *registry;
    struct registry_watcher watcher;
    unsigned told;   /* changes */
    bool is_there;   /* at the newest of them */
    bool is_running; /* and not disabled */
};

/* @thread writer */
static void on_told(struct registry_watcher *watcher, struct bytes name)
{
    struct fixture *fixture = container_of(watcher, struct fixture, watcher);
    struct registration *found = registry_find(fixture->registry, name);

    assert_true(bytes_equal(name, bytes_of_text("order")));
    fixture->told++;
    fixture->is_there = found != NULL;
    fixture->is_running = found && !found->disabled;
    if (found)
        registration_release(found);
}

static void open(struct fixture *fixture)
{
    const char *parent = getenv("TEST_TMPDIR");
    char directory[256];

    *fixture = (struct fixture){.watcher.changed = on_told};
    store_open(&fixture->store, "memory");
    snprintf(directory, sizeof directory, "%.200s/registry.XXXXXX", parent ? parent : "/tmp");
    assert_non_null(mkdtemp(directory));
    assert_ok(key_store_open(&(struct key_store_options){.directory = directory}, &fixture->keys));
    assert_ok(event_log_open(
        &(struct event_log_options){.engine = fixture->store.engine, .keys = fixture->keys},
        &fixture->log));
    assert_ok(registry_open(REGISTRY_REDUCERS, fixture->log, &fixture->registry));
    registry_watch(fixture->registry, &fixture->watcher);
}

static void close(struct fixture *fixture)
{
    registry_close(fixture->registry);
    event_log_close(fixture->log);
    key_store_close(fixture->keys);
    store_close(&fixture->store);
}

/* --- changes that are waited for ------------------------------------------------------------- */

static sem_t ended;

static void on_done(struct registry_change *change)
{
    (void)change;
    sem_post(&ended);
}

enum act { PUT, DISABLE, DELETE };

static struct status submit(struct fixture *fixture, enum act act, struct registry_change *change,
                            struct arena *arena)
{
    Sagabase__V1__Reducer reducer = SAGABASE__V1__REDUCER__INIT;
    Sagabase__V1__Disabled disabled = SAGABASE__V1__DISABLED__INIT;

    if (act == DELETE)
        return registry_delete(fixture->registry, bytes_of_text("order"), change, arena);
    if (act == PUT) {
        reducer.category = "order";
        return registry_put_reducer(fixture->registry, &reducer, change, arena);
    }
    struct registration *found = registry_find(fixture->registry, bytes_of_text("order"));
    assert_non_null(found);
    struct status status = registry_disable(fixture->registry, found, &disabled, change, arena);
    registration_release(found);
    return status;
}

static void change(struct fixture *fixture, enum act act)
{
    struct registry_change change = {.done = on_done};
    struct arena arena;

    sem_init(&ended, 0, 0);
    arena_init(&arena, 1 << 20);
    assert_ok(submit(fixture, act, &change, &arena));
    while (sem_wait(&ended) != 0)
        continue;
    assert_ok(registry_change_settle(&change, &arena));
    arena_destroy(&arena);
    sem_destroy(&ended);
}

/* --- tests ----------------------------------------------------------------------------------- */

static void a_watcher_is_told_when_a_change_holds_and_before_its_caller(void **state)
{
    struct fixture fixture;

    (void)state;
    open(&fixture);
    change(&fixture, PUT);
    assert_true(fixture.told == 1 && fixture.is_there && fixture.is_running);
    change(&fixture, DISABLE);
    assert_true(fixture.told == 2 && fixture.is_there && !fixture.is_running);
    change(&fixture, DELETE);
    assert_true(fixture.told == 3 && !fixture.is_there);
    change(&fixture, DELETE); /* of what is not there: nothing changes */
    assert_int_equal(fixture.told, 3);
    registry_watch(fixture.registry, NULL);
    close(&fixture);
}

/* Whatever is on its way to the writer then. */
static void a_watcher_that_has_left_is_not_told(void **state)
{
    enum { CHANGES = 100 };
    struct registry_change changes[CHANGES];
    struct fixture fixture;
    struct arena arena;

    (void)state;
    open(&fixture);
    sem_init(&ended, 0, 0);
    arena_init(&arena, 16 << 20);
    for (int i = 0; i < CHANGES; i++) {
        changes[i].done = on_done;
        assert_ok(submit(&fixture, i % 2 ? DELETE : PUT, &changes[i], &arena));
    }
    registry_watch(fixture.registry, NULL);
    unsigned told = fixture.told; /* without a lock: nobody writes it any more */
    for (int i = 0; i < CHANGES; i++) {
        while (sem_wait(&ended) != 0)
            continue;
    }
    assert_int_equal(fixture.told, told);
    for (int i = 0; i < CHANGES; i++)
        assert_ok(registry_change_settle(&changes[i], &arena));
    arena_destroy(&arena);
    sem_destroy(&ended);
    close(&fixture);
}

/* By whoever encrypts each category that there is. */
static void what_is_registered_is_read_again_where_it_is_encrypted(void **state)
{
    struct stream_change policy = {
        .kind = CHANGE_CATEGORY_POLICY, .name = bytes_of_text("$reducer"), .policy.encrypt = true};
    struct fixture fixture;

    (void)state;
    open(&fixture);
    assert_ok(change_stream(fixture.log, policy));
    change(&fixture, PUT);
    registry_close(fixture.registry);
    assert_ok(registry_open(REGISTRY_REDUCERS, fixture.log, &fixture.registry));
    struct registration *found = registry_find(fixture.registry, bytes_of_text("order"));
    assert_non_null(found);
    registration_release(found);
    close(&fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_watcher_is_told_when_a_change_holds_and_before_its_caller),
        cmocka_unit_test(a_watcher_that_has_left_is_not_told),
        cmocka_unit_test(what_is_registered_is_read_again_where_it_is_encrypted),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
