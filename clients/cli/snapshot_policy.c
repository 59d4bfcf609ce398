/* sagabase snapshot policy: when streams are due for a snapshot, and how many stay. */
#include <inttypes.h>
#include <string.h>

#include "clients/cli/connection.h"
#include "clients/cli/duration.h"
#include "clients/cli/message_json.h"
#include "clients/cli/terminal.h"
#include "clients/cli/text.h"

static const char command[] = "snapshot policy";

enum { US_PER_MS = 1000, EVENTS_MAX = 1000000, KEEP_MAX = 100 };

struct snapshot_policy {
    struct connection connection;
    bool category;
    uint64_t every_events;
    int64_t every_us;
    uint64_t keep;
    bool clear;
};

static const struct option options[] = {
    {.name = "category",
     .kind = OPTION_FLAG,
     .offset = offsetof(struct snapshot_policy, category),
     .help = "NAME is a category: the policy holds for each of\nits streams without one of its "
             "own."},
    {.name = "every-events",
     .value = "N",
     .kind = OPTION_NUMBER,
     .offset = offsetof(struct snapshot_policy, every_events),
     .min = 1,
     .max = EVENTS_MAX,
     .help = "Due with N events behind the newest snapshot."},
    {.name = "every",
     .value = "DURATION",
     .kind = OPTION_DURATION,
     .offset = offsetof(struct snapshot_policy, every_us),
     .help = "Due when the oldest event behind the newest\nsnapshot is so old: a whole number and "
             "s, m, h or d,\nfor example 15m."},
    {.name = "keep",
     .value = "N",
     .kind = OPTION_NUMBER,
     .offset = offsetof(struct snapshot_policy, keep),
     .min = 1,
     .max = KEEP_MAX,
     .help = "How many of a stream's newest snapshots stay. The\nfirst time: 1."},
    {.name = "clear",
     .kind = OPTION_FLAG,
     .offset = offsetof(struct snapshot_policy, clear),
     .help = "Take the policy away; with others of these: begin\nwith an empty one."},
    CONNECTION_OPTIONS(struct snapshot_policy, "30", "Print one JSON object per policy and line."),
};

/* --- what there is ------------------------------------------------------------------- */

static bool is_of(const struct snapshot_policy *self, const char *name,
                  const Sagabase__V1__SnapshotPolicyInfo *info)
{
    if (!name)
        return true;
    if (info->target_case == SAGABASE__V1__SNAPSHOT_POLICY_INFO__TARGET_CATEGORY)
        return self->category && strcmp(info->category, name) == 0;
    return info->target_case == SAGABASE__V1__SNAPSHOT_POLICY_INFO__TARGET_STREAM &&
           !self->category && strcmp(info->stream, name) == 0;
}

static void print_head(void)
{
    printf("%s%-8s  %8s  %6s  %4s  NAME%s\n", terminal_bold(stdout), "FOR", "EVENTS", "TIME",
           "KEEP", terminal_plain(stdout));
}

static void print_row(const Sagabase__V1__SnapshotPolicyInfo *info)
{
    enum { ROW_BYTES_MAX = 8 << 10 };
    bool is_category = info->target_case == SAGABASE__V1__SNAPSHOT_POLICY_INFO__TARGET_CATEGORY;
    const Sagabase__V1__SnapshotPolicy *policy = info->policy;
    char events[TEXT_NUMBER_BYTES], time[DURATION_TEXT_BYTES];
    struct buffer row;

    buffer_init(&row, ROW_BYTES_MAX);
    buffer_print(&row, "%-8s  %8s  %6s  %4" PRIu32 "  ", is_category ? "category" : "stream",
                 policy->every_events ? text_number(policy->every_events, events) : "-",
                 policy->every_ms ? duration_format(policy->every_ms * US_PER_MS, time) : "-",
                 policy->keep ? policy->keep : 1);
    text_put_name(&row, is_category ? info->category : info->stream, 0);
    buffer_put_byte(&row, '\n');
    fwrite(row.data, 1, row.size, stdout);
    buffer_destroy(&row);
}

static struct sagabase_status list(struct snapshot_policy *self,
                                   Sagabase__V1__ListSnapshotPoliciesResponse **response)
{
    struct sagabase_options call = connection_call(&self->connection);
    Sagabase__V1__ListSnapshotPoliciesRequest request =
        SAGABASE__V1__LIST_SNAPSHOT_POLICIES_REQUEST__INIT;

    return sagabase_list_snapshot_policies(self->connection.client, &request, &call, response);
}

static struct sagabase_status show(struct snapshot_policy *self, const char *name)
{
    Sagabase__V1__ListSnapshotPoliciesResponse *response;
    struct sagabase_status status = list(self, &response);
    bool begun = false;

