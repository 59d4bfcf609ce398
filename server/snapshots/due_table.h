/* What is known of the streams that may need a snapshot: bookkeeping in memory, without storage,
 * clock or thread. It only says which streams are to be looked at; that one is due is known from
 * such a look (due_look.h).
 *
 *   added --> TO LOOK --look--> WAITING ---enough events, time---> TO LOOK
 *                        |----> FOR CLIENTS, FOR SERVER ---put---> TO LOOK
 *                        '----> gone: nothing behind its snapshot, no policy, no such stream
 *
 * Bounded in bytes. When it is full, streams that only wait for a number of events are let go:
 * their next event brings them back. If that is not enough, a stream is left out, and the table
 * remembers that it has forgotten something. Not thread-safe. */
#ifndef SERVER_SNAPSHOTS_DUE_TABLE_H
#define SERVER_SNAPSHOTS_DUE_TABLE_H

#include "base/bytes.h"
#include "base/due_heap.h"
#include "server/snapshots/due_list.h"
#include "server/snapshots/due_look.h"

enum due_state { DUE_WAITING, DUE_FOR_CLIENTS, DUE_FOR_SERVER };

struct due_stream {
    uint64_t hash;
    struct due_stream *next_in_bucket;
    enum due_state state;
    bool to_look; /* and in that list */
    struct due_stream *next_to_look;

    /* As of the last look, kept up with what was appended since. */
    struct snapshot_policy policy;
    struct due_newest newest;
    uint64_t first_behind, last_revision;
    struct due timer; /* when it is to be looked at */

    struct due_link link;  /* while due */
    uint64_t due_revision; /* its newest when it became due */
    int64_t due_since_us;  /* on the wall clock */
    int64_t not_before_us; /* the server's next try to make the snapshot */
    unsigned failures;     /* of the tries before, one after another */

    size_t name_size;
    uint8_t name[];
};

static inline struct bytes due_stream_name(const struct due_stream *stream)
{
    return (struct bytes){stream->name, stream->name_size};
}

enum { DUE_BUCKETS = 1 << 16 };

struct due_table {
    struct due_stream **buckets;
    size_t count, bytes, bytes_max;
    size_t counting;    /* streams that wait for a number of events and nothing else */
    bool has_forgotten; /* a stream was left out, since somebody set this to false */
    uint64_t full;      /* how often that was */
    struct due_heap timers;
    struct due_stream *first_to_look, *last_to_look;
    struct due_list for_clients, for_server;
};

/* False: out of memory. */
bool due_table_init(struct due_table *table, size_t bytes_max);
void due_table_destroy(struct due_table *table);

struct due_stream *due_table_find(const struct due_table *table, struct bytes stream);

/* The stream is to be looked at; if it is not there, it is added as far as there is room. */
void due_table_mark(struct due_table *table, struct bytes stream);

/* An event was appended to a stream that has this policy. */
void due_table_add_event(struct due_table *table, struct bytes stream, uint64_t revision,
                         int64_t created_us, const struct snapshot_policy *policy);

/* A snapshot was put: the stream is not due until a look says so. */
void due_table_put(struct due_table *table, struct bytes stream);

/* The next stream to look at; NULL: none. It stays where it is until due_table_see. */
struct due_stream *due_table_take(struct due_table *table);

/* What the look at it has shown; if something happened since, it is to be looked at again. The
 * stream may be gone then. `is_servers`: the server makes its snapshots itself. */
void due_table_see(struct due_table *table, struct due_stream *stream,
                   const struct due_sight *sight, bool is_servers, int64_t now_us);

/* The look failed: again at this time. */
void due_table_put_off(struct due_table *table, struct due_stream *stream, int64_t at_us);

/* The server could not make its snapshot: it will not be the server's again before some time. */
void due_table_fail(struct due_table *table, struct due_stream *stream, int64_t now_us);

/* Marks those whose time has come: at most `max`. */
void due_table_expire(struct due_table *table, int64_t now_us, size_t max);

/* Calls `is_stale` for the streams of some buckets, and marks where it says so. `bucket` and
 * what is returned: where to go on; 0: the first, or all are done. */
size_t due_table_sweep(struct due_table *table, size_t bucket,
                       bool (*is_stale)(void *context, const struct due_stream *stream),
                       void *context);

#endif
