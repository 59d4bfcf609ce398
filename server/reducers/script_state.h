/* What the parts of a script share. */
#ifndef SERVER_REDUCERS_SCRIPT_STATE_H
#define SERVER_REDUCERS_SCRIPT_STATE_H

#include <jansson.h>
#include <lua5.4/lua.h>
#include <stdbool.h>

#include "server/reducers/limits.h"
#include "server/reducers/script.h"

struct script {
    lua_State *lua;
    enum script_kind kind;
    bool is_loaded;
    size_t memory; /* taken by Lua */

    /* Of the event at hand. */
    bool is_armed;
    int64_t steps_left;
    int64_t looked_us; /* when the thread's time was last looked at, on the monotonic clock */
    int64_t cpu_end_us;
    bool is_exhausted, is_late; /* ends at its next instruction, for one or the other */
    bool no_memory;             /* the machine had none */

    const void *array_mark; /* the metatable of arrays */
    char error[SCRIPT_ERROR_BYTES_MAX + 1];
};

/* The script that a Lua state is of. */
struct script *script_of(lua_State *lua);

/* Counts steps; ends the script at its next instruction if there were too many. */
void script_take(struct script *script, uint64_t steps);

/* Between these, steps are counted. */
void script_arm(struct script *script);
void script_disarm(struct script *script);

/* --- script_library.c: what a script can call -------------------------------------------- */

/* Makes the globals. May throw. */
void script_open_library(lua_State *lua);

/* --- script_json.c: values in both worlds ------------------------------------------------- */

/* Marks the table on top of the stack as an array. May throw. */
void script_mark_array(lua_State *lua);

/* Pushes a value. May throw. */
void script_push_json(lua_State *lua, const json_t *json);

/* The value at the index; the caller's. NULL: it cannot be written as JSON, *why says why (static
 * text). Does not throw. */
json_t *script_to_json(lua_State *lua, int index, const char **why);

#endif
