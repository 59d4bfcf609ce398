#include <lua5.4/lauxlib.h>
#include <math.h>
#include <string.h>

#include "server/reducers/script_state.h"

static const char array_key; /* its address: where the registry has the mark */

void script_mark_array(lua_State *lua)
{
    if (lua_rawgetp(lua, LUA_REGISTRYINDEX, &array_key) == LUA_TNIL) {
        lua_pop(lua, 1);
        lua_newtable(lua);
        lua_pushvalue(lua, -1);
        lua_rawsetp(lua, LUA_REGISTRYINDEX, &array_key);
        script_of(lua)->array_mark = lua_topointer(lua, -1);
    }
    lua_setmetatable(lua, -2);
}

/* --- to Lua -------------------------------------------------------------------------------- */

static void push_array(lua_State *lua, const json_t *json)
{
    lua_createtable(lua, (int)json_array_size(json), 0);
    script_mark_array(lua);
    for (size_t i = 0; i < json_array_size(json); i++) {
        script_push_json(lua, json_array_get(json, i));
        lua_rawseti(lua, -2, (lua_Integer)i + 1);
    }
}

static void push_object(lua_State *lua, const json_t *json)
{
    const char *name;
    json_t *value;

    lua_createtable(lua, 0, (int)json_object_size(json));
    json_object_foreach((json_t *)json, name, value)
    {
        lua_pushstring(lua, name);
        script_push_json(lua, value);
        lua_rawset(lua, -3);
    }
}

/* As deep as what json_text_read() lets in. */
void script_push_json(lua_State *lua, const json_t *json)
{
    enum { SLOTS = 8 };

    luaL_checkstack(lua, SLOTS, NULL);
    switch (json_typeof(json)) {
    case JSON_OBJECT:
        return push_object(lua, json);
    case JSON_ARRAY:
        return push_array(lua, json);
    case JSON_STRING:
        lua_pushlstring(lua, json_string_value(json), json_string_length(json));
        return;
    case JSON_INTEGER:
        return lua_pushinteger(lua, json_integer_value(json));
    case JSON_REAL:
        return lua_pushnumber(lua, json_real_value(json));
    case JSON_TRUE:
    case JSON_FALSE:
        return lua_pushboolean(lua, json_is_true(json));
    case JSON_NULL:
        return lua_pushlightuserdata(lua, NULL);
    }
}

/* --- from Lua ------------------------------------------------------------------------------ */

struct conversion {
    lua_State *lua;
    const char *why;
    size_t values_left;
    size_t bytes_left; /* of texts: each use of a string is a copy, whoever shares it in Lua */
};

static json_t *convert(struct conversion *self, int index, int depth_left);

static json_t *refuse(struct conversion *self, const char *why)
{
    self->why = why;
    return NULL;
}

static bool take_bytes(struct conversion *self, size_t size)
{
    _Static_assert(SCRIPT_TEXTS_BYTES_MAX == 1 << 20, "the text below");

    if (size > self->bytes_left)
        return refuse(self, "strings of more than 1048576 bytes, all together") != NULL;
    self->bytes_left -= size;
    return true;
}

enum table_kind { TABLE_OBJECT, TABLE_ARRAY, TABLE_NEITHER };

static bool is_marked(struct conversion *self, int index)
{
    if (!lua_getmetatable(self->lua, index))
        return false;
    bool marked = lua_topointer(self->lua, -1) == script_of(self->lua)->array_mark;
    lua_pop(self->lua, 1);
    return marked;
}

/* What its keys make of it. */
static enum table_kind kind_of(struct conversion *self, int index)
{
    lua_State *lua = self->lua;
    lua_Unsigned length = lua_rawlen(lua, index), indices = 0, names = 0, others = 0;

    for (lua_pushnil(lua); lua_next(lua, index) != 0; lua_pop(lua, 1)) {
        if (lua_isinteger(lua, -2) && (lua_Unsigned)lua_tointeger(lua, -2) - 1 < length)
            indices++;
        else if (lua_type(lua, -2) == LUA_TSTRING)
            names++;
        else
            others++;
    }
    if (others > 0)
        return TABLE_NEITHER;
    if (indices > 0 || is_marked(self, index))
        return names == 0 && indices == length ? TABLE_ARRAY : TABLE_NEITHER;
    return TABLE_OBJECT;
}

