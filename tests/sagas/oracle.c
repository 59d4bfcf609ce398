#include "tests/sagas/oracle.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/uuid.h"
#include "sagabase/v1/sagas.pb-c.h"

enum {
    COMMANDS_MAX = 64, /* activities of a saga in these tests */
    TABLE_MIN = 1024,
    SAGA_PREFIX_BYTES = 6, /* "$saga-" */
};

/* One side of an activity: its action, or its compensation. */
struct command {
    uint32_t attempts;
    uint32_t first_issue; /* 1, 2 ... in the saga; 0: never issued */
    uint32_t ends;        /* CommandSucceeded and CommandFailed */
    bool succeeded;
    bool by_operator;
    Sagabase__V1__Outcome outcome;
    char error[32];
    char id[UUID_TEXT_BYTES + 1];
};

struct activity {
    char node[65];
    struct command action, compensation;
};

struct story {
    char stream[330];
    struct activity activities[COMMANDS_MAX];
    uint32_t activity_count;
    uint32_t issues; /* first issues of actions so far */
    uint32_t undos;  /* first issues of compensations so far */
    bool backward;
    Sagabase__V1__SagaStatus status;
    struct story *next; /* in its place of the table */
};

/* What participants have appended for a command. */
struct effect {
    char command_id[UUID_TEXT_BYTES + 1];
    uint32_t done, refused;
    bool claimed; /* a saga has issued such a command */
    struct effect *next;
};

struct oracle {
    struct story *stories[TABLE_MIN];
    struct effect *effects[TABLE_MIN];
    uint64_t refused_late;
};

static size_t place_of(const char *text)
{
    uint64_t hash = 14695981039346656037u;

    for (; *text; text++)
        hash = (hash ^ (uint8_t)*text) * 1099511628211u;
    return hash % TABLE_MIN;
}

static struct story *find_story(const struct oracle *oracle, const char *stream)
{
    struct story *story = oracle->stories[place_of(stream)];

    while (story && strcmp(story->stream, stream) != 0)
        story = story->next;
    return story;
}

static struct effect *effect_of(struct oracle *oracle, const char *command_id)
{
    struct effect **place = &oracle->effects[place_of(command_id)];

    for (struct effect *effect = *place; effect; effect = effect->next)
        if (strcmp(effect->command_id, command_id) == 0)
            return effect;
    struct effect *effect = calloc(1, sizeof *effect);
    assert(effect);
    snprintf(effect->command_id, sizeof effect->command_id, "%s", command_id);
    effect->next = *place;
    *place = effect;
    return effect;
}

struct oracle *oracle_create(void)
{
    struct oracle *oracle = calloc(1, sizeof *oracle);

    assert(oracle);
    return oracle;
}

void oracle_free(struct oracle *oracle)
{
    for (size_t i = 0; i < TABLE_MIN; i++) {
        while (oracle->stories[i]) {
            struct story *story = oracle->stories[i];
            oracle->stories[i] = story->next;
            free(story);
        }
        while (oracle->effects[i]) {
            struct effect *effect = oracle->effects[i];
            oracle->effects[i] = effect->next;
            free(effect);
        }
    }
    free(oracle);
}

bool oracle_knows(const struct oracle *oracle, const char *type, const char *id)
{
    char stream[330];

    snprintf(stream, sizeof stream, "$saga-%s-%s", type, id);
    return find_story(oracle, stream) != NULL;
}

/* --- the story of one saga ---------------------------------------------------------------------
 */

static struct status wrong(const struct story *story, const char *what, const char *node)
{
    return status_make(STATUS_DATA_LOSS, "%.60s: %s%s%.40s", story->stream, what, *node ? ": " : "",
                       node);
}

static bool has_ended(const struct story *story)
{
    return story->status == SAGABASE__V1__SAGA_STATUS__SAGA_STATUS_COMPLETED ||
           story->status == SAGABASE__V1__SAGA_STATUS__SAGA_STATUS_COMPENSATED ||
           story->status == SAGABASE__V1__SAGA_STATUS__SAGA_STATUS_TERMINATED;
}

