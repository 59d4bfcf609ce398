#include "clients/cli/timeline.h"

#include <string.h>

enum { ARENA_BYTES_MAX = 64 << 20 };

void timeline_init(struct timeline *timeline)
{
    *timeline = (struct timeline){0};
    arena_init(&timeline->arena, ARENA_BYTES_MAX);
    timeline->rows = arena_alloc_raw(&timeline->arena, TIMELINE_ROWS_MAX * sizeof *timeline->rows);
}

void timeline_destroy(struct timeline *timeline)
{
    arena_destroy(&timeline->arena);
}

static const char *copy(struct timeline *timeline, const char *text)
{
    return (const char *)arena_copy(&timeline->arena, bytes_of_text(text)).data;
}

/* The newest row of an activity's operation; a node that is no step has one row only. */
static struct timeline_row *find(struct timeline *timeline, uint32_t activity, bool compensation)
{
    for (size_t i = timeline->count; i > 0; i--) {
        struct timeline_row *row = &timeline->rows[i - 1];
        if (row->activity == activity && row->is_compensation == compensation)
            return row;
    }
    return NULL;
}

static struct timeline_row *add_row(struct timeline *timeline, const char *name, uint32_t activity,
                                    uint32_t parent, int64_t time_us)
{
    struct timeline_row *row, *above;

    if (timeline->count == TIMELINE_ROWS_MAX) {
        timeline->full = true;
        return NULL;
    }
    above = parent == activity ? NULL : find(timeline, parent, false);
    row = &timeline->rows[timeline->count++];
    *row = (struct timeline_row){.activity = activity, .begin_us = time_us};
    row->depth = above ? above->depth + 1 : 0;
    row->name = copy(timeline, name);
    return row;
}

static bool is_undo(Sagabase__V1__Operation operation)
{
    return operation == SAGABASE__V1__OPERATION__OPERATION_COMPENSATION;
}

static void mark(struct timeline_row *row, int64_t time_us, bool ongoing)
{
    if (row->mark_count == TIMELINE_MARKS_MAX) {
        memmove(row->marks, row->marks + 1, sizeof row->marks - sizeof *row->marks);
        row->mark_count--;
    }
    row->marks[row->mark_count++] = (struct timeline_mark){time_us, ongoing};
}

static void issue(struct timeline *timeline, const Sagabase__V1__CommandIssued *issued,
                  int64_t time_us)
{
    bool undo = is_undo(issued->operation);
    struct timeline_row *row = find(timeline, issued->activity, undo);

    if (!row)
        row = add_row(timeline, issued->node, issued->activity, issued->parent, time_us);
    if (!row)
        return;
    row->is_step = true;
    row->is_compensation = undo;
    row->attempt = issued->attempt;
    row->retry_us = 0;
    row->end_us = 0;
    row->outcome = SAGABASE__V1__OUTCOME__OUTCOME_UNSPECIFIED;
}

static void retry(struct timeline *timeline, uint32_t activity, Sagabase__V1__Operation operation,
                  int64_t time_us, int64_t retry_us, const char *error)
{
    struct timeline_row *row = find(timeline, activity, is_undo(operation));

    if (!row)
        return;
    mark(row, time_us, !error);
    row->retry_us = retry_us;
    if (error)
        row->error = copy(timeline, error);
}

static void finish(struct timeline *timeline, uint32_t activity, bool undo, int64_t time_us,
                   Sagabase__V1__Outcome outcome, const Sagabase__V1__SagaError *error)
{
    struct timeline_row *row = find(timeline, activity, undo);

    if (!row)
        return;
    row->end_us = time_us;
    row->outcome = outcome;
    row->retry_us = 0;
    if (error)
        row->error = copy(timeline, error->type);
}

static void add_event(struct timeline *timeline, const Sagabase__V1__SagaEvent *event,
                      int64_t time_us)
{
    switch ((int)event->event_case) {
    case SAGABASE__V1__SAGA_EVENT__EVENT_SAGA_STARTED:
        timeline->count = 0;
        timeline->begin_us = time_us;
        timeline->end_us = 0;
        return;
    case SAGABASE__V1__SAGA_EVENT__EVENT_NODE_ENTERED:
        add_row(timeline, event->node_entered->node, event->node_entered->activity,
                event->node_entered->parent, time_us);
        return;
    case SAGABASE__V1__SAGA_EVENT__EVENT_NODE_FINISHED:
        return finish(timeline, event->node_finished->activity, false, time_us,
                      event->node_finished->outcome, event->node_finished->error);
    case SAGABASE__V1__SAGA_EVENT__EVENT_COMMAND_ISSUED:
        return issue(timeline, event->command_issued, time_us);
    case SAGABASE__V1__SAGA_EVENT__EVENT_COMMAND_SUCCEEDED:
        return finish(timeline, event->command_succeeded->activity,
                      is_undo(event->command_succeeded->operation), time_us,
                      SAGABASE__V1__OUTCOME__OUTCOME_SUCCESS, NULL);
    case SAGABASE__V1__SAGA_EVENT__EVENT_COMMAND_FAILED:
        return finish(timeline, event->command_failed->activity,
                      is_undo(event->command_failed->operation), time_us,
                      event->command_failed->outcome, event->command_failed->error);
    case SAGABASE__V1__SAGA_EVENT__EVENT_COMMAND_ERRORED:
        return retry(timeline, event->command_errored->activity, event->command_errored->operation,
                     time_us, event->command_errored->retry_us,
                     event->command_errored->error ? event->command_errored->error->type : "error");
    case SAGABASE__V1__SAGA_EVENT__EVENT_COMMAND_TIMED_OUT:
        return retry(timeline, event->command_timed_out->activity,
                     event->command_timed_out->operation, time_us,
                     event->command_timed_out->retry_us, "timed out");
    case SAGABASE__V1__SAGA_EVENT__EVENT_COMMAND_ONGOING:
        return retry(timeline, event->command_ongoing->activity, event->command_ongoing->operation,
                     time_us, event->command_ongoing->check_us, NULL);
    case SAGABASE__V1__SAGA_EVENT__EVENT_SAGA_COMPLETED:
    case SAGABASE__V1__SAGA_EVENT__EVENT_SAGA_COMPENSATED:
    case SAGABASE__V1__SAGA_EVENT__EVENT_SAGA_TERMINATED:
        timeline->end_us = time_us;
        return;
    default:
        return;
    }
}

bool timeline_add(struct timeline *timeline, const Sagabase__V1__HistoryEntry *entry)
{
    if (!timeline->rows)
        return false;
    if (entry->event)
        add_event(timeline, entry->event, entry->created_us);
    return true;
}
