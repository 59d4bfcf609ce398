#include "server/rpc/timers.h"

#include <assert.h>
#include <stdbool.h>
#include <stdlib.h>

enum { CAPACITY_MIN = 64 };

static void put(struct timers *timers, size_t place, struct timer *timer)
{
    timers->heap[place] = timer;
    timer->place = place;
}

static bool is_before(const struct timers *timers, size_t a, size_t b)
{
    return timers->heap[a]->due_us < timers->heap[b]->due_us;
}

static void swap(struct timers *timers, size_t a, size_t b)
{
    struct timer *timer = timers->heap[a];

    put(timers, a, timers->heap[b]);
    put(timers, b, timer);
}

/* Moves what is at `place` to where it belongs: up, or else down. */
static void settle(struct timers *timers, size_t place)
{
    for (; place > 1 && is_before(timers, place, place / 2); place /= 2)
        swap(timers, place, place / 2);
    for (;;) {
        size_t child = 2 * place;

        if (child < timers->count && is_before(timers, child + 1, child))
            child++;
        if (child > timers->count || !is_before(timers, child, place))
            return;
        swap(timers, place, child);
        place = child;
    }
}

static void grow(struct timers *timers)
{
    timers->capacity = timers->capacity ? 2 * timers->capacity : CAPACITY_MIN;
    timers->heap = realloc(timers->heap, (timers->capacity + 1) * sizeof(struct timer *));
    assert(timers->heap); /* a few bytes for each call that is open, as for the call itself */
}

void timers_set(struct timers *timers, struct timer *timer, int64_t due_us)
{
    timer->due_us = due_us;
    if (timer->place == 0) {
        if (timers->count == timers->capacity)
            grow(timers);
        put(timers, ++timers->count, timer);
    }
    settle(timers, timer->place);
}

void timers_unset(struct timers *timers, struct timer *timer)
{
    size_t place = timer->place;
    struct timer *last;

    if (place == 0)
        return;
    last = timers->heap[timers->count--];
    timer->place = 0;
    if (last == timer)
        return;
    put(timers, place, last);
    settle(timers, place);
}

int64_t timers_due_us(const struct timers *timers)
{
    return timers->count > 0 ? timers->heap[1]->due_us : INT64_MAX;
}

struct timer *timers_take(struct timers *timers, int64_t now_us)
{
    struct timer *timer;

    if (timers->count == 0 || timers->heap[1]->due_us > now_us)
        return NULL;
    timer = timers->heap[1];
    timers_unset(timers, timer);
    return timer;
}

void timers_destroy(struct timers *timers)
{
    assert(timers->count == 0);
    free(timers->heap);
}
