#include "storage/log/heads.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>

#include "storage/log/keys.h"
#include "storage/log/limits.h"

enum {
    BUCKETS_MIN = 1024,
    CLOCK_STEPS_MAX = 64, /* of the hand for one that is added: bounds the work */
};

struct heads {
    pthread_mutex_t lock; /* held by the writer to change, by others to look */
    struct head **buckets;
    size_t bucket_count; /* a power of two */
    size_t count;
    size_t count_max;
    struct head *hand;          /* of the clock; NULL while empty */
    uint64_t forgotten_end;     /* newest changed_end of a head that was forgotten */
    struct heads_counts counts; /* but for `kept`, which is `count` */
};

struct heads *heads_create(size_t heads_max)
{
    struct heads *heads = calloc(1, sizeof *heads);

    if (!heads)
        return NULL;
    heads->buckets = calloc(BUCKETS_MIN, sizeof *heads->buckets);
    if (!heads->buckets) {
        free(heads);
        return NULL;
    }
    pthread_mutex_init(&heads->lock, NULL);
    heads->bucket_count = BUCKETS_MIN;
    heads->count_max = heads_max;
    return heads;
}

void heads_free(struct heads *heads)
{
    for (size_t i = 0; i < heads->bucket_count; i++)
        for (struct head *head = heads->buckets[i], *next; head; head = next) {
            next = head->next_in_bucket;
            free(head);
        }
    pthread_mutex_destroy(&heads->lock);
    free(heads->buckets);
    free(heads);
}

static struct head **bucket_of(const struct heads *heads, uint64_t hash)
{
    return &heads->buckets[hash & (heads->bucket_count - 1)];
}

struct head *heads_find(struct heads *heads, uint64_t hash, struct bytes name)
{
    struct head *head = *bucket_of(heads, hash);

    while (head && !(head->hash == hash && bytes_equal(head->name, name)))
        head = head->next_in_bucket;
    if (head)
        atomic_store_explicit(&head->used, true, memory_order_relaxed);
    return head;
}

bool heads_look(struct heads *heads, uint64_t hash, struct bytes name, uint64_t *number,
                uint64_t *committed_count)
{
    pthread_mutex_lock(&heads->lock);
    struct head *head = heads_find(heads, hash, name);
    if (head) {
        *committed_count = atomic_load_explicit(&head->committed_count, memory_order_acquire);
        *number = *committed_count ? head->number : 0;
    }
    heads->counts.looked++;
    heads->counts.found += head != NULL;
    pthread_mutex_unlock(&heads->lock);
    return head != NULL;
}

struct heads_counts heads_counts(struct heads *heads)
{
    pthread_mutex_lock(&heads->lock);
    struct heads_counts counts = heads->counts;
    counts.kept = heads->count;
    pthread_mutex_unlock(&heads->lock);
    return counts;
}

uint64_t heads_publish(struct heads *heads, struct head *const *touched, size_t count,
                       _Atomic(uint64_t) *end, uint64_t new_end)
{
    pthread_mutex_lock(&heads->lock);
    for (size_t i = 0; i < count; i++)
        atomic_store_explicit(&touched[i]->committed_count, touched[i]->event_count,
                              memory_order_release);
    uint64_t before = atomic_exchange_explicit(end, new_end, memory_order_release);
    pthread_mutex_unlock(&heads->lock);
    return before;
}

struct last_place {
    uint8_t key[REVISION_KEY_BYTES];
    struct place place;
    bool found, damaged;
};

static bool visit_last_place(void *context, struct bytes key, struct bytes value)
{
    struct last_place *last = context;

    last->found = true;
    last->damaged = key.size != REVISION_KEY_BYTES || !place_decode(value, &last->place);
    if (!last->damaged)
        memcpy(last->key, key.data, key.size);
    return false;
}

struct status head_read(struct engine *engine, struct bytes name, uint64_t read_at,
                        struct head_read *read)
{
    uint8_t memory[64], from[REVISION_KEY_BYTES], to[REVISION_KEY_BYTES];
    struct last_place last = {0};
    struct arena arena;
    struct bytes value;

