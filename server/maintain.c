#include "server/maintain.h"

#include "base/log.h"
#include "server/sagas/saga_rebuild.h"
#include "storage/rocksdb/rocksdb_engine.h"
#include "storage/rocksdb/store_copy.h"

enum { CACHE_BYTES = 64 << 20, WRITE_BUFFER_BYTES = 64 << 20 };

static struct status open_store(const char *directory, bool read_only, struct engine **engine)
{
    struct rocksdb_engine_options options = {
        .directory = directory,
        .block_cache_bytes = CACHE_BYTES,
        .write_buffer_bytes = WRITE_BUFFER_BYTES,
        .read_only = read_only,
    };

    log_set_level(LOG_WARN); /* the command tells what there is to tell */
    return rocksdb_engine_open(&options, engine);
}

struct telling {
    const struct maintenance *maintenance;
    size_t told;
};

static void tell_some(void *context, const char *line)
{
    struct telling *telling = context;

    if (telling->told++ < telling->maintenance->told_max && telling->maintenance->tell)
        telling->maintenance->tell(telling->maintenance->context, line);
}

/* Only of a log that is whole, by which they are judged. */
static struct status verify_sagas(const struct maintenance *maintenance, struct store_facts *facts)
{
    struct telling telling = {.maintenance = maintenance};
    struct saga_rebuild sagas = {.tell = tell_some, .context = &telling};
    struct event_log_options options = {.engine = maintenance->engine, .only_reads = true};

    if (facts->disagreements > 0 || facts->events == 0)
        return OK;
    TRY(event_log_open(&options, &sagas.log));
    struct status status = saga_verify(&sagas);
    event_log_close(sagas.log);
    facts->disagreements = sagas.wrong;
    return status;
}

struct status maintain_verify(const char *directory, struct maintenance maintenance,
                              struct store_facts *facts)
{
    TRY(open_store(directory, true, &maintenance.engine));
    struct status status = store_verify(&maintenance, facts);
    if (status_ok(status))
        status = verify_sagas(&maintenance, facts);
    engine_close(maintenance.engine);
    return status;
}

/* Behind the log's own families: sagas are folded from their streams. */
static struct status rebuild_sagas(const struct maintenance *maintenance)
{
    struct saga_rebuild rebuild = {.tell = maintenance->tell, .context = maintenance->context};
    struct event_log_options options = {.engine = maintenance->engine};

    TRY(event_log_open(&options, &rebuild.log));
    struct status status = saga_rebuild(&rebuild);
    event_log_close(rebuild.log);
    return status;
}

struct status maintain_rebuild(const char *directory, struct maintenance maintenance,
                               struct store_facts *facts)
{
    TRY(open_store(directory, false, &maintenance.engine));
    struct status status = store_rebuild(&maintenance, facts);
    if (status_ok(status))
        status = rebuild_sagas(&maintenance);
    engine_close(maintenance.engine);
    return status;
}

static struct status fill(const struct store_copy *copy, const char *checkpoint,
                          struct maintenance maintenance, struct store_facts *facts)
{
    TRY(store_copy_files(copy, checkpoint));
    TRY(maintain_verify(copy->partial, maintenance, facts));
    if (facts->disagreements > 0)
        return status_make(STATUS_DATA_LOSS, "the checkpoint is damaged, nothing was restored");
    return store_copy_finish(copy);
}

/* The lock of the checkpoint is not asked for: nobody changes one. */
struct status maintain_restore(const char *checkpoint, const char *directory,
                               struct maintenance maintenance, struct store_facts *facts)
{
    struct store_copy copy;

    *facts = (struct store_facts){0};
    TRY(store_copy_begin(directory, &copy));
    struct status status = fill(&copy, checkpoint, maintenance, facts);
    if (!status_ok(status))
        store_copy_abandon(&copy);
    return status;
}
