/* The writer thread: take what arrived, decide it, commit it, publish, tell.
 *
 *   waiting --take--> group --decide each--> commit --publish--> done each
 *
 * A failed commit is the end: the outcome on disk is unknown and a failed
 * fsync cannot be repeated, so nothing is accepted after it. */
#include "storage/log/sequencer.h"

#include <assert.h>
#include <stdlib.h>

#include "base/log.h"
#include "storage/log/keys.h"
#include "storage/log/log_state.h"

enum { WRITES_MIN = 256 };

static struct intent *intent_of(struct inbox_link *link)
{
    return container_of(link, struct intent, link);
}

static void wake_writer(struct sequencer *sequencer)
{
    pthread_mutex_lock(&sequencer->lock);
    pthread_cond_signal(&sequencer->arrived);
    pthread_mutex_unlock(&sequencer->lock);
}

static struct status refuse_queued(struct counter *hits, size_t waiting, const char *what,
                                   const char *option)
{
    counter_add(hits, 1);
    return status_make(STATUS_RESOURCE_EXHAUSTED, "queue: %zu %s are waiting (%s)", waiting, what,
                       option);
}

struct status event_log_submit(struct event_log *log, struct intent *intent)
{
    struct sequencer *sequencer = &log->sequencer;
    size_t count = atomic_fetch_add(&sequencer->waiting_count, 1);
    size_t bytes = atomic_fetch_add(&sequencer->waiting_bytes, intent->bytes);
    struct status status = OK;

    if (atomic_load(&sequencer->state) != SEQUENCER_RUNNING)
        status = status_make(STATUS_UNAVAILABLE, "store: it is closing or it has failed");
    else if (count >= log->options.queue_intents_max)
        status = refuse_queued(&sequencer->counts.queue_full, count, "appends", "--queue-appends");
    else if (bytes >= log->options.queue_bytes_max)
        status =
            refuse_queued(&sequencer->counts.queue_memory_full, bytes, "bytes", "--queue-memory");
    if (!status_ok(status)) {
        atomic_fetch_sub(&sequencer->waiting_bytes, intent->bytes);
        atomic_fetch_sub(&sequencer->waiting_count, 1);
        wake_writer(sequencer); /* it may wait for the last intent before it stops */
        return status;
    }
    if (inbox_put(&sequencer->inbox, &intent->link))
        wake_writer(sequencer);
    return OK;
}

bool event_log_is_busy(const struct event_log *log)
{
    const struct sequencer *sequencer = &log->sequencer;

    return atomic_load(&sequencer->waiting_count) > log->options.queue_intents_max / 2 ||
           atomic_load(&sequencer->waiting_bytes) > log->options.queue_bytes_max / 2;
}

/* Oldest first; NULL when there is nothing left to do. */
static struct inbox_link *wait_for_intents(struct sequencer *sequencer)
{
    struct inbox_link *links = inbox_take(&sequencer->inbox);

    if (links)
        return links;
    pthread_mutex_lock(&sequencer->lock);
    for (;;) {
        links = inbox_take(&sequencer->inbox);
        /* Submitted before the state changed, but not yet in the inbox: wait for it. */
        if (links || (atomic_load(&sequencer->state) == SEQUENCER_STOPPING &&
                      atomic_load(&sequencer->waiting_count) == 0))
            break;
        pthread_cond_wait(&sequencer->arrived, &sequencer->lock);
    }
    pthread_mutex_unlock(&sequencer->lock);
    return links;
}

struct arena *commit_arena(struct commit *commit)
{
    return &commit->arena;
}

int64_t commit_time_us(const struct commit *commit)
{
    return commit->time_us;
}

static void commit_write(struct commit *commit, struct write write)
{
    if (commit->write_count == commit->write_capacity) {
        size_t capacity = commit->write_capacity ? commit->write_capacity * 2 : WRITES_MIN;
        struct write *writes = realloc(commit->writes, capacity * sizeof *writes);
        if (!writes) {
            commit->short_of_memory = true;
            return;
        }
        commit->writes = writes;
        commit->write_capacity = capacity;
    }
    commit->writes[commit->write_count++] = write;
}

void commit_put(struct commit *commit, enum family family, struct bytes key, struct bytes value)
{
    /* Nothing may fail after the first addition, so lack of memory fails the group. */
    if (!key.data || !value.data)
        commit->short_of_memory = true;
    else
        commit_write(commit, (struct write){family, WRITE_PUT, key, value});
}

void commit_delete(struct commit *commit, enum family family, struct bytes key)
{
    if (!key.data)
        commit->short_of_memory = true;
    else
        commit_write(commit, (struct write){family, WRITE_DELETE, key, {0}});
}

void commit_fail(struct commit *commit, struct status cause)
{
    commit->broken = cause;
}

void commit_touch(struct commit *commit, struct head *head)
{
    if (commit->touched_count == commit->touched_capacity) {
        size_t capacity = commit->touched_capacity ? commit->touched_capacity * 2 : WRITES_MIN;
        struct head **touched = realloc(commit->touched, capacity * sizeof *touched);
        if (!touched) {
            commit->short_of_memory = true;
            return;
        }
        commit->touched = touched;
        commit->touched_capacity = capacity;
    }
    commit->touched[commit->touched_count++] = head;
}