    *read = (struct head_read){.read_at = read_at};
    arena_init_within(&arena, sizeof memory, memory, sizeof memory);
    struct status status = engine_get(engine, FAMILY_NAMES, name, &arena, &value);
    bool known = status_ok(status) && value.data && number_decode(value, &read->number);
    arena_destroy(&arena);
    TRY(status);
    if (!value.data)
        return OK;
    if (!known)
        return status_make(STATUS_DATA_LOSS, "names: damaged entry");
    TRY(engine_scan(engine,
                    &(struct scan){.family = FAMILY_STREAMS,
                                   .from = revision_key(from, read->number, 0),
                                   .to = revision_key(to, read->number + 1, 0),
                                   .backwards = true},
                    visit_last_place, &last));
    if (!last.found || last.damaged)
        return status_make(STATUS_DATA_LOSS, "streams: stream %llu has a name but no events",
                           (unsigned long long)read->number);
    read->event_count = get_u64_big_endian(last.key + 8) + last.place.event_count;
    return OK;
}

bool heads_trust(const struct heads *heads, const struct head_read *read)
{
    return read->read_at >= heads->forgotten_end;
}

static void unlink_from_bucket(struct heads *heads, struct head *head)
{
    struct head **link = bucket_of(heads, head->hash);

    while (*link != head)
        link = &(*link)->next_in_bucket;
    *link = head->next_in_bucket;
}

/* Second chance: the hand passes over heads that were used since it last came by. */
static void forget_one(struct heads *heads, uint64_t group)
{
    for (int step = 0; step < CLOCK_STEPS_MAX; step++) {
        struct head *head = heads->hand;

        heads->hand = head->next;
        if (head->touched_in == group)
            continue;
        if (atomic_exchange_explicit(&head->used, false, memory_order_relaxed))
            continue;
        if (head->changed_end > heads->forgotten_end)
            heads->forgotten_end = head->changed_end;
        unlink_from_bucket(heads, head);
        head->previous->next = head->next;
        head->next->previous = head->previous;
        if (heads->hand == head)
            heads->hand = NULL;
        heads->count--;
        heads->counts.forgotten++;
        free(head);
        return;
    }
}

static void grow(struct heads *heads)
{
    size_t bucket_count = heads->bucket_count * 2;
    struct head **buckets = calloc(bucket_count, sizeof *buckets);

    if (!buckets)
        return; /* longer chains, no harm */
    for (size_t i = 0; i < heads->bucket_count; i++)
        for (struct head *head = heads->buckets[i], *next; head; head = next) {
            struct head **bucket = &buckets[head->hash & (bucket_count - 1)];
            next = head->next_in_bucket;
            head->next_in_bucket = *bucket;
            *bucket = head;
        }
    free(heads->buckets);
    heads->buckets = buckets;
    heads->bucket_count = bucket_count;
}

static void link_into_ring(struct heads *heads, struct head *head)
{
    if (!heads->hand) {
        head->next = head->previous = head;
        heads->hand = head;
        return;
    }
    head->next = heads->hand;
    head->previous = heads->hand->previous;
    head->previous->next = head;
    head->next->previous = head;
}

struct head *heads_add(struct heads *heads, uint64_t hash, struct bytes name,
                       const struct head_read *read, uint64_t group)
{
    struct head *head = malloc(sizeof *head + name.size);

    assert(name.size <= STREAM_NAME_BYTES_MAX);
    if (!head)
        return NULL;
    *head = (struct head){
        .hash = hash,
        .name = {(uint8_t *)(head + 1), name.size},
        .number = read->number,
        .event_count = read->event_count,
        .changed_end = read->read_at,
        .touched_in = group,
    };
    memcpy(head + 1, name.data, name.size);
    atomic_init(&head->committed_count, read->event_count);
    atomic_init(&head->used, true);

    pthread_mutex_lock(&heads->lock);
    if (heads->count >= heads->count_max && heads->hand)
        forget_one(heads, group);
    if (heads->count >= heads->bucket_count)
        grow(heads);
    struct head **bucket = bucket_of(heads, hash);
    head->next_in_bucket = *bucket;
    *bucket = head;
    link_into_ring(heads, head);
    heads->count++;
    pthread_mutex_unlock(&heads->lock);
    return head;
}
