/* What the cache and its stores may hold. Each row is also in a table of docs/limits.md or
 * ARCHITECTURE.md. */
#ifndef STORAGE_SNAPSHOTS_LIMITS_H
#define STORAGE_SNAPSHOTS_LIMITS_H

enum {
    SNAPSHOT_STATE_BYTES_MAX = 1 << 20, /* as an event's data: LoadStream sends it in one message */
    SNAPSHOT_TTL_S_MAX = 315360000,     /* ten years; beyond it, leave the TTL away */
    SNAPSHOTS_KEPT_MAX = 100,           /* of a stream */
    SNAPSHOT_POLICIES_MAX = 10000,
    SNAPSHOT_EVERY_EVENTS_MAX = 1000000,
    VALUE_KEY_BYTES_MAX = 4096,
    VALUE_BYTES_MAX = 1 << 20,
};

#endif
