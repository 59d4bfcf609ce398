#include "tests/support/log_fixture.h"

#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>

enum { ARENA_BYTES_MAX = 64 << 20 };

struct event_log *open_log(struct engine *engine)
{
    struct event_log *log = NULL;
    struct status status = event_log_open(&(struct event_log_options){.engine = engine}, &log);

    if (!status_ok(status)) {
        fprintf(stderr, "open_log: %s\n", status.message);
        abort();
    }
    return log;
}

/* A copy of the caller's append, with the semaphore that its end posts. */
struct running {
    struct append append;
    sem_t done;
};

static void on_done(struct intent *intent)
{
    sem_post(&container_of(intent, struct running, append.intent)->done);
}

struct status run_append(struct event_log *log, struct append *append)
{
    struct running running = {.append = *append};
    struct arena arena;

    arena_init(&arena, ARENA_BYTES_MAX);
    sem_init(&running.done, 0, 0);
    running.append.intent.done = on_done;
    struct status status = append_submit(log, &running.append, &arena);
    if (status_ok(status)) {
        while (sem_wait(&running.done) != 0)
            continue; /* a signal */
        status = append_settle(log, &running.append, &arena);
    }
    sem_destroy(&running.done);
    arena_destroy(&arena);
    *append = running.append;
    append->plan = NULL;
    return status;
}

struct new_event make_event(struct uuid id)
{
    return (struct new_event){.id = id, .type = bytes_of_text("Tested")};
}

struct status append_some(struct event_log *log, const char *stream, struct expectation expected,
                          size_t count, uint64_t *last_revision)
{
    struct new_event *events = calloc(count, sizeof *events);
    char(*texts)[24] = calloc(count, sizeof *texts);

    for (size_t i = 0; i < count; i++) {
        events[i] = make_event(uuid_random());
        snprintf(texts[i], sizeof texts[i], "%zu", i);
        events[i].data = bytes_of_text(texts[i]);
    }
    struct stream_append streams = {.stream = bytes_of_text(stream),
                                    .expected = expected,
                                    .events = events,
                                    .event_count = count};
    struct append append = {.streams = &streams, .stream_count = 1};
    struct status status = run_append(log, &append);
    if (status_ok(status) && last_revision)
        *last_revision = streams.last_revision;
    free(events);
    free(texts);
    return status;
}

void append_varied(struct event_log *log, size_t round, size_t data_bytes)
{
    struct new_event events[VARIED_EVENTS];
    struct bytes tags[VARIED_EVENTS][2];
    struct metadata_entry metadata[VARIED_EVENTS];
    char texts[VARIED_EVENTS][3][32], stream[32];
    uint8_t *data = calloc(1, data_bytes + 1);

    for (size_t i = 0; i < VARIED_EVENTS; i++) {
        events[i] = make_event(uuid_random());
        snprintf(texts[i][0], sizeof texts[i][0], "Type%zu", (round + i) % 7);
        snprintf(texts[i][1], sizeof texts[i][1], "tag-%zu", (round * 3 + i) % 40);
        snprintf(texts[i][2], sizeof texts[i][2], "correlated-%zu", round);
        tags[i][0] = bytes_of_text(texts[i][1]);
        tags[i][1] = bytes_of_text("all");
        metadata[i] =
            (struct metadata_entry){bytes_of_text("$correlationId"), bytes_of_text(texts[i][2])};
        events[i].type = bytes_of_text(texts[i][0]);
        events[i].data = bytes_of(data, data_bytes);
        events[i].tags = tags[i];
        events[i].tag_count = 2;
        events[i].metadata = &metadata[i];
        events[i].metadata_count = 1;
    }
    snprintf(stream, sizeof stream, "kind%zu-%zu", round % 5, round % 50);
    struct stream_append streams[2] = {
        {.stream = bytes_of_text(stream), .expected = ANY, .events = events, .event_count = 6},
        {.stream = bytes_of_text("shared"),
         .expected = ANY,
         .events = events + 6,
         .event_count = VARIED_EVENTS - 6},
    };
    struct append append = {.streams = streams, .stream_count = 2};
    struct status status = run_append(log, &append);
    free(data);
    if (!status_ok(status)) {
        fprintf(stderr, "append_varied: %s\n", status.message);
        abort();
    }
}

struct status append_one(struct event_log *log, const char *stream, struct expectation expected,
                         struct uuid id, struct append *result)
{
    struct new_event event = make_event(id);
    struct stream_append streams = {
        .stream = bytes_of_text(stream), .expected = expected, .events = &event, .event_count = 1};
    struct append append = {.streams = &streams, .stream_count = 1};
    struct status status = run_append(log, &append);

    append.streams = NULL;
    if (result)
        *result = append;
    return status;
}

struct changing {
    struct stream_change change;
    sem_t done;
};

static void on_changed(struct intent *intent)
{
    sem_post(&container_of(intent, struct changing, change.intent)->done);
}

struct status change_stream(struct event_log *log, struct stream_change wanted)
{
    struct changing changing = {.change = wanted};
    struct arena arena;

    arena_init(&arena, 1 << 16);
    sem_init(&changing.done, 0, 0);
    changing.change.intent.done = on_changed;
    struct status status = stream_change_submit(log, &changing.change, &arena);
    if (status_ok(status)) {
        while (sem_wait(&changing.done) != 0)
            continue; /* a signal */
        status = changing.change.intent.status;
    }
    sem_destroy(&changing.done);
    arena_destroy(&arena);
    return status;
}

struct status read_named(struct event_log *log, const char *stream, const struct read *read,
                         struct page *page)
{
    struct stream_head head;

    *page = (struct page){0};
    TRY(event_log_find_stream(log, bytes_of_text(stream), &head));
    if (!head.exists)
        return status_make(STATUS_NOT_FOUND, "%s: no such stream", stream);
    return event_log_read_stream(log, head.number, read, page);
}
