/* What a script can call: chosen one by one from Lua's own libraries. A function of Lua's that may
 * work long within one instruction is wrapped: it takes its steps before it begins.
 *
 * Not there, and why: load, dofile, require (other code), collectgarbage, print, warn (reach
 * out), getmetatable, setmetatable (with __len or __index a function of the library can be made
 * to run for ever), xpcall (its handler runs while an error is on its way), coroutines (their
 * instructions are counted apart), string.match, gmatch, gsub and patterns of find (take for
 * ever on purpose), string.pack and dump, table.move (as far as its numbers say), math.random. */
#define _GNU_SOURCE /* memmem */
#include <lua5.4/lauxlib.h>
#include <lua5.4/lualib.h>
#include <string.h>

#include "server/reducers/script_state.h"

enum cost { COST_NONE, COST_TEXTS, COST_SHIFT, COST_WHOLE, COST_SORT, COST_CATCH, COST_REPEAT };

struct entry {
    const char *name;
    enum cost cost;
};

static const struct entry base_entries[] = {
    {"assert", COST_NONE},   {"error", COST_NONE},    {"ipairs", COST_NONE},
    {"next", COST_NONE},     {"pairs", COST_NONE},    {"pcall", COST_CATCH},
    {"rawequal", COST_NONE}, {"rawget", COST_NONE},   {"rawlen", COST_NONE},
    {"rawset", COST_NONE},   {"select", COST_TEXTS},  {"tonumber", COST_TEXTS},
    {"type", COST_NONE},     {"_VERSION", COST_NONE}, {NULL, COST_NONE},
};

static const struct entry string_entries[] = {
    {"byte", COST_TEXTS},  {"char", COST_TEXTS}, {"format", COST_TEXTS}, {"len", COST_NONE},
    {"lower", COST_TEXTS}, {"rep", COST_REPEAT}, {"sub", COST_NONE},     {"reverse", COST_TEXTS},
    {"upper", COST_TEXTS}, {NULL, COST_NONE},
};

static const struct entry table_entries[] = {
    {"concat", COST_WHOLE}, {"insert", COST_SHIFT}, {"pack", COST_NONE}, {"remove", COST_SHIFT},
    {"sort", COST_SORT},    {"unpack", COST_TEXTS}, {NULL, COST_NONE},
};

static const struct entry math_entries[] = {
    {"abs", COST_NONE},        {"acos", COST_NONE},       {"asin", COST_NONE},
    {"atan", COST_NONE},       {"ceil", COST_NONE},       {"cos", COST_NONE},
    {"deg", COST_NONE},        {"exp", COST_NONE},        {"floor", COST_NONE},
    {"fmod", COST_NONE},       {"huge", COST_NONE},       {"log", COST_NONE},
    {"max", COST_NONE},        {"maxinteger", COST_NONE}, {"min", COST_NONE},
    {"mininteger", COST_NONE}, {"modf", COST_NONE},       {"pi", COST_NONE},
    {"rad", COST_NONE},        {"sin", COST_NONE},        {"sqrt", COST_NONE},
    {"tan", COST_NONE},        {"tointeger", COST_NONE},  {"type", COST_NONE},
    {"ult", COST_NONE},        {NULL, COST_NONE},
};

static const struct entry utf8_entries[] = {
    {"char", COST_NONE}, {"codepoint", COST_TEXTS}, {"codes", COST_NONE},
    {"len", COST_TEXTS}, {"offset", COST_TEXTS},    {NULL, COST_NONE},
};

/* --- steps ------------------------------------------------------------------------------- */

enum {
    BYTES_PER_STEP = 64,
    RESULTS_PER_STEP = 16,
    ELEMENTS_PER_STEP = 16,
    SORT_STEPS = 8,
    REPEATS_PER_STEP = 64, /* beside the bytes, of which there may be none */
    CATCH_STEPS = 100,     /* an error that is caught */
};

/* What `#` says of a table need not be how many elements it has: up to 2^63. */
static uint64_t length_of(lua_State *lua, int index)
{
    enum { LENGTH_MAX = 1 << 30 }; /* any more is too much anyhow */
    uint64_t length = lua_rawlen(lua, index);

    return length < LENGTH_MAX ? length : LENGTH_MAX;
}

/* A table's elements are moved when something is put before them: what has a place as second
 * argument, which insert has only if it has three. */
static uint64_t steps_of(lua_State *lua, enum cost cost, int arguments)
{
    uint64_t steps = 0;

    for (int i = 1; i <= arguments; i++)
        if (lua_type(lua, i) == LUA_TSTRING)
            steps += lua_rawlen(lua, i) / BYTES_PER_STEP;
    if (cost == COST_SORT)
        steps += length_of(lua, 1) * SORT_STEPS;
    if (cost == COST_CATCH)
        steps += CATCH_STEPS;
    if (cost == COST_WHOLE || (cost == COST_SHIFT && arguments > 1))
        steps += length_of(lua, 1) / ELEMENTS_PER_STEP;
    if (cost == COST_REPEAT && lua_tointeger(lua, 2) > 0)
        steps += (uint64_t)lua_tointeger(lua, 2) / REPEATS_PER_STEP;
    return steps;
}

static int call_charged(lua_State *lua)
{
    struct script *script = script_of(lua);
    int arguments = lua_gettop(lua);
    enum cost cost = (enum cost)lua_tointeger(lua, lua_upvalueindex(2));

    script_take(script, steps_of(lua, cost, arguments));
    if (script->is_exhausted) {
        lua_pushnil(lua);
        return lua_error(lua);
    }
    lua_pushvalue(lua, lua_upvalueindex(1));
    lua_insert(lua, 1);
    lua_call(lua, arguments, LUA_MULTRET);
    script_take(script, (uint64_t)lua_gettop(lua) / RESULTS_PER_STEP);
    return lua_gettop(lua);
}

