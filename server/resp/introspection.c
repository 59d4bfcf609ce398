/* COMMAND: the table tells of itself. */
#include <stdio.h>
#include <string.h>

#include "server/resp/commands.h"
#include "server/resp/pattern.h"

static const char *const flag_names[COMMAND_FLAG_COUNT] = {
    "readonly", "write", "denyoom", "admin",   "noscript",
    "loading",  "stale", "fast",    "no_auth", "allow_busy",
};

static void reply_flags(struct reply *reply, unsigned flags)
{
    reply_set(reply, (size_t)__builtin_popcount(flags));
    for (int i = 0; i < COMMAND_FLAG_COUNT; i++)
        if (flags & 1u << i)
            reply_simple(reply, flag_names[i]);
}

static void reply_categories(struct reply *reply, const struct command *command)
{
    const char *categories[5];
    size_t count = 0;
    unsigned flags = command->flags;

    if (flags & COMMAND_WRITE)
        categories[count++] = "@write";
    if (flags & COMMAND_READONLY)
        categories[count++] = "@read";
    if (flags & COMMAND_ADMIN) {
        categories[count++] = "@admin";
        categories[count++] = "@dangerous";
    }
    categories[count++] = flags & COMMAND_FAST ? "@fast" : "@slow";
    reply_set(reply, count + (command->categories != NULL));
    for (size_t i = 0; i < count; i++)
        reply_simple(reply, categories[i]);
    if (command->categories)
        reply_simple(reply, command->categories);
}

static size_t count_of(const struct command *table)
{
    size_t count = 0;

    while (table && table[count].name)
        count++;
    return count;
}

static void reply_name(struct reply *reply, const struct command *parent,
                       const struct command *command)
{
    char name[64];
    size_t size = 0;

    if (parent) {
        size = strlen(parent->name);
        memcpy(name, parent->name, size);
        name[size++] = '|';
    }
    memcpy(name + size, command->name, strlen(command->name));
    reply_bulk(reply, bytes_of(name, size + strlen(command->name)));
}

/* One command as an array of ten, without its subcommands. */
static void reply_command(struct reply *reply, const struct command *parent,
                          const struct command *command)
{
    reply_array(reply, 10);
    reply_name(reply, parent, command);
    reply_integer(reply, command->arity);
    reply_flags(reply, command->flags);
    reply_integer(reply, command->first_key);
    reply_integer(reply, command->last_key);
    reply_integer(reply, command->key_step);
    reply_categories(reply, command);
    reply_array(reply, 0); /* tips */
    reply_array(reply, 0); /* key specifications: first, last and step say it all */
    if (!command->subcommands)
        reply_array(reply, 0);
}

static void reply_whole_command(struct reply *reply, const struct command *command)
{
    reply_command(reply, NULL, command);
    if (!command->subcommands)
        return;
    reply_array(reply, count_of(command->subcommands));
    for (const struct command *sub = command->subcommands; sub->name; sub++)
        reply_command(reply, command, sub);
}

void command_command(struct client *client, const struct request *request, struct reply *reply)
{
    (void)client;
    (void)request;
    reply_array(reply, command_count());
    for (const struct command *command = command_table; command->name; command++)
        reply_whole_command(reply, command);
}

void command_command_count(struct client *client, const struct request *request,
                           struct reply *reply)
{
    (void)client;
    (void)request;
    reply_integer(reply, (int64_t)command_count());
}

/* "get", or "config|get". */
static const struct command *find_named(struct bytes name, const struct command **parent)
{
    const uint8_t *bar = name.size ? memchr(name.data, '|', name.size) : NULL;

    *parent = NULL;
    if (!bar)
        return command_find(command_table, name);
    size_t size = (size_t)(bar - name.data);
    *parent = command_find(command_table, bytes_of(name.data, size));
    if (!*parent || !(*parent)->subcommands)
        return NULL;
    return command_find((*parent)->subcommands, bytes_of(bar + 1, name.size - size - 1));
}

void command_command_info(struct client *client, const struct request *request, struct reply *reply)
{
    if (request->count == 2) {
        command_command(client, request, reply);
        return;
    }
    reply_array(reply, request->count - 2);
    for (uint32_t i = 2; i < request->count; i++) {
        const struct command *parent;
        const struct command *command = find_named(request_argument(request, i), &parent);

        if (!command)
            reply_null(reply);
        else if (parent)
            reply_command(reply, parent, command);
        else
            reply_whole_command(reply, command);
    }
}

static void reply_documentation(struct reply *reply, const struct command *parent,
                                const struct command *command)
{
    reply_name(reply, parent, command);
    reply_map(reply, 4 + (command->subcommands != NULL));
    reply_text(reply, "summary");
    reply_text(reply, command->summary);
    reply_text(reply, "since");
    reply_text(reply, command->since);
    reply_text(reply, "group");
    reply_text(reply, command->group);
    reply_text(reply, "complexity");
    reply_text(reply, command->complexity);
}

static void reply_whole_documentation(struct reply *reply, const struct command *command)
{
    reply_documentation(reply, NULL, command);
    if (!command->subcommands)
        return;
    reply_text(reply, "subcommands");
    reply_map(reply, count_of(command->subcommands));
    for (const struct command *sub = command->subcommands; sub->name; sub++)
        reply_documentation(reply, command, sub);
}

void command_command_docs(struct client *client, const struct request *request, struct reply *reply)
{
    const struct command *parent;
    size_t known = 0;

    (void)client;
    if (request->count == 2) {
        reply_map(reply, command_count());
        for (const struct command *command = command_table; command->name; command++)
            reply_whole_documentation(reply, command);
        return;
    }
    for (uint32_t i = 2; i < request->count; i++)
        known += find_named(request_argument(request, i), &parent) != NULL;
    reply_map(reply, known);
    for (uint32_t i = 2; i < request->count; i++) {
        const struct command *command = find_named(request_argument(request, i), &parent);

        if (command && parent)
            reply_documentation(reply, parent, command);
        else if (command)
            reply_whole_documentation(reply, command);
    }
}

void command_command_list(struct client *client, const struct request *request, struct reply *reply)
{
    bool filtered = request->count == 5 && argument_is(request, 2, "filterby") &&
                    argument_is(request, 3, "pattern");
    size_t count = 0;

    (void)client;
    if (request->count != 2 && !filtered) {
        reply_syntax_error(reply);
        return;
    }
    struct bytes pattern = filtered ? request_argument(request, 4) : bytes_of_text("*");
    if (pattern.size > PATTERN_BYTES_MAX) {
        reply_error(reply, "ERR pattern: at most %d bytes", PATTERN_BYTES_MAX);
        return;
    }
    for (const struct command *command = command_table; command->name; command++)
        count += pattern_matches(pattern, bytes_of_text(command->name), true);
    reply_array(reply, count);
    for (const struct command *command = command_table; command->name; command++)
        if (pattern_matches(pattern, bytes_of_text(command->name), true))
            reply_text(reply, command->name);
}

void command_help(struct client *client, const struct request *request, struct reply *reply)
{
    const struct command *parent = command_find(command_table, request_argument(request, 0));
    char line[128];

    (void)client;
    reply_array(reply, 1 + 2 * count_of(parent->subcommands));
    snprintf(line, sizeof line, "%s <subcommand> [<arg> ...]. Subcommands are:", parent->name);
    reply_simple(reply, line);
    for (const struct command *sub = parent->subcommands; sub->name; sub++) {
        reply_simple(reply, sub->name);
        snprintf(line, sizeof line, "    %s.", sub->summary);
        reply_simple(reply, line);
    }
}
