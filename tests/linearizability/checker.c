#include "tests/linearizability/checker.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"

/* An invocation or a return, in a list by time. */
struct entry {
    uint64_t time;
    uint32_t operation;
    struct entry *match; /* of an invocation: the return; of a return: NULL */
    struct entry *before, *after;
};

/* An operation that was put in the order, and how it was before. */
struct choice {
    struct entry *entry;
    bool only_one; /* nothing else needs to be tried in its place */
    struct store_state before;
};

/* Operations done and the state they lead to: `words` of bits, then the state. */
struct seen {
    uint64_t *hashes; /* 0: a free place */
    uint8_t *keys;
    size_t key_bytes;
    size_t capacity;
    size_t count;
};

struct search {
    const struct history *history;
    struct entry head;
    struct entry *entries;
    struct choice *choices;
    uint32_t depth, deepest, culprit;
    uint64_t *done;
    size_t done_bytes;
    struct store_state state;
    struct seen seen;
    uint8_t *key; /* of `done` and `state`, as `seen` keeps it */
};

/* --- states seen before -------------------------------------------------------------- */

static void *allocate(size_t count, size_t size)
{
    void *memory = calloc(count ? count : 1, size);

    assert(memory);
    return memory;
}

static size_t find_place(const struct seen *seen, uint64_t hash, const uint8_t *key)
{
    size_t place = hash & (seen->capacity - 1);

    while (seen->hashes[place] &&
           (seen->hashes[place] != hash ||
            memcmp(seen->keys + place * seen->key_bytes, key, seen->key_bytes) != 0))
        place = (place + 1) & (seen->capacity - 1);
    return place;
}

static void grow(struct seen *seen)
{
    struct seen old = *seen;

    seen->capacity = old.capacity ? old.capacity * 2 : 1024;
    seen->hashes = allocate(seen->capacity, sizeof *seen->hashes);
    seen->keys = allocate(seen->capacity, seen->key_bytes);
    for (size_t i = 0; i < old.capacity; i++)
        if (old.hashes[i]) {
            const uint8_t *key = old.keys + i * old.key_bytes;
            size_t place = find_place(seen, old.hashes[i], key);
            seen->hashes[place] = old.hashes[i];
            memcpy(seen->keys + place * seen->key_bytes, key, seen->key_bytes);
        }
    free(old.hashes);
    free(old.keys);
}

/* False: it is there already. */
static bool add(struct seen *seen, const uint8_t *key)
{
    uint64_t hash = hash_bytes(bytes_of(key, seen->key_bytes)) | 1;

    if (seen->count * 2 >= seen->capacity)
        grow(seen);
    size_t place = find_place(seen, hash, key);
    if (seen->hashes[place])
        return false;
    seen->hashes[place] = hash;
    memcpy(seen->keys + place * seen->key_bytes, key, seen->key_bytes);
    seen->count++;
    return true;
}

/* --- the list of invocations and returns ------------------------------------------------ */

static int compare_times(const void *a, const void *b)
{
    const struct entry *left = a, *right = b;

    return left->time < right->time ? -1 : left->time > right->time;
}

static void link_entries(struct search *search)
{
    uint32_t count = search->history->count;
    struct entry *last = &search->head;
    struct entry **invocations = allocate(count, sizeof(struct entry *));

    for (uint32_t i = 0; i < count; i++) {
        const struct operation *operation = &search->history->operations[i];
        assert(operation->outcome != OUTCOME_UNKNOWN && operation->returned > operation->invoked);
        search->entries[2 * i] = (struct entry){.time = operation->invoked, .operation = i};
        search->entries[2 * i + 1] = (struct entry){.time = operation->returned, .operation = i};
    }
    qsort(search->entries, 2 * (size_t)count, sizeof *search->entries, compare_times);
    for (uint32_t i = 0; i < 2 * count; i++) {
        struct entry *entry = &search->entries[i];
        if (invocations[entry->operation])
            invocations[entry->operation]->match = entry;
        else
            invocations[entry->operation] = entry;
        entry->before = last;
        last->after = entry;
        last = entry;
    }
    free(invocations);
}

