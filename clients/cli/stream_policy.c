/* sagabase stream policy: how many events of a stream, or of a category's streams, are seen. */
#include <inttypes.h>

#include "base/buffer.h"
#include "clients/cli/connection.h"
#include "clients/cli/duration.h"
#include "clients/cli/json.h"
#include "clients/cli/text.h"

static const char command[] = "stream policy";

struct stream_policy {
    struct connection connection;
    bool category;
    uint64_t max_count;
    int64_t max_age_us;
    uint64_t truncate_before;
    bool encrypt, no_encrypt;
    bool clear;
};

static const struct option options[] = {
    {.name = "category",
     .kind = OPTION_FLAG,
     .offset = offsetof(struct stream_policy, category),
     .help = "NAME is a category: the policy holds for each of\nits streams without one of its "
             "own."},
    {.name = "max-count",
     .value = "N",
     .kind = OPTION_NUMBER,
     .offset = offsetof(struct stream_policy, max_count),
     .min = 1,
     .max = INT64_MAX,
     .help = "Show the newest N events."},
    {.name = "max-age",
     .value = "DURATION",
     .kind = OPTION_DURATION,
     .offset = offsetof(struct stream_policy, max_age_us),
     .help = "Show events that are at most so old: a whole number\nand s, m, h or d, for example "
             "90s or 30d."},
    {.name = "truncate-before",
     .value = "N",
     .kind = OPTION_NUMBER,
     .offset = offsetof(struct stream_policy, truncate_before),
     .min = 1,
     .max = INT64_MAX,
     .help = "Hide the events before revision N, for ever. Not\nwith --category."},
    {.name = "encrypt",
     .kind = OPTION_FLAG,
     .offset = offsetof(struct stream_policy, encrypt),
     .help = "Encrypt the payloads of new events on disk, with a\nkey of the stream."},
    {.name = "no-encrypt",
     .kind = OPTION_FLAG,
     .offset = offsetof(struct stream_policy, no_encrypt),
     .help = "No longer; what was encrypted stays so."},
    {.name = "clear",
     .kind = OPTION_FLAG,
     .offset = offsetof(struct stream_policy, clear),
     .help = "Lift both limits, but for those given with it."},
    CONNECTION_OPTIONS(struct stream_policy, "30", "Print one JSON object."),
};

static void print_json(const struct stream_policy *self, const char *name,
                       const Sagabase__V1__GetStreamPolicyResponse *response)
{
    enum { LINE_BYTES_MAX = 8 << 10 }; /* a name is at most 1 KiB, and JSON escapes sixfold */
    struct buffer line;

    buffer_init(&line, LINE_BYTES_MAX);
    buffer_put_text(&line, self->category ? "{\"category\":" : "{\"stream\":");
    json_put_text(&line, bytes_of_text(name));
    buffer_print(&line, ",\"max_count\":%" PRIu64 ",\"max_age_us\":%" PRId64 ",\"encrypt\":%s",
                 response->policy->max_count, response->policy->max_age_us,
                 response->policy->encrypt ? "true" : "false");
    if (!self->category)
        buffer_print(&line, ",\"first_revision\":%" PRIu64, response->first_revision);
    buffer_put_text(&line, "}\n");
    fwrite(line.data, 1, line.size, stdout);
    buffer_destroy(&line);
}

static void print_table(const struct stream_policy *self,
                        const Sagabase__V1__GetStreamPolicyResponse *response)
{
    const Sagabase__V1__StreamPolicy *policy = response->policy;
    char count[TEXT_NUMBER_BYTES], age[DURATION_TEXT_BYTES];

    printf("max count       %s\n",
           policy->max_count ? text_number(policy->max_count, count) : "no limit");
    printf("max age         %s\n",
           policy->max_age_us ? duration_format(policy->max_age_us, age) : "no limit");
    if (policy->encrypt)
        printf("encrypt         yes\n");
    if (!self->category)
        printf("first revision  %" PRIu64 "\n", response->first_revision);
}

