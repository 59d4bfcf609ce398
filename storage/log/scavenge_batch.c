/* One batch of a scavenge: read records, drop what is hidden, commit. */
#include <assert.h>
#include <stdlib.h>

#include "storage/log/event.h"
#include "storage/log/keys.h"
#include "storage/log/limits.h"
#include "storage/log/log_state.h"
#include "storage/log/read.h"
#include "storage/log/rewrite.h"
#include "storage/log/scavenge_state.h"

enum {
    RUN_SPANS_MAX = 1 << 10,        /* of records that become one */
    RUN_NAMES_BYTES_MAX = 64 << 10, /* of the names in it */
    DRAFTS_MAX = RUN_SPANS_MAX + 2 * STREAMS_PER_APPEND_MAX,
};

struct walking {
    struct event_log *log;
    struct rewrite rewrite;
    struct scavenge_batch *batch;
    size_t policies_seen; /* retention.count when the batch began */
    int64_t now_us;
    struct status status;

    /* Neighbouring records without any event left: they become one. */
    struct draft_span run[RUN_SPANS_MAX];
    size_t run_spans, run_records;
    size_t run_names_bytes;
    uint64_t run_events;
    uint64_t run_position;
    int64_t run_created_us;
    bool run_is_new; /* not just one that was hollow before, which is: */
    struct bytes run_first;
};

/* --- what is hidden --------------------------------------------------------------------------- */

/* The first revision of the span's stream that stays. */
static struct status find_kept(struct walking *self, const struct span *span, struct bytes name,
                               int64_t created_us, uint64_t *kept)
{
    struct retention *retention = &self->log->retention;
    struct retained row = retention_of(retention, span->stream_number);
    struct stream_policy policy = retention_policy(retention, &row, name);
    uint64_t number, count, first;

    *kept = row.first_revision;
    if (policy.max_count == 0 && policy.max_age_us == 0)
        return OK;
    TRY(stream_locate(self->log, name, &number, &count));
    first = retention_first(&row, policy, count);
    if (policy.max_age_us && created_us < self->now_us - policy.max_age_us &&
        first < span->first_revision + span->event_count)
        first = span->first_revision + span->event_count;
    if (first >= count && row.first_revision < count)
        first = count - 1; /* the newest of a stream that lives */
    if (first > *kept)
        *kept = first;
    return OK;
}

/* A scavenged span; it joins the one before where it goes on with the same stream. */
static void add_scavenged(struct draft_span *drafts, size_t *count, const struct span *span,
                          struct bytes name)
{
    struct span *last = *count ? &drafts[*count - 1].span : NULL;

    if (last && last->is_scavenged && last->stream_number == span->stream_number &&
        last->first_revision + last->event_count == span->first_revision)
        last->event_count += span->event_count;
    else
        drafts[(*count)++] = (struct draft_span){*span, name};
}

/* Splits a span where its stream is kept from. *count is raised by at most 2. */
static struct status split(struct walking *self, const struct record *record, uint32_t index,
                           struct draft_span *drafts, size_t *count, uint64_t *removed)
{
    struct span span = record_span(record, index), rest = span;
    struct bytes frames = record_span_frames(record, index), left = frames;
    struct event event;
    uint64_t kept;

    if (span.is_scavenged) {
        add_scavenged(drafts, count, &span, frames);
        return OK;
    }
    if (!event_next(&left, &event))
        return status_make(STATUS_DATA_LOSS, "record at position %llu: damaged events",
                           (unsigned long long)record->position);
    TRY(find_kept(self, &span, event.stream, record->created_us, &kept));
    if (kept > span.first_revision) {
        uint64_t hidden = kept - span.first_revision;
        span.event_count = hidden < span.event_count ? (uint32_t)hidden : span.event_count;
        span.is_scavenged = true;
        add_scavenged(drafts, count, &span,
                      span.first_revision == 0 ? event.stream : (struct bytes){0});
        *removed += span.event_count;
        for (uint32_t i = 1; i < span.event_count; i++)
            if (!event_next(&left, &event))
                return status_make(STATUS_DATA_LOSS, "record at position %llu: damaged events",
                                   (unsigned long long)record->position);
        rest.event_count -= span.event_count;
        rest.first_revision = kept;
        frames = left;
    }
    if (rest.event_count > 0)
        drafts[(*count)++] = (struct draft_span){rest, frames};
    return OK;
}