static struct activity *activity_at(struct story *story, uint32_t index)
{
    assert(index < COMMANDS_MAX);
    if (index >= story->activity_count)
        story->activity_count = index + 1;
    return &story->activities[index];
}

static struct command *command_of(struct activity *activity, int operation)
{
    return operation == SAGABASE__V1__OPERATION__OPERATION_COMPENSATION ? &activity->compensation
                                                                        : &activity->action;
}

/* Actions in order; then compensations, each of the newest action not yet looked at. */
static struct status note_first_issue(struct story *story, struct activity *activity,
                                      bool compensation)
{
    if (!compensation) {
        if (story->backward)
            return wrong(story, "an action is issued on the way back", activity->node);
        activity->action.first_issue = ++story->issues;
        return OK;
    }
    if (!story->backward)
        return wrong(story, "a compensation is issued on the way forward", activity->node);
    if (activity->action.first_issue == 0)
        return wrong(story, "compensates what was never issued", activity->node);
    for (uint32_t i = 0; i < story->activity_count; i++) {
        const struct activity *other = &story->activities[i];
        if (other->compensation.first_issue &&
            other->action.first_issue <= activity->action.first_issue)
            return wrong(story, "is compensated before a later one", activity->node);
    }
    activity->compensation.first_issue = ++story->undos;
    return OK;
}

static struct status see_issued(struct oracle *oracle, struct story *story,
                                const Sagabase__V1__CommandIssued *issued)
{
    struct activity *activity = activity_at(story, issued->activity);
    bool compensation = issued->operation == SAGABASE__V1__OPERATION__OPERATION_COMPENSATION;
    struct command *command = command_of(activity, issued->operation);

    if (command->ends > 0 && !command->by_operator)
        return wrong(story, "is issued again after its end", issued->node);
    if (command->attempts == 0) {
        snprintf(activity->node, sizeof activity->node, "%s", issued->node);
        snprintf(command->id, sizeof command->id, "%s", issued->command_id);
        TRY(note_first_issue(story, activity, compensation));
    } else if (strcmp(command->id, issued->command_id) != 0) {
        return wrong(story, "has changed its command id", issued->node);
    }
    if (issued->attempt != command->attempts && issued->attempt != command->attempts + 1)
        return wrong(story, "has lost count of its attempts", issued->node);
    command->attempts = issued->attempt;
    effect_of(oracle, issued->command_id)->claimed = true;
    return OK;
}

static struct status see_end(struct story *story, uint32_t index, int operation, int outcome,
                             const char *error)
{
    struct activity *activity = activity_at(story, index);
    struct command *command = command_of(activity, operation);

    /* An operator may take as undone what has no compensation. */
    if (command->attempts == 0 && !activity->action.by_operator)
        return wrong(story, "ends what was never issued", activity->node);
    if (command->ends++ > 0 && !command->by_operator)
        return wrong(story, "has two ends", activity->node);
    command->outcome = (Sagabase__V1__Outcome)outcome;
    command->succeeded = outcome == SAGABASE__V1__OUTCOME__OUTCOME_SUCCESS;
    snprintf(command->error, sizeof command->error, "%s", error);
    return OK;
}

static struct status see_operator(struct story *story, const Sagabase__V1__OperatorActed *acted)
{
    struct activity *activity = activity_at(story, acted->activity);

    command_of(activity, activity->compensation.attempts
                             ? SAGABASE__V1__OPERATION__OPERATION_COMPENSATION
                             : SAGABASE__V1__OPERATION__OPERATION_ACTION)
        ->by_operator = true;
    return OK;
}

