/* Admin.Checkpoint on RocksDB. Goal: a copy made beside appends opens cleanly, verifies, and
 * holds a prefix of the log with everything acknowledged before the call. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sagabase/v1/admin.pb-c.h"
#include "server/maintain.h"
#include "storage/log/read.h"
#include "storage/rocksdb/rocksdb_engine.h"
#include "tests/integration/services/expect.h"
#include "tests/support/log_fixture.h"

enum { PATH_BYTES = 256, CHECKPOINTS = 8, TOLD_BYTES = 4096 };

struct fixture {
    char folder[PATH_BYTES], data[PATH_BYTES + 16], checkpoints[PATH_BYTES + 16];
    struct test_server *server;
    char told[TOLD_BYTES];

    pthread_t appender;
    atomic_bool stopping;
    _Atomic(uint64_t) acknowledged; /* events */
};

static struct status open_engine(const char *directory, struct engine **engine)
{
    struct rocksdb_engine_options options = {.directory = directory,
                                             .block_cache_bytes = 8 << 20,
                                             .write_buffer_bytes = 8 << 20,
                                             .create_if_missing = true};
    return rocksdb_engine_open(&options, engine);
}

static int set_up(void **state)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);
    const char *parent = getenv("TEST_TMPDIR");
    struct engine *engine;

    snprintf(fixture->folder, sizeof fixture->folder, "%.200s/checkpoint.XXXXXX",
             parent ? parent : "/tmp");
    if (!mkdtemp(fixture->folder))
        return -1;
    snprintf(fixture->data, sizeof fixture->data, "%s/data", fixture->folder);
    snprintf(fixture->checkpoints, sizeof fixture->checkpoints, "%s/checkpoints", fixture->folder);
    assert_ok(open_engine(fixture->data, &engine));
    fixture->server = test_server_start_copying(engine, fixture->checkpoints);
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;

    if (fixture->server)
        test_server_stop(fixture->server);
    free(fixture);
    return 0;
}

static struct status checkpoint(struct fixture *fixture, const char *name,
                                Sagabase__V1__CheckpointResponse **response)
{
    Sagabase__V1__CheckpointRequest request = SAGABASE__V1__CHECKPOINT_REQUEST__INIT;

    request.name = (char *)name;
    return rpc_client_ask(fixture->server->client, "/sagabase.v1.Admin/Checkpoint", &request.base,
                          &sagabase__v1__checkpoint_response__descriptor, response);
}

static void tell(void *context, const char *line)
{
    struct fixture *fixture = context;
    size_t used = strlen(fixture->told);

    snprintf(fixture->told + used, sizeof fixture->told - used, "%s\n", line);
}

static struct store_facts verify(struct fixture *fixture, const char *directory)
{
    struct maintenance maintenance = {.tell = tell, .told_max = 10, .context = fixture};
    struct store_facts facts = {0};

    fixture->told[0] = 0;
    assert_ok(maintain_verify(directory, maintenance, &facts));
    assert_string_equal(fixture->told, "");
    assert_int_equal(facts.disagreements, 0);
    return facts;
}

/* Append after append, each acknowledged before the next. */
static void *append_on(void *argument)
{
    struct fixture *fixture = argument;
    char stream[32];

    for (uint64_t i = 0; !atomic_load(&fixture->stopping); i++) {
        snprintf(stream, sizeof stream, "order-%llu", (unsigned long long)(i % 100));
        if (!status_ok(append_some(fixture->server->log, stream, ANY, 3, NULL)))
            abort();
        atomic_fetch_add(&fixture->acknowledged, 3);
    }
    return NULL;
}

static void checkpoint_beside_appends_holds_all_that_was_acknowledged(void **state)
{
    struct fixture *fixture = *state;
    uint64_t acknowledged[CHECKPOINTS];
    char name[16], directory[PATH_BYTES + 48];

    assert_int_equal(pthread_create(&fixture->appender, NULL, append_on, fixture), 0);
    for (int i = 0; i < CHECKPOINTS; i++) {
        acknowledged[i] = atomic_load(&fixture->acknowledged);
        snprintf(name, sizeof name, "cp-%d", i);
        assert_ok(checkpoint(fixture, name, NULL));
    }
    atomic_store(&fixture->stopping, true);
    pthread_join(fixture->appender, NULL);
    uint64_t end = event_log_end(fixture->server->log);
    for (int i = 0; i < CHECKPOINTS; i++) {
        snprintf(directory, sizeof directory, "%s/cp-%d", fixture->checkpoints, i);
        struct store_facts facts = verify(fixture, directory);
        assert_true(facts.events >= acknowledged[i] && facts.events <= end);
        assert_int_equal(facts.events % 3, 0);
    }
}

/* The first frames of a store. */
static struct bytes first_page(struct event_log *log, struct page *page)
{
    struct read read = {.events_max = 100, .bytes_max = 1 << 18};

    assert_ok(event_log_read_all(log, &read, page));
    return buffer_bytes(&page->frames);
}

