/* Commands about the server: what it is, how it is set, what it holds. */
#include <inttypes.h>
#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/version.h"
#include "server/resp/commands.h"
#include "server/resp/expiry.h"
#include "server/resp/face.h"
#include "server/resp/keys.h"
#include "server/resp/number.h"
#include "server/resp/pattern.h"
#include "server/resp/session.h"
#include "server/resp/version.h"

enum {
    INFO_BYTES_MAX = 16 << 10,
    SETTING_BYTES_MAX = 32,
    EMBEDDED_BYTES_MAX = 44, /* longer strings are `raw` in Redis (object.c) */
};

static int64_t key_count(struct face *face)
{
    return (int64_t)(value_count(face->values) + snapshot_stream_count(face->snapshots));
}

void command_dbsize(struct client *client, const struct request *request, struct reply *reply)
{
    (void)request;
    reply_integer(reply, key_count(client->face));
}

/* --- INFO ---------------------------------------------------------------------------------------
 */

static void put_server(struct face *face, struct buffer *text)
{
    int64_t seconds = (face->now_us - face->started_us) / 1000000;

    buffer_print(text,
                 "redis_version:" RESP_REDIS_VERSION "\r\nredis_mode:standalone\r\n"
                 "sagabase_version:%s\r\nsagabase_commit:%s\r\n"
                 "multiplexing_api:epoll\r\nprocess_id:%d\r\ntcp_port:%d\r\n"
                 "uptime_in_seconds:%" PRId64 "\r\nuptime_in_days:%" PRId64 "\r\n",
                 sagabase_version, sagabase_commit, (int)getpid(), face->port, seconds,
                 seconds / 86400);
}

static void put_clients(struct face *face, struct buffer *text)
{
    buffer_print(text,
                 "connected_clients:%zu\r\nmaxclients:%zu\r\n"
                 "client_buffer_bytes:%zu\r\nblocked_clients:0\r\n",
                 face->client_count, face->clients_max, face->buffer_bytes);
}

static void put_memory(struct face *face, struct buffer *text)
{
    struct cache_stats stats = snapshot_cache_stats(face->cache);

    buffer_print(text,
                 "used_memory:%zu\r\nmaxmemory:%zu\r\nmaxmemory_policy:%s\r\n"
                 "unsaved_keys:%zu\r\nunsaved_bytes:%zu\r\n",
                 stats.bytes, stats.bytes_max, cache_policy_name(stats.policy),
                 stats.unsaved_entries, stats.unsaved_bytes);
}

static void put_persistence(struct face *face, struct buffer *text)
{
    struct cache_stats stats = snapshot_cache_stats(face->cache);

    buffer_print(text,
                 "loading:0\r\naof_enabled:1\r\nappendfsync:%s\r\n"
                 "rdb_changes_since_last_save:%zu\r\n",
                 face->always_saved ? "always" : "everysec", stats.unsaved_entries);
}

static void put_stats(struct face *face, struct buffer *text)
{
    struct cache_stats stats = snapshot_cache_stats(face->cache);
    const struct face_counts *counts = &face->counts;

    buffer_print(text,
                 "total_connections_received:%" PRIu64 "\r\nrejected_connections:%" PRIu64 "\r\n"
                 "total_commands_processed:%" PRIu64 "\r\ntotal_net_input_bytes:%" PRIu64 "\r\n"
                 "total_net_output_bytes:%" PRIu64 "\r\nkeyspace_hits:%" PRIu64 "\r\n"
                 "keyspace_misses:%" PRIu64 "\r\nevicted_keys:%" PRIu64 "\r\n"
                 "expired_keys:%" PRIu64 "\r\nclosed_full_connections:%" PRIu64 "\r\n"
                 "closed_idle_connections:%" PRIu64 "\r\n",
                 counter_get(&counts->connections), counter_get(&counts->refused),
                 counter_get(&counts->commands), counter_get(&counts->input_bytes),
                 counter_get(&counts->output_bytes), stats.hits, stats.misses, stats.evictions,
                 stats.expirations,
                 counter_get(&counts->closed_full) + counter_get(&counts->closed_output),
                 counter_get(&counts->closed_idle));
}

static void put_replication(struct face *face, struct buffer *text)
{
    (void)face;
    buffer_put_text(text, "role:master\r\nconnected_slaves:0\r\n");
}

static void put_cpu(struct face *face, struct buffer *text)
{
    struct rusage used;

    (void)face;
    getrusage(RUSAGE_SELF, &used);
    buffer_print(text, "used_cpu_sys:%ld.%06ld\r\nused_cpu_user:%ld.%06ld\r\n",
                 (long)used.ru_stime.tv_sec, (long)used.ru_stime.tv_usec,
                 (long)used.ru_utime.tv_sec, (long)used.ru_utime.tv_usec);
}

static void put_cluster(struct face *face, struct buffer *text)
{
    (void)face;
    buffer_put_text(text, "cluster_enabled:0\r\n");
}

static void put_keyspace(struct face *face, struct buffer *text)
{
    int64_t count = key_count(face);

    if (count > 0)
        buffer_print(text, "db0:keys=%" PRId64 ",snapshots=%" PRIu64 "\r\n", count,
                     snapshot_stream_count(face->snapshots));
}

static const struct {
    const char *name, *title;
    void (*put)(struct face *face, struct buffer *text);
} sections[] = {
    {"server", "Server", put_server},
    {"clients", "Clients", put_clients},
    {"memory", "Memory", put_memory},
    {"persistence", "Persistence", put_persistence},
    {"stats", "Stats", put_stats},
    {"replication", "Replication", put_replication},
    {"cpu", "CPU", put_cpu},
    {"cluster", "Cluster", put_cluster},
    {"keyspace", "Keyspace", put_keyspace},
};