static void take_out(struct entry *entry)
{
    entry->before->after = entry->after;
    if (entry->after)
        entry->after->before = entry->before;
}

static void put_back(struct entry *entry)
{
    entry->before->after = entry;
    if (entry->after)
        entry->after->before = entry;
}

/* --- the search ---------------------------------------------------------------------------- */

static void flip(struct search *search, uint32_t operation)
{
    search->done[operation / 64] ^= (uint64_t)1 << operation % 64;
}

static bool changes_state(const struct operation *operation)
{
    return operation->outcome == OUTCOME_APPENDED;
}

/* Puts the operation next in the order, if its outcome fits and this was not tried before. */
static bool choose(struct search *search, struct entry *entry)
{
    const struct operation *operation = &search->history->operations[entry->operation];
    struct store_state before = search->state;

    if (!store_apply(&search->state, operation))
        return false;
    flip(search, entry->operation);
    memcpy(search->key, search->done, search->done_bytes);
    memcpy(search->key + search->done_bytes, &search->state, sizeof search->state);
    if (!add(&search->seen, search->key)) {
        flip(search, entry->operation);
        search->state = before;
        return false;
    }
    search->choices[search->depth++] = (struct choice){entry, !changes_state(operation), before};
    take_out(entry);
    take_out(entry->match);
    return true;
}

/* What changes nothing and fits now may as well come now: if any order exists, then one in
 * which it does. So all of it is chosen, and nothing in its place. */
static void choose_what_changes_nothing(struct search *search)
{
    for (struct entry *entry = search->head.after; entry && entry->match; entry = entry->after)
        if (!changes_state(&search->history->operations[entry->operation]))
            choose(search, entry);
}

/* Takes choices back, up to the last one that has others in its place; where those begin.
 * NULL: there is none. */
static struct entry *choose_otherwise(struct search *search)
{
    while (search->depth > 0) {
        struct choice *choice = &search->choices[--search->depth];
        put_back(choice->entry->match);
        put_back(choice->entry);
        flip(search, choice->entry->operation);
        search->state = choice->before;
        if (!choice->only_one)
            return choice->entry->after;
    }
    return NULL;
}

static enum verdict walk(struct search *search)
{
    choose_what_changes_nothing(search);
    for (struct entry *entry = search->head.after; search->head.after;) {
        if (search->seen.count > CHECKER_SEEN_MAX)
            return UNDECIDED;
        if (!entry->match) { /* it returned, but is in no order so far */
            if (search->depth >= search->deepest) {
                search->deepest = search->depth;
                search->culprit = entry->operation;
            }
            entry = choose_otherwise(search);
            if (!entry)
                return NOT_LINEARIZABLE;
        } else if (choose(search, entry)) {
            choose_what_changes_nothing(search);
            entry = search->head.after;
        } else {
            entry = entry->after;
        }
    }
    return LINEARIZABLE;
}

enum verdict checker_decide(const struct history *history, uint32_t *culprit)
{
    struct search search = {.history = history};

    search.done_bytes = (history->count / 64 + 1) * sizeof *search.done;
    search.done = allocate(1, search.done_bytes);
    search.entries = allocate(2 * (size_t)history->count, sizeof *search.entries);
    search.choices = allocate(history->count, sizeof *search.choices);
    search.seen.key_bytes = search.done_bytes + sizeof search.state;
    search.key = allocate(1, search.seen.key_bytes);
    link_entries(&search);
    enum verdict verdict = walk(&search);
    *culprit = search.culprit;
    free(search.done);
    free(search.entries);
    free(search.choices);
    free(search.key);
    free(search.seen.hashes);
    free(search.seen.keys);
    return verdict;
}
