#include "server/snapshots/due_list.h"

#include <assert.h>

#include "server/snapshots/due_table.h"
#include "storage/log/query.h"

static bool concerns(const struct due_subscriber *subscriber, const struct due_stream *stream)
{
    return subscriber->category.size == 0 ||
           bytes_equal(subscriber->category, category_of(due_stream_name(stream)));
}

void due_list_add(struct due_list *list, struct due_stream *stream)
{
    stream->link = (struct due_link){.previous = list->last};
    if (list->last)
        list->last->link.next = stream;
    else
        list->first = stream;
    list->last = stream;
    list->count++;
    for (struct due_subscriber *each = list->subscribers; each; each = each->next) {
        if (each->at || (each->is_parked && !concerns(each, stream)))
            continue;
        each->at = stream;
        if (each->is_parked) {
            each->is_parked = false;
            each->is_woken = true;
            each->wake(each);
        }
    }
}

void due_list_remove(struct due_list *list, struct due_stream *stream)
{
    struct due_stream *next = stream->link.next, *previous = stream->link.previous;

    if (previous)
        previous->link.next = next;
    else
        list->first = next;
    if (next)
        next->link.previous = previous;
    else
        list->last = previous;
    list->count--;
    for (struct due_subscriber *each = list->subscribers; each; each = each->next)
        if (each->at == stream)
            each->at = next;
}

void due_list_subscribe(struct due_list *list, struct due_subscriber *subscriber)
{
    subscriber->at = list->first;
    subscriber->is_parked = subscriber->is_woken = false;
    subscriber->previous = NULL;
    subscriber->next = list->subscribers;
    if (list->subscribers)
        list->subscribers->previous = subscriber;
    list->subscribers = subscriber;
    list->subscriber_count++;
}

void due_list_unsubscribe(struct due_list *list, struct due_subscriber *subscriber)
{
    assert(list->subscriber_count > 0);
    if (subscriber->previous)
        subscriber->previous->next = subscriber->next;
    else
        list->subscribers = subscriber->next;
    if (subscriber->next)
        subscriber->next->previous = subscriber->previous;
    list->subscriber_count--;
}

enum due_turn due_list_next(struct due_list *list, struct due_subscriber *subscriber,
                            struct due_stream **stream)
{
    assert(list->subscriber_count > 0);
    subscriber->is_woken = false;
    for (int passed = 0; subscriber->at; passed++) {
        struct due_stream *at = subscriber->at;
        if (passed == DUE_PASSED_MAX)
            return DUE_AGAIN;
        subscriber->at = at->link.next;
        if (concerns(subscriber, at)) {
            *stream = at;
            return DUE_TOLD;
        }
    }
    subscriber->is_parked = true;
    return DUE_PARKED;
}