void commit_record(struct commit *commit, struct bytes stored, const uint64_t *stream_hashes,
                   uint32_t event_count)
{
    uint8_t *key = arena_alloc_raw(&commit->arena, POSITION_KEY_BYTES);
    struct commit_record *record = arena_alloc(&commit->arena, sizeof *record);

    if (!key || !record) {
        commit->short_of_memory = true;
        return;
    }
    commit_put(commit, FAMILY_LOG, position_key(key, commit->end), stored);
    record->stored = stored;
    record->stream_hashes = stream_hashes;
    *commit->next_record = record;
    commit->next_record = &record->next;
    commit->end += event_count;
}

void commit_policy(struct commit *commit, struct commit_policy *policy)
{
    policy->next = commit->policies;
    commit->policies = policy;
}

struct retained commit_retained(struct commit *commit, uint64_t stream_number)
{
    for (const struct commit_policy *at = commit->policies; at; at = at->next)
        if (!at->is_category && at->row.number == stream_number)
            return at->row;
    return retention_of(&commit->log->retention, stream_number);
}

static void commit_begin(struct commit *commit)
{
    struct event_log *log = commit->log;
    int64_t now_us = clock_wall_us(log->options.clock);

    arena_init(&commit->arena, SIZE_MAX / 2); /* bounded by the group's own limits */
    if (now_us > log->last_time_us)
        log->last_time_us = now_us; /* a clock that was set back stands still */
    commit->time_us = log->last_time_us;
    commit->group++;
    commit->write_count = 0;
    commit->touched_count = 0;
    commit->short_of_memory = false;
    commit->broken = OK;
    commit->end = atomic_load_explicit(&log->end, memory_order_relaxed);
    commit->stream_count = atomic_load_explicit(&log->stream_count, memory_order_relaxed);
    commit->policies = NULL;
    commit->forgets_tail = false;
    commit->first_record = NULL;
    commit->next_record = &commit->first_record;
}

static void fail(struct event_log *log, struct status status)
{
    int running = SEQUENCER_RUNNING;

    log->commit.failed = true;
    atomic_compare_exchange_strong(&log->sequencer.state, &running, SEQUENCER_FAILED);
    if (log->options.failed)
        log->options.failed(log->options.context, status);
}

/* Oldest first, so that the newest of a stream stays. False: out of memory, which is
 * found out after the commit, so that only a restart shows what is on disk. */
static bool publish_policies(struct commit *commit)
{
    struct retention *retention = &commit->log->retention;
    struct commit_policy *oldest = NULL;
    bool room = true;

    while (commit->policies) {
        struct commit_policy *policy = commit->policies;
        commit->policies = policy->next;
        policy->next = oldest;
        oldest = policy;
    }
    for (; oldest && room; oldest = oldest->next)
        room = oldest->is_category
                   ? retention_set_category(retention, oldest->category, oldest->row.policy)
                   : retention_set(retention, &oldest->row);
    return room;
}

static void publish(struct commit *commit)
{
    struct event_log *log = commit->log;

    atomic_store_explicit(&log->stream_count, commit->stream_count, memory_order_relaxed);
    counter_add_alone(&log->sequencer.counts.events,
                      commit->end - atomic_load_explicit(&log->end, memory_order_relaxed));
    tail_publish(log, commit);
    if (commit->forgets_tail)
        tail_forget(&log->tail);
    index_notify(log);
}

/* What recovery compares the log with: a log that lost its newest records would
 * look like an older one. */
static void put_counters(struct commit *commit)
{
    uint8_t *value = arena_alloc_raw(&commit->arena, COUNTERS_BYTES);

    commit_put(commit, FAMILY_META, bytes_of_text(COUNTERS_KEY),
               value ? counters_encode(value, commit->end, commit->stream_count)
                     : (struct bytes){0});
}

static struct status write_to_disk(struct commit *commit)
{
    struct event_log *log = commit->log;
    int64_t began_us = clock_monotonic_us(system_clock());
    struct status status = engine_commit(log->engine, commit->writes, commit->write_count, true);

    distribution_add_alone(&log->sequencer.counts.commit_us, &bounds_duration_us,
                           clock_monotonic_us(system_clock()) - began_us);
    return status;
}

/* Commits what the intents of the group have added; what each is told if it fails. */
static struct status commit_finish(struct commit *commit)
{
    struct status status = OK;

    if (commit->first_record)
        put_counters(commit);
    if (commit->short_of_memory)
        status = status_make(STATUS_RESOURCE_EXHAUSTED, "commit: out of memory");
    else if (!status_ok(commit->broken))
        status = commit->broken;
    else if (commit->write_count > 0)
        status = write_to_disk(commit);
    if (status_ok(status) && !publish_policies(commit))
        status = status_make(STATUS_RESOURCE_EXHAUSTED, "policies: out of memory");
    if (status_ok(status)) {
        publish(commit);
        return OK;
    }
    fail(commit->log, status);
    return status_make(STATUS_UNAVAILABLE, "%s", status.message);
}

