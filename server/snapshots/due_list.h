/* The streams that are due, in the order in which they became so, and those who are told of
 * them. Whoever is slow has a place in the list and no queue of its own. Not thread-safe. */
#ifndef SERVER_SNAPSHOTS_DUE_LIST_H
#define SERVER_SNAPSHOTS_DUE_LIST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"

struct due_stream; /* due_table.h */

/* In each stream. */
struct due_link {
    struct due_stream *next, *previous;
};

/* Who is told. The caller's memory, from due_list_subscribe to due_list_unsubscribe. */
struct due_subscriber {
    struct bytes category; /* told of its streams only; empty: of all */

    /* Once for each DUE_PARKED: ask again. With the owner's lock held: may not call in, may not
     * block. */
    void (*wake)(struct due_subscriber *subscriber);

    struct due_stream *at; /* the next one to look at; NULL: none is left */
    bool is_parked;
    bool is_woken; /* and has not asked since */
    struct due_subscriber *next, *previous;
};

struct due_list {
    struct due_stream *first, *last;
    size_t count;
    struct due_subscriber *subscribers;
    size_t subscriber_count;
};

/* At the end; wakes who waits for it. */
void due_list_add(struct due_list *list, struct due_stream *stream);
void due_list_remove(struct due_list *list, struct due_stream *stream);

/* Begins with the first stream of the list. */
void due_list_subscribe(struct due_list *list, struct due_subscriber *subscriber);
void due_list_unsubscribe(struct due_list *list, struct due_subscriber *subscriber);

enum due_turn {
    DUE_TOLD,   /* *stream */
    DUE_AGAIN,  /* of other categories so far: ask again, after others */
    DUE_PARKED, /* nothing: `wake` tells when to ask again */
};

enum { DUE_PASSED_MAX = 1000 }; /* streams of other categories, in one turn */

enum due_turn due_list_next(struct due_list *list, struct due_subscriber *subscriber,
                            struct due_stream **stream);

#endif