static json_t *convert_array(struct conversion *self, int index, int depth_left)
{
    json_t *json = json_array();
    lua_Integer length = (lua_Integer)lua_rawlen(self->lua, index);

    for (lua_Integer i = 1; json && i <= length; i++) {
        lua_rawgeti(self->lua, index, i);
        json_t *value = convert(self, lua_gettop(self->lua), depth_left);
        lua_pop(self->lua, 1);
        if (!value || json_array_append_new(json, value) != 0) {
            json_decref(json);
            json = NULL;
        }
    }
    return json;
}

static bool put_member(struct conversion *self, json_t *json, int depth_left)
{
    lua_State *lua = self->lua;
    size_t size;
    const char *name = lua_tolstring(lua, -2, &size);

    if (!take_bytes(self, size))
        return false;
    if (memchr(name, '\0', size))
        return refuse(self, "a name that holds a NUL") != NULL;
    json_t *value = convert(self, lua_gettop(lua), depth_left);
    if (!value)
        return false;
    if (json_object_setn_new(json, name, size, value) != 0)
        return refuse(self, "a name that is not UTF-8") != NULL;
    return true;
}

static json_t *convert_object(struct conversion *self, int index, int depth_left)
{
    lua_State *lua = self->lua;
    json_t *json = json_object();

    if (!json)
        return NULL;
    for (lua_pushnil(lua); lua_next(lua, index) != 0; lua_pop(lua, 1)) {
        if (!put_member(self, json, depth_left)) {
            lua_pop(lua, 2);
            json_decref(json);
            return NULL;
        }
    }
    return json;
}

static json_t *convert_table(struct conversion *self, int index, int depth_left)
{
    if (depth_left == 0)
        return refuse(self, "tables of more than 64 levels, or one within itself");
    switch (kind_of(self, index)) {
    case TABLE_OBJECT:
        return convert_object(self, index, depth_left - 1);
    case TABLE_ARRAY:
        return convert_array(self, index, depth_left - 1);
    case TABLE_NEITHER:
        break;
    }
    return refuse(self, "a table whose keys are neither names nor all of 1 to n");
}

static json_t *convert_number(struct conversion *self, int index)
{
    if (lua_isinteger(self->lua, index))
        return json_integer(lua_tointeger(self->lua, index));
    if (!isfinite(lua_tonumber(self->lua, index)))
        return refuse(self, "a number that is not finite");
    return json_real(lua_tonumber(self->lua, index));
}

static json_t *convert_string(struct conversion *self, int index)
{
    size_t size;
    const char *text = lua_tolstring(self->lua, index, &size);

    if (!take_bytes(self, size))
        return NULL;
    json_t *json = json_stringn(text, size);
    return json ? json : refuse(self, "a string that is not UTF-8");
}

static json_t *convert(struct conversion *self, int index, int depth_left)
{
    enum { SLOTS = 8 };
    _Static_assert(JSON_DEPTH_MAX == 64, "the text above");

    if (self->values_left-- == 0)
        return refuse(self, "more than 100000 values");
    if (!lua_checkstack(self->lua, SLOTS))
        return refuse(self, "more than its memory holds");
    switch (lua_type(self->lua, index)) {
    case LUA_TTABLE:
        return convert_table(self, index, depth_left);
    case LUA_TNUMBER:
        return convert_number(self, index);
    case LUA_TSTRING:
        return convert_string(self, index);
    case LUA_TBOOLEAN:
        return json_boolean(lua_toboolean(self->lua, index));
    case LUA_TNIL:
        return json_null();
    case LUA_TLIGHTUSERDATA:
        return json_null();
    default:
        return refuse(self, "a function");
    }
}

json_t *script_to_json(lua_State *lua, int index, const char **why)
{
    _Static_assert(JSON_VALUES_MAX == 100000, "the text above");
    struct conversion conversion = {.lua = lua,
                                    .why = "out of memory",
                                    .values_left = JSON_VALUES_MAX,
                                    .bytes_left = SCRIPT_TEXTS_BYTES_MAX};
    json_t *json = convert(&conversion, lua_absindex(lua, index), JSON_DEPTH_MAX);

    *why = conversion.why;
    return json;
}