static struct status see_step(struct oracle *oracle, struct story *story,
                              const Sagabase__V1__SagaEvent *event)
{
    switch (event->event_case) {
    case SAGABASE__V1__SAGA_EVENT__EVENT_COMMAND_ISSUED:
        return see_issued(oracle, story, event->command_issued);
    case SAGABASE__V1__SAGA_EVENT__EVENT_COMMAND_SUCCEEDED:
        return see_end(story, event->command_succeeded->activity,
                       event->command_succeeded->operation, SAGABASE__V1__OUTCOME__OUTCOME_SUCCESS,
                       "");
    case SAGABASE__V1__SAGA_EVENT__EVENT_COMMAND_FAILED:
        return see_end(story, event->command_failed->activity, event->command_failed->operation,
                       event->command_failed->outcome,
                       event->command_failed->error ? event->command_failed->error->type : "");
    case SAGABASE__V1__SAGA_EVENT__EVENT_COMPENSATION_STARTED:
        if (story->backward)
            return wrong(story, "turns backward twice", "");
        story->backward = true;
        return OK;
    case SAGABASE__V1__SAGA_EVENT__EVENT_OPERATOR_ACTED:
        return see_operator(story, event->operator_acted);
    case SAGABASE__V1__SAGA_EVENT__EVENT_LATE_REPLY_REFUSED:
        oracle->refused_late++;
        return OK;
    case SAGABASE__V1__SAGA_EVENT__EVENT_SAGA_COMPLETED:
        story->status = SAGABASE__V1__SAGA_STATUS__SAGA_STATUS_COMPLETED;
        return OK;
    case SAGABASE__V1__SAGA_EVENT__EVENT_SAGA_COMPENSATED:
        story->status = SAGABASE__V1__SAGA_STATUS__SAGA_STATUS_COMPENSATED;
        return OK;
    case SAGABASE__V1__SAGA_EVENT__EVENT_SAGA_TERMINATED:
        story->status = SAGABASE__V1__SAGA_STATUS__SAGA_STATUS_TERMINATED;
        return OK;
    default:
        return OK;
    }
}

static struct status see_saga_event(struct oracle *oracle,
                                    const Sagabase__V1__RecordedEvent *recorded)
{
    Sagabase__V1__SagaEvent *event =
        sagabase__v1__saga_event__unpack(NULL, recorded->data.len, recorded->data.data);
    struct story *story = find_story(oracle, recorded->stream);
    struct status status = OK;

    if (!event)
        return status_make(STATUS_DATA_LOSS, "%.100s: not a SagaEvent", recorded->stream);
    bool starts = event->event_case == SAGABASE__V1__SAGA_EVENT__EVENT_SAGA_STARTED;
    if (!story && starts) {
        struct story **place = &oracle->stories[place_of(recorded->stream)];
        story = calloc(1, sizeof *story);
        assert(story);
        snprintf(story->stream, sizeof story->stream, "%s", recorded->stream);
        story->status = SAGABASE__V1__SAGA_STATUS__SAGA_STATUS_RUNNING;
        story->next = *place;
        *place = story;
    } else if (!story || starts) {
        status = status_make(STATUS_DATA_LOSS, "%.100s: %s", recorded->stream,
                             starts ? "is started twice" : "does not begin with its start");
    } else if (has_ended(story)) {
        status = wrong(story, "something happens after its end", recorded->type);
    }
    if (status_ok(status))
        status = see_step(oracle, story, event);
    sagabase__v1__saga_event__free_unpacked(event, NULL);
    return status;
}

struct status oracle_see(struct oracle *oracle, const Sagabase__V1__RecordedEvent *event)
{
    char command_id[UUID_TEXT_BYTES + 1];

    if (strncmp(event->stream, "$saga-", SAGA_PREFIX_BYTES) == 0)
        return see_saga_event(oracle, event);
    bool done = strcmp(event->type, "Done") == 0, refused = strcmp(event->type, "Refused") == 0;
    if (!done && !refused)
        return OK;
    snprintf(command_id, sizeof command_id, "%.*s", (int)event->data.len,
             (const char *)event->data.data);
    struct effect *effect = effect_of(oracle, command_id);
    effect->done += done;
    effect->refused += refused;
    return OK;
}

/* --- the whole ------------------------------------------------------------------------------- */