static void restored_checkpoint_serves_the_same_events_and_goes_on(void **state)
{
    struct fixture *fixture = *state;
    struct maintenance maintenance = {.tell = tell, .told_max = 10, .context = fixture};
    Sagabase__V1__CheckpointResponse *response = NULL;
    char restored[PATH_BYTES + 16];
    struct store_facts facts;
    struct page before, after;
    struct engine *engine;

    assert_ok(append_some(fixture->server->log, "order-1", ANY, 50, NULL));
    assert_ok(checkpoint(fixture, "one", &response));
    assert_ok(append_some(fixture->server->log, "order-1", ANY, 50, NULL));
    snprintf(restored, sizeof restored, "%s/restored", fixture->folder);
    assert_ok(maintain_restore(response->directory, restored, maintenance, &facts));
    assert_int_equal(facts.events, 50);
    assert_fails(maintain_restore(response->directory, restored, maintenance, &facts),
                 FAILED_PRECONDITION, "exists and is not empty");
    assert_fails(maintain_restore(response->directory, fixture->data, maintenance, &facts),
                 FAILED_PRECONDITION, "exists and is not empty");

    assert_ok(open_engine(restored, &engine));
    struct event_log *log = open_log(engine);
    struct bytes old = first_page(fixture->server->log, &before);
    struct bytes new = first_page(log, &after);
    assert_true(old.size > new.size &&memcmp(old.data, new.data, new.size) == 0);
    buffer_destroy(&before.frames);
    buffer_destroy(&after.frames);
    assert_ok(append_some(log, "order-1", REVISION(49), 5, NULL));
    event_log_close(log);
    engine_close(engine);
    assert_int_equal(verify(fixture, restored).events, 55);
    assert_int_equal(verify(fixture, response->directory).events, 50); /* as it was */
    forget(response);
}

static void damaged_checkpoint_is_not_restored(void **state)
{
    struct fixture *fixture = *state;
    struct maintenance maintenance = {.tell = tell, .told_max = 10, .context = fixture};
    static const char *const key = "ghost";
    struct write write = {FAMILY_NAMES, WRITE_PUT, bytes_of_text(key), bytes_of_text("")};
    char directory[PATH_BYTES + 32], restored[PATH_BYTES + 16];
    struct store_facts facts;
    struct engine *engine;

    assert_ok(append_some(fixture->server->log, "order-1", ANY, 5, NULL));
    assert_ok(checkpoint(fixture, "one", NULL));
    snprintf(directory, sizeof directory, "%s/one", fixture->checkpoints);
    snprintf(restored, sizeof restored, "%s/restored", fixture->folder);
    assert_ok(open_engine(directory, &engine));
    assert_ok(engine_commit(engine, &write, 1, true));
    engine_close(engine);
    assert_fails(maintain_restore(directory, restored, maintenance, &facts), DATA_LOSS,
                 "the checkpoint is damaged");
    assert_string_equal(fixture->told, "names: \"ghost\": not in the log\n");
    assert_int_equal(access(restored, F_OK), -1);

    assert_ok(maintain_rebuild(directory, maintenance, &facts));
    assert_ok(maintain_restore(directory, restored, maintenance, &facts));
    assert_int_equal(verify(fixture, restored).events, 5);
}

static void names_that_lead_elsewhere_are_refused(void **state)
{
    static const char *const names[] = {"",       ".",  "..",  "../x",    "a/b",
                                        "/tmp/x", ".x", "a b", "\xc3\xa4"};
    struct fixture *fixture = *state;
    char name[130];

    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        assert_fails(checkpoint(fixture, names[i], NULL), INVALID_ARGUMENT, "name: 1 to 128 bytes");
    memset(name, 'x', sizeof name - 1);
    name[129] = 0;
    assert_fails(checkpoint(fixture, name, NULL), INVALID_ARGUMENT, "name: 1 to 128 bytes");
    name[128] = 0;
    assert_ok(checkpoint(fixture, name, NULL));
    assert_fails(checkpoint(fixture, name, NULL), FAILED_PRECONDITION, "exists and is not empty");
}

static void without_a_directory_there_are_no_checkpoints(void **state)
{
    struct fixture fixture = {.server = test_server_start(NULL, 0)};

    (void)state;
    assert_fails(checkpoint(&fixture, "one", NULL), FAILED_PRECONDITION,
                 "started without --checkpoint-directory");
    test_server_stop(fixture.server);
}

static void what_a_killed_checkpoint_left_is_removed(void **state)
{
    struct fixture *fixture = *state;
    char left[PATH_BYTES + 64];

    assert_ok(checkpoint(fixture, "one", NULL));
    snprintf(left, sizeof left, "%s/.two.partial", fixture->checkpoints);
    assert_int_equal(mkdir(left, 0700), 0);
    strncat(left, "/CURRENT", sizeof left - strlen(left) - 1);
    FILE *file = fopen(left, "w");
    assert_non_null(file);
    fclose(file);
    assert_ok(checkpoint(fixture, "two", NULL));
    assert_int_equal(access(left, F_OK), -1);
}

static void memory_engine_has_no_checkpoints(void **state)
{
    struct fixture fixture = {.server = test_server_start_copying(NULL, "/nowhere")};

    (void)state;
    assert_fails(checkpoint(&fixture, "one", NULL), UNIMPLEMENTED, "in memory only");
    test_server_stop(fixture.server);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(checkpoint_beside_appends_holds_all_that_was_acknowledged),
        TEST(restored_checkpoint_serves_the_same_events_and_goes_on),
        TEST(damaged_checkpoint_is_not_restored),
        TEST(names_that_lead_elsewhere_are_refused),
        cmocka_unit_test(without_a_directory_there_are_no_checkpoints),
        TEST(what_a_killed_checkpoint_left_is_removed),
        cmocka_unit_test(memory_engine_has_no_checkpoints),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