/* --- runs ---------------------------------------------------------------------------------------
 */

static int compare_spans(const void *first, const void *second)
{
    const struct span *a = &((const struct draft_span *)first)->span;
    const struct span *b = &((const struct draft_span *)second)->span;

    if (a->stream_number != b->stream_number)
        return a->stream_number < b->stream_number ? -1 : 1;
    return a->first_revision < b->first_revision ? -1 : a->first_revision > b->first_revision;
}

/* One span for each stream: within neighbouring records its revisions have no gap. */
static size_t merge_spans(struct draft_span *spans, size_t count)
{
    size_t kept = 0;

    qsort(spans, count, sizeof *spans, compare_spans);
    for (size_t i = 0; i < count; i++) {
        struct span *last = kept ? &spans[kept - 1].span : NULL;
        if (last && last->stream_number == spans[i].span.stream_number &&
            last->first_revision + last->event_count == spans[i].span.first_revision)
            last->event_count += spans[i].span.event_count;
        else
            spans[kept++] = spans[i];
    }
    return kept;
}

static void close_run(struct walking *self)
{
    if (self->run_records > 0 && self->run_is_new) {
        size_t count = merge_spans(self->run, self->run_spans);
        rewrite_put(&self->rewrite, record_encode(&self->rewrite.arena, self->run_position,
                                                  self->run_created_us, self->run, count));
    }
    self->run_records = self->run_spans = self->run_names_bytes = 0;
    self->run_events = 0;
    self->run_is_new = false;
}

static size_t names_bytes(const struct draft_span *drafts, size_t count)
{
    size_t bytes = 0;

    for (size_t i = 0; i < count; i++)
        bytes += drafts[i].frames.size;
    return bytes;
}

/* `stored` stays until the commit, and so does what the drafts borrow from it. */
static void add_to_run(struct walking *self, const struct record *record, struct bytes stored,
                       const struct draft_span *drafts, size_t count, bool is_changed)
{
    size_t names = names_bytes(drafts, count);

    if (self->run_spans + count > RUN_SPANS_MAX ||
        self->run_names_bytes + names > RUN_NAMES_BYTES_MAX ||
        self->run_events + record->event_count > UINT32_MAX)
        close_run(self);
    if (self->run_records == 0) {
        self->run_position = record->position;
        self->run_first = stored;
    } else if (!self->run_is_new) {
        rewrite_remove(&self->rewrite, self->run_first);
        is_changed = true;
    }
    if (is_changed || self->run_records > 0)
        rewrite_remove(&self->rewrite, stored);
    self->run_is_new |= is_changed || self->run_records > 0;
    memcpy(&self->run[self->run_spans], drafts, count * sizeof *drafts);
    self->run_spans += count;
    self->run_names_bytes += names;
    self->run_events += record->event_count;
    self->run_created_us = record->created_us;
    self->run_records++;
}

/* --- records ------------------------------------------------------------------------------------
 */

static bool is_empty(const struct draft_span *drafts, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (!drafts[i].span.is_scavenged)
            return false;
    return true;
}

/* What the drafts borrowed from `borrowed` they now borrow from a copy of it. */
static bool keep(struct walking *self, struct bytes *borrowed, struct draft_span *drafts,
                 size_t count)
{
    struct bytes copy = arena_copy(&self->rewrite.arena, *borrowed);

    if (!copy.data) {
        self->status = status_make(STATUS_RESOURCE_EXHAUSTED, "scavenge: out of memory");
        return false;
    }
    for (size_t i = 0; i < count; i++)
        if (drafts[i].frames.size)
            drafts[i].frames.data = copy.data + (drafts[i].frames.data - borrowed->data);
    *borrowed = copy;
    return true;
}

