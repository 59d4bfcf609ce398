/* What a key stands for: "snapshot:<stream>" for the newest snapshot of a stream, anything else for
 * a plain value. RESP thread. */
#ifndef SERVER_RESP_KEYS_H
#define SERVER_RESP_KEYS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/bytes.h"
#include "base/status.h"
#include "server/resp/face.h"

/* What is behind a key now. */
struct found {
    bool exists;
    struct bytes value;
    int64_t expires_us; /* VALUE_NO_EXPIRY: never */

    struct cache_entry *entry;
    struct snapshot snapshot;
    bool is_snapshot; /* then its revision is in `snapshot` */
    struct arena arena;
};

/* Whether the key names a snapshot, and of which stream. */
bool key_names_snapshot(struct bytes key, struct bytes *stream);

enum look { LOOK_USES, LOOK_PEEKS /* does not count as a use */ };

/* *found is to be released, whatever is returned. No key is no error. */
struct status keys_find(struct face *face, struct bytes key, enum look look, struct found *found);
void found_release(struct found *found);

/* Whether a command may change plain values now. If not, the client waits until others were
 * flushed; then it is to be asked again. */
bool keys_have_room(struct client *client, const struct request *request);

/* Where a change of a plain value tells that it is on disk; *saved is NULL where nobody waits for
 * that. Else the client's replies are held back until then. RESOURCE_EXHAUSTED: out of memory. */
struct status keys_await_save(struct client *client, struct value_saved **saved);

/* Nothing was changed, so nothing will be told. */
void keys_forget_save(struct value_saved *saved); /* may be NULL */

/* Deletes a plain value. *deleted: it was there. */
struct status keys_delete(struct client *client, struct bytes key, bool *deleted);

/* Gives a plain value another time to expire than it has. *found: it is there. */
struct status keys_set_expiry(struct client *client, struct bytes key, int64_t expires_us,
                              bool *found);

/* --- changes of snapshots ---------------------------------------------------------------- */

struct snapshot_errand;

struct errand_change {
    struct snapshot_change change;
    struct snapshot_errand *errand;
};

/* Changes of snapshots, submitted together. The client waits for all of them; then one reply is
 * written by `reply`, unless one of them failed: then that is the reply. */
struct snapshot_errand {
    struct errand errand;
    void (*reply)(const struct snapshot_errand *errand, struct reply *reply);
    int64_t number; /* the caller's, for its reply */
    struct arena arena;
    atomic_uint underway;
    uint32_t count;
    struct errand_change changes[];
};

/* NULL: out of memory. The caller fills in `reply`, `number`, and of each change what is needed;
 * bytes must be copied into the arena. */
struct snapshot_errand *snapshot_errand_create(struct client *client, uint32_t count);

/* Takes it. */
void snapshot_errand_submit(struct snapshot_errand *errand);

#endif