static struct sagabase_status get(struct stream_policy *self, char *name,
                                  Sagabase__V1__GetStreamPolicyResponse **response)
{
    struct sagabase_options call = connection_call(&self->connection);
    Sagabase__V1__GetStreamPolicyRequest request = SAGABASE__V1__GET_STREAM_POLICY_REQUEST__INIT;

    if (self->category) {
        request.target_case = SAGABASE__V1__GET_STREAM_POLICY_REQUEST__TARGET_CATEGORY;
        request.category = name;
    } else {
        request.target_case = SAGABASE__V1__GET_STREAM_POLICY_REQUEST__TARGET_STREAM;
        request.stream = name;
    }
    return sagabase_get_stream_policy(self->connection.client, &request, &call, response);
}

/* What the options say takes the place of what they speak of in `policy`. */
static struct sagabase_status change(struct stream_policy *self, char *name,
                                     Sagabase__V1__StreamPolicy policy)
{
    struct sagabase_options call = connection_call(&self->connection);
    Sagabase__V1__SetStreamPolicyRequest request = SAGABASE__V1__SET_STREAM_POLICY_REQUEST__INIT;
    Sagabase__V1__SetStreamPolicyResponse *response;

    if (self->max_count || self->clear)
        policy.max_count = self->max_count;
    if (self->max_age_us || self->clear)
        policy.max_age_us = self->max_age_us;
    if (self->encrypt || self->no_encrypt)
        policy.encrypt = self->encrypt;
    request.policy = &policy;
    request.truncate_before = self->truncate_before;
    if (self->category) {
        request.target_case = SAGABASE__V1__SET_STREAM_POLICY_REQUEST__TARGET_CATEGORY;
        request.category = name;
    } else {
        request.target_case = SAGABASE__V1__SET_STREAM_POLICY_REQUEST__TARGET_STREAM;
        request.stream = name;
    }
    struct sagabase_status status =
        sagabase_set_stream_policy(self->connection.client, &request, &call, &response);
    if (status.code == SAGABASE_OK)
        sagabase__v1__set_stream_policy_response__free_unpacked(response, NULL);
    return status;
}

static struct sagabase_status change_and_show(struct stream_policy *self, char *name)
{
    bool changes = self->max_count || self->max_age_us || self->truncate_before || self->clear ||
                   self->encrypt || self->no_encrypt;
    Sagabase__V1__GetStreamPolicyResponse *response;
    struct sagabase_status status = get(self, name, &response);

    if (status.code == SAGABASE_OK && changes) {
        status = change(self, name, *response->policy);
        sagabase__v1__get_stream_policy_response__free_unpacked(response, NULL);
        if (status.code == SAGABASE_OK)
            status = get(self, name, &response);
    }
    if (status.code != SAGABASE_OK)
        return status;
    if (self->connection.json)
        print_json(self, name, response);
    else
        print_table(self, response);
    sagabase__v1__get_stream_policy_response__free_unpacked(response, NULL);
    return status;
}

static int run(void *settings, char **arguments)
{
    struct stream_policy *self = settings;
    int code = EXIT_DONE;

    if (self->category && self->truncate_before)
        return misused(command, "--truncate-before: only with a stream, not with --category");
    if (self->encrypt && self->no_encrypt)
        return misused(command, "--encrypt: not with --no-encrypt");
    if (!connection_open(&self->connection, command))
        return EXIT_FAILED;
    struct sagabase_status status = change_and_show(self, arguments[0]);
    if (status.code != SAGABASE_OK)
        code = connection_failed(&self->connection, command, arguments[0], &status);
    connection_close(&self->connection);
    return code;
}

const struct command stream_policy_command = {
    .name = "stream policy",
    .arguments = "NAME",
    .summary = "Show or set how many events of a stream are seen",
    .about = "Prints the policy of a stream or category, after changing what the options say;\n"
             "the rest of it stays. Events beyond it are hidden at once. A stream's policy\n"
             "takes the place of its category's; lifted, it gives way to it again.\n",
    .examples = "  sagabase stream policy order-17\n"
                "  sagabase stream policy order-17 --max-count 100 --max-age 30d\n"
                "  sagabase stream policy session --category --max-age 12h\n"
                "  sagabase stream policy order-17 --truncate-before 5\n"
                "  sagabase stream policy customer --category --encrypt\n"
                "  sagabase stream policy order-17 --clear\n",
    .options = options,
    .arguments_min = 1,
    .arguments_max = 1,
    .settings_bytes = sizeof(struct stream_policy),
    .run = run,
};