/* --- functions of our own ------------------------------------------------------------------ */

/* find(text, part [, from]): plain, and in a time that both lengths bound. */
static int find(lua_State *lua)
{
    size_t size, part_size;
    const char *text = luaL_checklstring(lua, 1, &size);
    const char *part = luaL_checklstring(lua, 2, &part_size);
    lua_Integer from = luaL_optinteger(lua, 3, 1);

    if (from < 0)
        from = from < -(lua_Integer)size ? 1 : (lua_Integer)size + from + 1;
    if (from == 0)
        from = 1;
    const char *found = from - 1 > (lua_Integer)size
                            ? NULL
                            : memmem(text + from - 1, size - (size_t)(from - 1), part, part_size);
    if (!found) {
        lua_pushnil(lua);
        return 1;
    }
    lua_pushinteger(lua, found - text + 1);
    lua_pushinteger(lua, found - text + (lua_Integer)part_size);
    return 2;
}

/* Where something lies in memory is nobody's business, and differs from one fold to the next. */
static bool has_address(lua_State *lua, int index)
{
    switch (lua_type(lua, index)) {
    case LUA_TTABLE:
    case LUA_TFUNCTION:
    case LUA_TLIGHTUSERDATA:
        return true;
    default:
        return false;
    }
}

/* tostring(value): of a table or function only what it is. */
static int to_string(lua_State *lua)
{
    luaL_checkany(lua, 1);
    if (has_address(lua, 1))
        lua_pushstring(lua, luaL_typename(lua, 1));
    else
        luaL_tolstring(lua, 1, NULL);
    return 1;
}

/* format(text, ...): Lua's, but for what shows addresses: %p, and tables as %s. */
static int format(lua_State *lua)
{
    size_t size;
    const char *text = luaL_checklstring(lua, 1, &size);

    for (size_t i = 0; i < size; i++) {
        if (text[i] != '%')
            continue;
        i += 1 + strspn(text + i + 1, "-+ #0123456789.");
        if (text[i] == 'p')
            return luaL_error(lua, "format: no %%p");
    }
    for (int i = 2; i <= lua_gettop(lua); i++)
        if (has_address(lua, i))
            return luaL_error(lua, "format: argument %d is a %s", i, luaL_typename(lua, i));
    lua_pushvalue(lua, lua_upvalueindex(1));
    lua_insert(lua, 1);
    lua_call(lua, lua_gettop(lua) - 1, 1);
    return 1;
}

/* array(t): the same table, marked; array(): an empty one. */
static int array(lua_State *lua)
{
    if (lua_gettop(lua) == 0)
        lua_newtable(lua);
    luaL_checktype(lua, 1, LUA_TTABLE);
    lua_settop(lua, 1);
    script_mark_array(lua);
    return 1;
}

/* --- together ---------------------------------------------------------------------------- */

/* Puts what is chosen of the table on top into the one below it, and takes it off. */
static void choose(lua_State *lua, const struct entry *entries)
{
    for (const struct entry *entry = entries; entry->name; entry++) {
        lua_getfield(lua, -1, entry->name);
        if (entry->cost != COST_NONE) {
            lua_pushinteger(lua, entry->cost);
            lua_pushcclosure(lua, call_charged, 2);
        }
        lua_setfield(lua, -3, entry->name);
    }
    lua_pop(lua, 1);
}

/* Puts a function of our own into the table on top; in the place of Lua's, which it may call. */
static void put_own(lua_State *lua, const char *name, lua_CFunction function)
{
    lua_getfield(lua, -1, name);
    lua_pushcclosure(lua, function, 1);
    lua_pushinteger(lua, COST_TEXTS);
    lua_pushcclosure(lua, call_charged, 2);
    lua_setfield(lua, -2, name);
}

/* Puts a library's table of the chosen functions into the table of globals, which is on top. */
static void open_part(lua_State *lua, const char *name, lua_CFunction open,
                      const struct entry *entries)
{
    lua_newtable(lua);
    luaL_requiref(lua, name, open, 0);
    choose(lua, entries);
    lua_setfield(lua, -2, name);
}

void script_open_library(lua_State *lua)
{
    lua_newtable(lua); /* the globals */
    luaL_requiref(lua, LUA_GNAME, luaopen_base, 0);
    choose(lua, base_entries);
    put_own(lua, "tostring", to_string);
    open_part(lua, "string", luaopen_string, string_entries);
    open_part(lua, "table", luaopen_table, table_entries);
    open_part(lua, "math", luaopen_math, math_entries);
    open_part(lua, "utf8", luaopen_utf8, utf8_entries);

    lua_getfield(lua, -1, "string");
    put_own(lua, "find", find);
    put_own(lua, "format", format);
    lua_pushliteral(lua, ""); /* ("x"):rep(3) finds its function here */
    lua_getmetatable(lua, -1);
    lua_pushvalue(lua, -3);
    lua_setfield(lua, -2, "__index");
    lua_pop(lua, 3);

    lua_newtable(lua);
    lua_pushlightuserdata(lua, NULL);
    lua_setfield(lua, -2, "null");
    lua_pushcfunction(lua, array);
    lua_setfield(lua, -2, "array");
    lua_setfield(lua, -2, "json");
    lua_rawseti(lua, LUA_REGISTRYINDEX, LUA_RIDX_GLOBALS);
}
