/* What the rows of the table run: one function for each command, named after it. */
#ifndef SERVER_RESP_COMMANDS_H
#define SERVER_RESP_COMMANDS_H

#include "server/resp/command.h"

/* connection_commands.c */
command_run command_auth, command_client_getname, command_client_id, command_client_info,
    command_client_list, command_client_no_evict, command_client_reply, command_client_setinfo,
    command_client_setname, command_echo, command_hello, command_ping, command_quit, command_reset,
    command_select;

/* server_commands.c */
command_run command_config_get, command_dbsize, command_info, command_memory_usage,
    command_object_encoding;

/* introspection.c */
command_run command_command, command_command_count, command_command_docs, command_command_info,
    command_command_list, command_help;

/* key_commands.c */
command_run command_del, command_exists, command_expire, command_expireat, command_expiretime,
    command_persist, command_pexpire, command_pexpireat, command_pexpiretime, command_pttl,
    command_ttl, command_type;

/* string_commands.c */
command_run command_get, command_getdel, command_getex, command_mget, command_mset, command_psetex,
    command_set, command_setex, command_setnx, command_strlen;

/* scan_command.c */
command_run command_scan;

/* Replied in more than one place. */
void reply_syntax_error(struct reply *reply);
void reply_not_an_integer(struct reply *reply);

/* Whether an argument is that word, in any case. */
bool argument_is(const struct request *request, uint32_t index, const char *word);

#endif