/* Before the group's intents are told, who may read the counters then. */
static void count_group(struct event_log *log, size_t intents, size_t refused, size_t bytes)
{
    struct writer_counts *counts = &log->sequencer.counts;

    distribution_add_alone(&counts->group_size, &bounds_count, (int64_t)intents);
    counter_add_alone(&counts->refused, refused);
    counter_add_alone(&counts->bytes, bytes);
    if (intents == log->options.group_intents_max || bytes >= log->options.group_bytes_max)
        counter_add_alone(&counts->group_full, 1);
}

/* The span of a commit lies below the first append that is traced, and is linked to each. */
static void trace_intent(struct commit *commit, const struct intent *intent)
{
    struct trace_context context;

    if (!commit->is_traced) {
        if (!tracer_admit(commit->log->options.tracer, intent->trace, &context))
            return;
        commit->is_traced = true;
        span_start(&commit->span, "commit", SPAN_INTERNAL, &context, intent->trace);
    }
    span_link(&commit->span, intent->trace);
}

/* https://opentelemetry.io/docs/specs/semconv/database/database-spans/ */
static void trace_commit(struct commit *commit, size_t intents, size_t bytes, struct status status)
{
    struct event_log *log = commit->log;

    if (!commit->is_traced)
        return;
    commit->is_traced = false;
    commit->span.failed = !status_ok(status);
    span_put(&commit->span, "db.system.name", log->engine->operations->name);
    span_put(&commit->span, "db.operation.name", "commit");
    span_put_number(&commit->span, "db.operation.batch.size", (int64_t)intents);
    span_put_number(&commit->span, "sagabase.commit.bytes", (int64_t)bytes);
    span_end(log->options.tracer, &commit->span);
}

/* Takes a group off `*waiting` and works it through. */
static void work_group(struct event_log *log, struct inbox_link **waiting)
{
    struct commit *commit = &log->commit;
    struct inbox_link *first = *waiting, *behind = first;
    size_t count = 0, bytes = 0, refused_count = 0;
    struct status refusal = commit->failed ? status_make(STATUS_UNAVAILABLE, "store: it has failed")
                                           : engine_admit(log->engine);
    bool short_of_room = !status_ok(refusal) && !commit->failed;

    commit_begin(commit);
    while (behind && count < log->options.group_intents_max &&
           bytes < log->options.group_bytes_max) {
        struct intent *intent = intent_of(behind);
        if (intent->trace && log->options.tracer)
            trace_intent(commit, intent);
        intent->status = status_ok(refusal) || (short_of_room && intent->frees_room)
                             ? intent->decide(intent, commit)
                             : refusal;
        refused_count += !status_ok(intent->status);
        bytes += intent->bytes;
        count++;
        behind = behind->next;
    }
    if (!status_ok(refusal))
        counter_add_alone(&log->sequencer.counts.not_admitted, refused_count);
    struct status status = commit->failed ? OK : commit_finish(commit);
    trace_commit(commit, count, bytes, status);
    count_group(log, count, refused_count, bytes);
    while (first != behind) {
        struct intent *intent = intent_of(first);
        first = first->next; /* `done` may free the intent */
        if (!status_ok(status))
            intent->status = status; /* also those refused: what they saw was not committed */
        intent->done(intent);
    }
    arena_destroy(&commit->arena);
    atomic_fetch_sub(&log->sequencer.waiting_bytes, bytes);
    atomic_fetch_sub(&log->sequencer.waiting_count, count);
    *waiting = behind;
}

static void *write_groups(void *argument)
{
    struct event_log *log = argument;
    struct inbox_link *waiting = NULL, **behind_last = &waiting;

    for (;;) {
        /* What arrived while the last group was on its way to disk joins this one. */
        *behind_last =
            waiting ? inbox_take(&log->sequencer.inbox) : wait_for_intents(&log->sequencer);
        if (!waiting)
            return NULL;
        while (*behind_last)
            behind_last = &(*behind_last)->next;
        work_group(log, &waiting);
        if (!waiting)
            behind_last = &waiting;
    }
}

struct status sequencer_start(struct event_log *log)
{
    struct sequencer *sequencer = &log->sequencer;

    log->commit.log = log;
    pthread_mutex_init(&sequencer->lock, NULL);
    pthread_cond_init(&sequencer->arrived, NULL);
    atomic_store(&sequencer->state, SEQUENCER_RUNNING);
    if (pthread_create(&sequencer->writer, NULL, write_groups, log) != 0)
        return status_make(STATUS_RESOURCE_EXHAUSTED, "store: cannot start the writer thread");
    return OK;
}

void sequencer_stop(struct event_log *log)
{
    struct sequencer *sequencer = &log->sequencer;

    atomic_store(&sequencer->state, SEQUENCER_STOPPING);
    wake_writer(sequencer);
    pthread_join(sequencer->writer, NULL);
    pthread_cond_destroy(&sequencer->arrived);
    pthread_mutex_destroy(&sequencer->lock);
    free(log->commit.writes);
    free(log->commit.touched);
}