static struct status drop_hidden(struct walking *self, const struct record *record,
                                 struct bytes stored)
{
    struct draft_span drafts[DRAFTS_MAX];
    uint64_t removed = 0;
    size_t count = 0;

    if (record->span_count > RUN_SPANS_MAX)
        return status_make(STATUS_DATA_LOSS, "record at position %llu: %u spans",
                           (unsigned long long)record->position, record->span_count);
    for (uint32_t i = 0; i < record->span_count; i++)
        TRY(split(self, record, i, drafts, &count, &removed));
    bool empty = is_empty(drafts, count);
    if (!empty)
        close_run(self);
    self->batch->is_hollow |= record->is_hollow || removed > 0;
    if ((removed > 0 || empty) && !keep(self, &stored, drafts, count))
        return self->status;
    if (empty) {
        add_to_run(self, record, stored, drafts, count, removed > 0);
    } else if (removed > 0) {
        rewrite_remove(&self->rewrite, stored);
        rewrite_put(&self->rewrite, record_encode(&self->rewrite.arena, record->position,
                                                  record->created_us, drafts, count));
    }
    self->batch->events_removed += removed;
    return self->rewrite.status;
}

static bool visit_record(void *context, struct bytes key, struct bytes value)
{
    struct walking *self = context;
    struct record record;

    if (self->batch->bytes_read >= SCAVENGE_BATCH_BYTES)
        return false;
    self->status = record_parse(value, get_u64_big_endian(key.data), &record);
    if (status_ok(self->status))
        self->status = drop_hidden(self, &record, value);
    if (!status_ok(self->status))
        return false;
    self->batch->bytes_read += value.size;
    self->batch->position = record_end(&record);
    return true;
}

/* @thread writer. What a policy hid when the batch was read it must still hide. */
static struct status check_policies(void *context, struct commit *commit)
{
    const struct walking *self = context;

    if (commit->policies || atomic_load(&self->log->retention.count) != self->policies_seen)
        return status_make(STATUS_ABORTED, "scavenge: a policy changed");
    return OK;
}

static struct status walk(struct walking *self, uint64_t begin, uint64_t end)
{
    uint8_t from[POSITION_KEY_BYTES], to[POSITION_KEY_BYTES];

    TRY(engine_scan(self->log->engine,
                    &(struct scan){.family = FAMILY_LOG,
                                   .from = position_key(from, begin),
                                   .to = position_key(to, end),
                                   .bulk = true},
                    visit_record, self));
    TRY(self->status);
    self->batch->next = self->batch->position;
    if (self->run_records > 0) /* what follows may join it */
        self->batch->next = self->run_position;
    if (self->batch->bytes_read < SCAVENGE_BATCH_BYTES)
        self->batch->next = self->batch->position = end;
    close_run(self);
    TRY(self->rewrite.status);
    if (self->rewrite.entry_count == 0)
        return OK;
    self->rewrite.decide = check_policies;
    self->rewrite.context = self;
    TRY(rewrite_commit(&self->rewrite));
    self->batch->bytes_removed = self->rewrite.bytes_removed - self->rewrite.bytes_added;
    return OK;
}

struct status scavenge_batch(struct event_log *log, uint64_t begin, uint64_t end,
                             struct scavenge_batch *batch)
{
    struct walking *self = calloc(1, sizeof *self);

    *batch = (struct scavenge_batch){.next = begin, .position = begin};
    if (!self)
        return status_make(STATUS_RESOURCE_EXHAUSTED, "scavenge: out of memory");
    self->log = log;
    self->batch = batch;
    self->status = OK;
    self->now_us = clock_wall_us(log->options.clock);
    pthread_mutex_lock(&log->deriving);
    self->policies_seen = atomic_load(&log->retention.count);
    rewrite_init(&self->rewrite, log);
    struct status status = walk(self, begin, end);
    rewrite_destroy(&self->rewrite);
    pthread_mutex_unlock(&log->deriving);
    free(self);
    return status;
}