enum { SECTION_COUNT = sizeof sections / sizeof *sections };

static bool asks_for(const struct request *request, size_t section)
{
    static const char *const all[] = {"default", "all", "everything", NULL};

    for (uint32_t i = 1; i < request->count; i++) {
        for (const char *const *word = all; *word; word++)
            if (argument_is(request, i, *word))
                return true;
        if (argument_is(request, i, sections[section].name))
            return true;
    }
    return request->count == 1;
}

void command_info(struct client *client, const struct request *request, struct reply *reply)
{
    struct buffer text;

    buffer_init(&text, INFO_BYTES_MAX);
    for (size_t i = 0; i < SECTION_COUNT; i++) {
        if (!asks_for(request, i))
            continue;
        buffer_print(&text, "%s# %s\r\n", text.size ? "\r\n" : "", sections[i].title);
        sections[i].put(client->face, &text);
    }
    reply_verbatim(reply, buffer_bytes(&text));
    buffer_destroy(&text);
}

/* --- CONFIG GET
 * ----------------------------------------------------------------------------------- */

/* Settings by the names that they have in Redis, in the order of these. */
enum setting {
    SETTING_APPENDFSYNC,
    SETTING_APPENDONLY,
    SETTING_DATABASES,
    SETTING_MAXCLIENTS,
    SETTING_MAXMEMORY,
    SETTING_MAXMEMORY_POLICY,
    SETTING_PORT,
    SETTING_BULK_BYTES,
    SETTING_SAVE,
    SETTING_TIMEOUT,
    SETTING_COUNT,
};

static const char *const setting_names[SETTING_COUNT] = {
    "appendfsync",      "appendonly", "databases",          "maxclients", "maxmemory",
    "maxmemory-policy", "port",       "proto-max-bulk-len", "save",       "timeout",
};

static void read_setting(struct face *face, enum setting setting, char value[SETTING_BYTES_MAX])
{
    struct cache_stats stats = snapshot_cache_stats(face->cache);
    const char *text = "";
    int64_t number = -1;

    switch (setting) {
    case SETTING_APPENDFSYNC:
        text = face->always_saved ? "always" : "everysec";
        break;
    case SETTING_APPENDONLY:
        text = "yes";
        break;
    case SETTING_DATABASES:
        number = 1;
        break;
    case SETTING_MAXCLIENTS:
        number = (int64_t)face->clients_max;
        break;
    case SETTING_MAXMEMORY:
        number = (int64_t)stats.bytes_max;
        break;
    case SETTING_MAXMEMORY_POLICY:
        text = cache_policy_name(stats.policy);
        break;
    case SETTING_PORT:
        number = face->port;
        break;
    case SETTING_BULK_BYTES:
        number = REQUEST_BULK_BYTES_MAX;
        break;
    case SETTING_TIMEOUT:
        number = face->idle_us_max / 1000000;
        break;
    case SETTING_SAVE:
    case SETTING_COUNT:
        break;
    }
    if (number >= 0)
        snprintf(value, SETTING_BYTES_MAX, "%" PRId64, number);
    else
        snprintf(value, SETTING_BYTES_MAX, "%s", text);
}

static bool asks_for_setting(const struct request *request, enum setting setting)
{
    struct bytes name = bytes_of_text(setting_names[setting]);

    for (uint32_t i = 2; i < request->count; i++) {
        struct bytes pattern = request_argument(request, i);
        if (pattern.size <= PATTERN_BYTES_MAX && pattern_matches(pattern, name, true))
            return true;
    }
    return false;
}

void command_config_get(struct client *client, const struct request *request, struct reply *reply)
{
    char value[SETTING_BYTES_MAX];
    size_t count = 0;

    for (int i = 0; i < SETTING_COUNT; i++)
        count += asks_for_setting(request, (enum setting)i);
    reply_map(reply, count);
    for (int i = 0; i < SETTING_COUNT; i++) {
        if (!asks_for_setting(request, (enum setting)i))
            continue;
        read_setting(client->face, (enum setting)i, value);
        reply_text(reply, setting_names[i]);
        reply_text(reply, value);
    }
}

/* --- values, from within
 * ---------------------------------------------------------------------------- */

/* MEMORY USAGE key [SAMPLES count]; a value has no samples. */
void command_memory_usage(struct client *client, const struct request *request, struct reply *reply)
{
    struct bytes key = request_argument(request, 2);
    struct found found;
    int64_t samples;

    if (request->count != 3 && (request->count != 5 || !argument_is(request, 3, "samples"))) {
        reply_syntax_error(reply);
        return;
    }
    if (request->count == 5 && !number_read(request_argument(request, 4), &samples)) {
        reply_not_an_integer(reply);
        return;
    }
    struct status status = keys_find(client->face, key, LOOK_PEEKS, &found);
    struct cache_entry *entry = found.is_snapshot ? found.snapshot.entry : found.entry;
    if (!status_ok(status))
        reply_status(reply, status);
    else if (!found.exists)
        reply_null(reply);
    else
        reply_integer(reply,
                      (int64_t)(entry ? cache_entry_bytes(entry) : key.size + found.value.size));
    found_release(&found);
}

void command_object_encoding(struct client *client, const struct request *request,
                             struct reply *reply)
{
    struct found found;
    int64_t number;
    struct status status =
        keys_find(client->face, request_argument(request, 2), LOOK_PEEKS, &found);

    if (!status_ok(status))
        reply_status(reply, status);
    else if (!found.exists)
        reply_null(reply);
    else if (number_read(found.value, &number))
        reply_text(reply, "int");
    else
        reply_text(reply, found.value.size <= EMBEDDED_BYTES_MAX ? "embstr" : "raw");
    found_release(&found);
}