    if (status.code != SAGABASE_OK)
        return status;
    for (size_t i = 0; i < response->n_policies; i++) {
        if (!is_of(self, name, response->policies[i]))
            continue;
        if (!begun && !self->connection.json)
            print_head();
        begun = true;
        if (self->connection.json)
            message_print_json(&response->policies[i]->base);
        else
            print_row(response->policies[i]);
    }
    if (!begun && !self->connection.json)
        printf("no policy\n");
    sagabase__v1__list_snapshot_policies_response__free_unpacked(response, NULL);
    return status;
}

/* --- what shall be -------------------------------------------------------------------- */

/* The policy that there is; an empty one if there is none. */
static struct sagabase_status get(struct snapshot_policy *self, const char *name,
                                  Sagabase__V1__SnapshotPolicy *policy)
{
    Sagabase__V1__ListSnapshotPoliciesResponse *response;
    struct sagabase_status status = list(self, &response);

    if (status.code != SAGABASE_OK)
        return status;
    for (size_t i = 0; i < response->n_policies; i++)
        if (is_of(self, name, response->policies[i]))
            *policy = *response->policies[i]->policy;
    sagabase__v1__list_snapshot_policies_response__free_unpacked(response, NULL);
    return status;
}

static bool names_values(const struct snapshot_policy *self)
{
    return self->every_events || self->every_us || self->keep;
}

/* What the options say takes the place of what they speak of. */
static struct sagabase_status change(struct snapshot_policy *self, char *name)
{
    struct sagabase_options call = connection_call(&self->connection);
    Sagabase__V1__SetSnapshotPolicyRequest request =
        SAGABASE__V1__SET_SNAPSHOT_POLICY_REQUEST__INIT;
    Sagabase__V1__SnapshotPolicy policy = SAGABASE__V1__SNAPSHOT_POLICY__INIT;
    Sagabase__V1__SetSnapshotPolicyResponse *response;
    struct sagabase_status status = {.code = SAGABASE_OK};

    if (!self->clear)
        status = get(self, name, &policy);
    if (status.code != SAGABASE_OK)
        return status;
    if (self->every_events)
        policy.every_events = self->every_events;
    if (self->every_us)
        policy.every_ms = self->every_us / US_PER_MS;
    if (self->keep)
        policy.keep = (uint32_t)self->keep;
    request.policy = names_values(self) ? &policy : NULL;
    if (self->category) {
        request.target_case = SAGABASE__V1__SET_SNAPSHOT_POLICY_REQUEST__TARGET_CATEGORY;
        request.category = name;
    } else {
        request.target_case = SAGABASE__V1__SET_SNAPSHOT_POLICY_REQUEST__TARGET_STREAM;
        request.stream = name;
    }
    status = sagabase_set_snapshot_policy(self->connection.client, &request, &call, &response);
    if (status.code == SAGABASE_OK)
        sagabase__v1__set_snapshot_policy_response__free_unpacked(response, NULL);
    return status;
}

static int run(void *settings, char **arguments)
{
    struct snapshot_policy *self = settings;
    bool changes = names_values(self) || self->clear;
    struct sagabase_status status = {.code = SAGABASE_OK};
    int code = EXIT_DONE;

    if (!arguments[0] && (changes || self->category))
        return misused(command, "NAME is missing: of a stream, or with --category of a category");
    if (!connection_open(&self->connection, command))
        return EXIT_FAILED;
    if (changes)
        status = change(self, arguments[0]);
    if (status.code == SAGABASE_OK)
        status = show(self, arguments[0]);
    if (status.code != SAGABASE_OK)
        code = connection_failed(&self->connection, command, arguments[0], &status);
    connection_close(&self->connection);
    return code;
}

const struct command snapshot_policy_command = {
    .name = "snapshot policy",
    .arguments = "[NAME]",
    .summary = "Show or set when snapshots are due",
    .about = "Prints all policies, or that of a stream or category, after changing what the\n"
             "options say; the rest of it stays. A stream's policy takes the place of its\n"
             "category's. Where the category has a reducer, the server makes the snapshots that\n"
             "are due; else `snapshot due` tells which are.\n",
    .examples = "  sagabase snapshot policy\n"
                "  sagabase snapshot policy order --category --every-events 100 --keep 3\n"
                "  sagabase snapshot policy order-17 --every 15m\n"
                "  sagabase snapshot policy order-17 --clear\n",
    .options = options,
    .arguments_min = 0,
    .arguments_max = 1,
    .settings_bytes = sizeof(struct snapshot_policy),
    .run = run,
};
