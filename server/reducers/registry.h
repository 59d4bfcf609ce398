/* Which reducers, or upcasters, there are: a fold of their streams, $reducer-<category> or
 * $upcaster-<event type>, of which only the newest event counts. It holds all there is to know.
 *
 *   any thread                  writer thread           any thread but the writer
 *   registry_change_submit -->  decide, commit, done --> registry_change_settle
 *
 * Whoever finds one holds it; it never changes, another takes its place. */
#ifndef SERVER_REDUCERS_REGISTRY_H
#define SERVER_REDUCERS_REGISTRY_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/bytes.h"
#include "base/status.h"
#include "sagabase/v1/event_store.pb-c.h"
#include "sagabase/v1/reducers.pb-c.h"
#include "storage/log/append.h"

struct event_log;
struct registry;
struct registry_watcher; /* reducers.h */
struct script;

enum registry_kind { REGISTRY_REDUCERS, REGISTRY_UPCASTERS };

enum { HASH_TEXT_BYTES = 16, REGISTERED_STREAM_BYTES_MAX = 1024 };

struct registration {
    _Atomic unsigned references;
    enum registry_kind kind;
    union {
        ProtobufCMessage *info;
        Sagabase__V1__ReducerInfo *reducer;
        Sagabase__V1__UpcasterInfo *upcaster;
    };
    struct bytes name;                      /* its category, or type of event; of the info */
    const Sagabase__V1__Disabled *disabled; /* of the info; NULL: it runs */
    uint64_t hash;
    uint64_t revision; /* of the event that tells of it */
    size_t bytes;      /* of the info, packed */

    /* Of an upcaster that has run: any thread, with the lock. */
    pthread_mutex_t lock;
    struct script *script;
};

/* Reads the newest event of each stream. DATA_LOSS: one is not what it should be. */
struct status registry_open(enum registry_kind kind, struct event_log *log,
                            struct registry **registry);

/* When nothing is submitted any more. */
void registry_close(struct registry *registry);

/* Any thread. NULL: there is none. To be released. */
struct registration *registry_find(struct registry *registry, struct bytes name);

/* Any thread. All of them by name, each to be released: how many; at most
 * REGISTRY_ENTRIES_MAX. */
enum { REGISTRY_ENTRIES_MAX = 2000 }; /* twice as many as may be put: replacing needs no order */
size_t registry_list(struct registry *registry, struct registration **entries);

/* As reducers_watch. */
void registry_watch(struct registry *registry, struct registry_watcher *watcher);

void registration_release(struct registration *registration);

/* As the API shows hashes. */
void registry_hash_text(uint64_t hash, char text[HASH_TEXT_BYTES + 1]);

/* --- changing ----------------------------------------------------------------------------- */

/* The caller owns it until it has settled. */
struct registry_change {
    void (*done)(struct registry_change *change); /* @thread writer: short */

    /* Results, once settled. */
    bool existed; /* there was one before */
    uint64_t hash;

    struct registry *registry;
    struct registration *next;     /* takes the place; NULL: nothing does */
    struct registration *previous; /* had it */
    bool is_reserved;
    size_t reserved_bytes;
    struct append append;
    struct stream_append stream;
    struct new_event event;
    uint8_t stream_name[REGISTERED_STREAM_BYTES_MAX];
};

/* Each is checked already. After an error `done` will not run, and nothing is to be settled.
 * `arena` must live until then. RESOURCE_EXHAUSTED: there are too many. Any thread but the writer.
 *
 * Of the info, put() sets hash and put_us. disable() changes the very one it is told, or, if it
 * was replaced meanwhile, nothing. */
struct status registry_put_reducer(struct registry *registry, const Sagabase__V1__Reducer *reducer,
                                   struct registry_change *change, struct arena *arena);
struct status registry_put_upcaster(struct registry *registry,
                                    const Sagabase__V1__Upcaster *upcaster,
                                    struct registry_change *change, struct arena *arena);
struct status registry_delete(struct registry *registry, struct bytes name,
                              struct registry_change *change, struct arena *arena);
struct status registry_disable(struct registry *registry, const struct registration *registration,
                               const Sagabase__V1__Disabled *disabled,
                               struct registry_change *change, struct arena *arena);

/* What became of it. */
struct status registry_change_settle(struct registry_change *change, struct arena *arena);

#endif
