#include "storage/log/event_log.h"

#include <stdlib.h>

#include "storage/log/log_state.h"
#include "storage/log/read.h"

enum {
    QUEUE_INTENTS_MAX = 1 << 16,
    QUEUE_BYTES_MAX = 64 << 20,
    GROUP_INTENTS_MAX = 1024,
    GROUP_BYTES_MAX = 4 << 20,
    TAIL_BYTES_MAX = 64 << 20,
    HEADS_MAX = 500000,
    IDS_MAX = 1000000,
    SCAVENGE_BYTES_PER_S = 32 << 20,
};

static void fill_default(size_t *option, size_t value)
{
    if (*option == 0)
        *option = value;
}

static struct event_log_options with_defaults(const struct event_log_options *given)
{
    struct event_log_options options = *given;

    if (!options.clock)
        options.clock = system_clock();
    fill_default(&options.queue_intents_max, QUEUE_INTENTS_MAX);
    fill_default(&options.queue_bytes_max, QUEUE_BYTES_MAX);
    fill_default(&options.group_intents_max, GROUP_INTENTS_MAX);
    fill_default(&options.group_bytes_max, GROUP_BYTES_MAX);
    fill_default(&options.tail_bytes_max, TAIL_BYTES_MAX);
    fill_default(&options.heads_max, HEADS_MAX);
    fill_default(&options.ids_max, IDS_MAX);
    fill_default(&options.scavenge_bytes_per_s, SCAVENGE_BYTES_PER_S);
    return options;
}

static void free_log(struct event_log *log)
{
    if (log->tail.ring || log->tail.streams)
        tail_destroy(&log->tail);
    if (log->heads)
        heads_free(log->heads);
    if (log->ids)
        ids_free(log->ids);
    if (log->types)
        types_free(log->types);
    retention_destroy(&log->retention);
    pthread_mutex_destroy(&log->deriving);
    scavenge_destroy(&log->scavenge);
    erasing_destroy(&log->erasing);
    free(log);
}

static struct status start(struct event_log *log)
{
    log->heads = heads_create(log->options.heads_max);
    log->ids = ids_create(log->options.ids_max);
    log->types = types_create();
    retention_init(&log->retention);
    pthread_mutex_init(&log->deriving, NULL);
    scavenge_init(&log->scavenge);
    erasing_init(&log->erasing);
    if (!log->heads || !log->ids || !log->types)
        return status_make(STATUS_RESOURCE_EXHAUSTED, "store: out of memory");
    TRY(recover(log));
    if (!tail_init(&log->tail, log->options.tail_bytes_max, event_log_end(log)))
        return status_make(STATUS_RESOURCE_EXHAUSTED, "store: out of memory");
    TRY(sequencer_start(log));
    if (log->options.only_reads)
        return OK;
    struct status status = index_start(log);
    if (!status_ok(status)) {
        sequencer_stop(log);
        return status;
    }
    status = erasing_start(log);
    if (!status_ok(status)) {
        index_stop(log);
        sequencer_stop(log);
    }
    return status;
}

struct status event_log_open(const struct event_log_options *options, struct event_log **opened)
{
    struct event_log *log = calloc(1, sizeof *log);

    if (!log)
        return status_make(STATUS_RESOURCE_EXHAUSTED, "store: out of memory");
    log->options = with_defaults(options);
    log->engine = options->engine;
    struct status status = start(log);
    if (status_ok(status))
        *opened = log;
    else
        free_log(log);
    return status;
}

void event_log_close(struct event_log *log)
{
    if (!log->options.only_reads) {
        scavenge_stop(log);
        erasing_stop(log);
        index_stop(log);
    }
    sequencer_stop(log);
    free_log(log);
}

uint64_t event_log_end(const struct event_log *log)
{
    return atomic_load_explicit(&log->end, memory_order_acquire);
}

struct event_log_counts event_log_counts(const struct event_log *log)
{
    return (struct event_log_counts){
        .events = event_log_end(log),
        .streams = atomic_load_explicit(&log->stream_count, memory_order_relaxed),
        .types = types_count(log->types),
    };
}

struct status event_log_checkpoint(struct event_log *log, const char *directory)
{
    return engine_checkpoint(log->engine, directory);
}

struct engine *event_log_engine(const struct event_log *log)
{
    return log->engine;
}

const struct clock *event_log_clock(const struct event_log *log)
{
    return log->options.clock;
}

const char *event_log_engine_name(const struct event_log *log)
{
    return log->engine->operations->name;
}
