#include "server/resp/command.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "server/resp/commands.h"
#include "server/resp/face.h"

enum { SHOWN_BYTES_MAX = 128 };

size_t command_count(void)
{
    size_t count = 0;

    while (command_table[count].name)
        count++;
    return count;
}

const struct command *command_find(const struct command *table, struct bytes name)
{
    int first = name.size ? tolower(name.data[0]) : 0;

    for (; table->name; table++)
        if (table->name[0] == first && strlen(table->name) == name.size &&
            strncasecmp(table->name, (const char *)name.data, name.size) == 0)
            return table;
    return NULL;
}

/* As Redis cuts what it shows of an argument: at 128 bytes, or at a NUL. */
static int shown(struct bytes bytes, size_t most)
{
    return (int)strnlen((const char *)bytes.data, bytes.size < most ? bytes.size : most);
}

static void refuse_unknown(const struct request *request, struct reply *reply)
{
    struct bytes name = request_argument(request, 0);
    char shown_arguments[SHOWN_BYTES_MAX * 2];
    size_t size = 0;

    shown_arguments[0] = '\0';
    for (uint32_t i = 1; i < request->count && size < SHOWN_BYTES_MAX; i++) {
        struct bytes argument = request_argument(request, i);
        size += (size_t)snprintf(shown_arguments + size, sizeof shown_arguments - size, "'%.*s' ",
                                 shown(argument, SHOWN_BYTES_MAX - size), argument.data);
    }
    reply_error(reply, "ERR unknown command '%.*s', with args beginning with: %s",
                shown(name, SHOWN_BYTES_MAX), name.data, shown_arguments);
}

static void refuse_unknown_subcommand(const struct command *command, const struct request *request,
                                      struct reply *reply)
{
    struct bytes name = request_argument(request, 1);
    char upper[32];
    size_t size = 0;

    for (; command->name[size]; size++)
        upper[size] = (char)toupper((unsigned char)command->name[size]);
    upper[size] = '\0';
    reply_error(reply, "ERR unknown subcommand '%.*s'. Try %s HELP.", shown(name, SHOWN_BYTES_MAX),
                name.data, upper);
}

static bool has_arity(const struct command *command, uint32_t count)
{
    return command->arity >= 0 ? count == (uint32_t)command->arity
                               : count >= (uint32_t)-command->arity;
}

const struct command *command_choose(struct client *client, const struct request *request,
                                     struct reply *reply, size_t *row)
{
    const struct command *command = command_find(command_table, request_argument(request, 0));
    const struct command *parent = NULL;

    *row = command ? (size_t)(command - command_table) : COMMANDS_MAX;
    if (!command) {
        refuse_unknown(request, reply);
        return NULL;
    }
    if (command->subcommands && request->count > 1) {
        parent = command;
        command = command_find(parent->subcommands, request_argument(request, 1));
        if (!command) {
            refuse_unknown_subcommand(parent, request, reply);
            return NULL;
        }
    }
    if (!has_arity(command, request->count)) {
        reply_error(reply, "ERR wrong number of arguments for '%s%s%s' command",
                    parent ? parent->name : "", parent ? "|" : "", command->name);
        return NULL;
    }
    if (!client->authenticated && !(command->flags & COMMAND_NO_AUTH)) {
        reply_error(reply, "NOAUTH Authentication required.");
        return NULL;
    }
    return command;
}

void reply_syntax_error(struct reply *reply)
{
    reply_error(reply, "ERR syntax error");
}

void reply_not_an_integer(struct reply *reply)
{
    reply_error(reply, "ERR value is not an integer or out of range");
}

bool argument_is(const struct request *request, uint32_t index, const char *word)
{
    struct bytes argument = request_argument(request, index);

    return strlen(word) == argument.size &&
           strncasecmp(word, (const char *)argument.data, argument.size) == 0;
}
