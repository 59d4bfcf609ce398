/* The tables of the dispatch: commands by id and by due time, queues by name. */
#include <stdlib.h>

#include "base/hash.h"
#include "server/sagas/dispatch_state.h"

enum { BUCKETS_MIN = 1 << 10 };

/* --- by id -------------------------------------------------------------------------------------
 */

static uint64_t hash_id(const struct uuid *id)
{
    return hash_bytes(bytes_of(id->bytes, UUID_BYTES));
}

struct command *commands_find(const struct dispatch *dispatch, const struct uuid *id)
{
    if (dispatch->bucket_count == 0)
        return NULL;
    struct command *command = dispatch->buckets[hash_id(id) & (dispatch->bucket_count - 1)];
    while (command && memcmp(command->id.bytes, id->bytes, UUID_BYTES) != 0)
        command = command->next_in_bucket;
    return command;
}

/* One command for each bucket, on average. */
static bool grow(struct dispatch *dispatch)
{
    size_t count = dispatch->bucket_count ? dispatch->bucket_count * 2 : BUCKETS_MIN;

    if (dispatch->command_count < dispatch->bucket_count)
        return true;
    struct command **buckets = calloc(count, sizeof *buckets);
    if (!buckets)
        return false;
    for (size_t i = 0; i < dispatch->bucket_count; i++)
        for (struct command *command = dispatch->buckets[i]; command;) {
            struct command *next = command->next_in_bucket;
            struct command **bucket = &buckets[hash_id(&command->id) & (count - 1)];
            command->next_in_bucket = *bucket;
            *bucket = command;
            command = next;
        }
    free(dispatch->buckets);
    dispatch->buckets = buckets;
    dispatch->bucket_count = count;
    return true;
}

struct command *commands_add(struct dispatch *dispatch, const struct uuid *id, struct queue *queue)
{
    struct command *command = NULL;

    if (grow(dispatch) && due_heap_reserve(&dispatch->heap, dispatch->command_count + 1))
        command = calloc(1, sizeof *command);
    if (!command)
        return NULL;
    struct command **bucket = &dispatch->buckets[hash_id(id) & (dispatch->bucket_count - 1)];
    command->id = *id;
    command->queue = queue;
    due_init(&command->due);
    command->next_in_bucket = *bucket;
    link_init(&command->link);
    *bucket = command;
    queue->command_count++;
    dispatch->command_count++;
    return command;
}

void commands_remove(struct dispatch *dispatch, struct command *command)
{
    struct command **at = &dispatch->buckets[hash_id(&command->id) & (dispatch->bucket_count - 1)];

    while (*at != command)
        at = &(*at)->next_in_bucket;
    *at = command->next_in_bucket;
    command_set_due(dispatch, command, INT64_MAX);
    command_set_details(dispatch, command, (struct bytes){0});
    command_set_trace(dispatch, command, &(struct attempt_trace){.is_given = false});
    command->queue->command_count--;
    queues_release(dispatch, command->queue);
    dispatch->command_count--;
    free(command);
}

void command_set_trace(struct dispatch *dispatch, struct command *command,
                       const struct attempt_trace *trace)
{
    if (trace->is_given && !command->trace) {
        command->trace = malloc(sizeof *command->trace);
        atomic_fetch_add(&dispatch->traced_count, command->trace ? 1 : 0);
    } else if (!trace->is_given && command->trace) {
        free(command->trace);
        command->trace = NULL;
        atomic_fetch_sub(&dispatch->traced_count, 1);
    }
    if (command->trace)
        *command->trace = *trace;
}

void command_set_details(struct dispatch *dispatch, struct command *command, struct bytes given)
{
    size_t before = command->details ? command->details->size : 0;
    struct details *details = NULL;

    if (given.size > 0) {
        if (dispatch->details_bytes - before + given.size > DETAILS_MEMORY_MAX) {
            counter_add(&dispatch->details_full, 1);
            return;
        }
        details = malloc(sizeof *details + given.size);
        if (!details)
            return; /* older ones are better than none */
        details->size = given.size;
        memcpy(details->bytes, given.data, given.size);
    }
    dispatch->details_bytes += given.size - before;
    free(command->details);
    command->details = details;
}

/* --- by due time ----------------------------------------------------------------------------- */

int64_t due_after(int64_t now_us, int64_t interval_us)
{
    return interval_us > 0 && now_us < INT64_MAX - interval_us ? now_us + interval_us : INT64_MAX;
}

void command_set_due(struct dispatch *dispatch, struct command *command, int64_t due_us)
{
    due_heap_set(&dispatch->heap, &command->due, due_us);
}

/* --- queues by name --------------------------------------------------------------------------- */

struct queue *queues_acquire(struct dispatch *dispatch, struct bytes name, bool limited)
{
    uint64_t hash = hash_bytes(name);
    struct queue **bucket = &dispatch->queues[hash % QUEUE_BUCKETS];
    struct queue *queue = *bucket;

    while (queue && !bytes_equal(bytes_of(queue->name, queue->name_size), name))
        queue = queue->next_in_bucket;
    if (queue || (limited && dispatch->queue_count >= QUEUES_MAX))
        return queue;
    queue = calloc(1, sizeof *queue + name.size);
    if (!queue)
        return NULL;
    queue->hash = hash;
    queue->name_size = name.size;
    memcpy(queue->name, name.data, name.size);
    for (int band = 0; band < BAND_COUNT; band++)
        link_init(&queue->bands[band]);
    link_init(&queue->workers);
    queue->next_in_bucket = *bucket;
    *bucket = queue;
    dispatch->queue_count++;
    return queue;
}

void queues_release(struct dispatch *dispatch, struct queue *queue)
{
    struct queue **at = &dispatch->queues[queue->hash % QUEUE_BUCKETS];

    if (queue->command_count > 0 || queue->subscription_count > 0)
        return;
    while (*at != queue)
        at = &(*at)->next_in_bucket;
    *at = queue->next_in_bucket;
    dispatch->queue_count--;
    free(queue);
}