/* Domain events are there exactly as the replies that were accepted say. */
static struct status judge_effect(const struct story *story, const struct activity *activity,
                                  const struct command *command, struct oracle *oracle)
{
    if (command->attempts == 0 || command->by_operator)
        return OK;
    const struct effect *effect = effect_of(oracle, command->id);
    if (effect->done != (command->succeeded ? 1u : 0u))
        return wrong(story,
                     command->succeeded ? "succeeded, but its event is not there once"
                                        : "did not succeed, but its event is there",
                     activity->node);
    bool refused = command->ends > 0 && strcmp(command->error, "business") == 0;
    if (effect->refused != (refused ? 1u : 0u))
        return wrong(story, "its refusal and its event do not agree", activity->node);
    return OK;
}

static bool can_be_undone(const struct activity *activity)
{
    return strchr("qpr", activity->node[0]) == NULL;
}

static struct status judge_compensated(const struct story *story)
{
    for (uint32_t i = 0; i < story->activity_count; i++) {
        const struct activity *activity = &story->activities[i];
        bool issued = activity->action.attempts > 0;
        int outcome = activity->action.outcome;
        bool wanted = issued && can_be_undone(activity) &&
                      (outcome == SAGABASE__V1__OUTCOME__OUTCOME_SUCCESS ||
                       outcome == SAGABASE__V1__OUTCOME__OUTCOME_UNKNOWN);
        if (issued && activity->action.ends == 0)
            return wrong(story, "is compensated with an action that has no end", activity->node);
        if (wanted && !activity->compensation.succeeded && !activity->compensation.by_operator)
            return wrong(story, "should have been undone", activity->node);
        if (!wanted && activity->compensation.attempts > 0)
            return wrong(story, "should not have been undone", activity->node);
    }
    return OK;
}

static struct status judge_completed(const struct story *story)
{
    if (story->backward)
        return wrong(story, "is completed, but had turned backward", "");
    for (uint32_t i = 0; i < story->activity_count; i++)
        if (story->activities[i].action.attempts > 0 && story->activities[i].action.ends == 0)
            return wrong(story, "is completed with an open command", story->activities[i].node);
    return OK;
}

static struct status judge_story(struct oracle *oracle, const struct story *story,
                                 struct oracle_counts *counts)
{
    counts->sagas++;
    for (uint32_t i = 0; i < story->activity_count; i++) {
        const struct activity *activity = &story->activities[i];
        counts->commands += (activity->action.attempts > 0) + (activity->compensation.attempts > 0);
        counts->attempts += activity->action.attempts + activity->compensation.attempts;
        TRY(judge_effect(story, activity, &activity->action, oracle));
        TRY(judge_effect(story, activity, &activity->compensation, oracle));
    }
    switch (story->status) {
    case SAGABASE__V1__SAGA_STATUS__SAGA_STATUS_COMPLETED:
        counts->completed++;
        return judge_completed(story);
    case SAGABASE__V1__SAGA_STATUS__SAGA_STATUS_COMPENSATED:
        counts->compensated++;
        return judge_compensated(story);
    case SAGABASE__V1__SAGA_STATUS__SAGA_STATUS_TERMINATED:
        counts->terminated++;
        return OK;
    default:
        counts->open++;
        return OK;
    }
}

struct status oracle_judge(const struct oracle *oracle, struct oracle_counts *counts)
{
    *counts = (struct oracle_counts){.refused_late = oracle->refused_late};
    for (size_t i = 0; i < TABLE_MIN; i++)
        for (const struct story *story = oracle->stories[i]; story; story = story->next)
            TRY(judge_story((struct oracle *)oracle, story, counts));
    for (size_t i = 0; i < TABLE_MIN; i++)
        for (const struct effect *effect = oracle->effects[i]; effect; effect = effect->next)
            if (!effect->claimed)
                return status_make(STATUS_DATA_LOSS, "%s: events of a command never issued",
                                   effect->command_id);
    return OK;
}
