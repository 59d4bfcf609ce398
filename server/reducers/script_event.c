#include "server/reducers/script_event.h"

#include <lua5.4/lauxlib.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/bytes.h"
#include "base/varint.h"
#include "server/reducers/json_text.h"
#include "server/reducers/script_state.h"
#include "storage/log/limits.h"

/* "application/json", "…+json", with or without parameters. */
static bool is_json(const char *content_type)
{
    size_t size = strcspn(content_type, "; ");

    return (size == strlen("application/json") &&
            strncasecmp(content_type, "application/json", size) == 0) ||
           (size > strlen("+json") &&
            strncasecmp(content_type + size - strlen("+json"), "+json", strlen("+json")) == 0);
}

/* --- to Lua -------------------------------------------------------------------------------- */

static void put_text(lua_State *lua, const char *name, const char *text)
{
    lua_pushstring(lua, text);
    lua_setfield(lua, -2, name);
}

static void put_number(lua_State *lua, const char *name, int64_t number)
{
    lua_pushinteger(lua, number);
    lua_setfield(lua, -2, name);
}

static void put_data(lua_State *lua, const Sagabase__V1__RecordedEvent *event, json_t **json)
{
    if (is_json(event->content_type)) {
        struct status status = json_text_read(bytes_of(event->data.data, event->data.len), json);
        if (!status_ok(status))
            luaL_error(lua, "data: %s", status.message);
        script_push_json(lua, *json);
    } else {
        lua_pushlstring(lua, (const char *)event->data.data, event->data.len);
    }
    lua_setfield(lua, -2, "data");
}

void script_push_event(lua_State *lua, const Sagabase__V1__RecordedEvent *event, json_t **json)
{
    enum { FIELDS = 10 };

    lua_createtable(lua, 0, FIELDS);
    put_text(lua, "id", event->id);
    put_text(lua, "type", event->type);
    put_text(lua, "stream", event->stream);
    put_text(lua, "content_type", event->content_type);
    put_number(lua, "revision", (int64_t)event->revision);
    put_number(lua, "position", (int64_t)event->position);
    put_number(lua, "created_us", event->created_us);
    lua_createtable(lua, 0, (int)event->n_metadata);
    for (size_t i = 0; i < event->n_metadata; i++)
        put_text(lua, event->metadata[i]->key, event->metadata[i]->value);
    lua_setfield(lua, -2, "metadata");
    lua_createtable(lua, (int)event->n_tags, 0);
    script_mark_array(lua);
    for (size_t i = 0; i < event->n_tags; i++) {
        lua_pushstring(lua, event->tags[i]);
        lua_rawseti(lua, -2, (lua_Integer)i + 1);
    }
    lua_setfield(lua, -2, "tags");
    put_data(lua, event, json);
}

/* --- from Lua: the table is at index 1 of what is looked at ---------------------------------- */

/* Text of at most `bytes_max` that a field of a message can hold, at the top of the stack. */
static char *text_at_top(lua_State *lua, const char *what, size_t bytes_max)
{
    size_t size;

    if (lua_type(lua, -1) != LUA_TSTRING)
        luaL_error(lua, "%s of the event: a string, not a %s", what, luaL_typename(lua, -1));
    const char *text = lua_tolstring(lua, -1, &size);
    if (size > bytes_max)
        luaL_error(lua, "%s of the event: at most %d bytes", what, (int)bytes_max);
    json_t *probe = memchr(text, '\0', size) ? NULL : json_stringn(text, size);
    if (!probe)
        luaL_error(lua, "%s of the event: not UTF-8 text", what);
    json_decref(probe);
    return (char *)text;
}

/* Strings stay on the stack, so that they stay. */
static void take_metadata(lua_State *lua, int table, struct script_change *change)
{
    enum { SLOTS = 2 * METADATA_ENTRIES_MAX + 8 };
    size_t count = 0;

    luaL_checkstack(lua, SLOTS, NULL);
    if (lua_getfield(lua, table, "metadata") != LUA_TTABLE)
        luaL_error(lua, "metadata of the event: a table, not a %s", luaL_typename(lua, -1));
    int metadata = lua_gettop(lua);
    change->entries = calloc(METADATA_ENTRIES_MAX, sizeof *change->entries);
    change->entry_places = calloc(METADATA_ENTRIES_MAX, sizeof(void *));
    if (!change->entries || !change->entry_places)
        luaL_error(lua, "metadata of the event: out of memory");
    lua_pushnil(lua);
    while (lua_next(lua, metadata) != 0) {
        if (count == METADATA_ENTRIES_MAX)
            luaL_error(lua, "metadata of the event: at most %d entries", METADATA_ENTRIES_MAX);
        Sagabase__V1__RecordedEvent__MetadataEntry *entry = &change->entries[count];
        *entry = (Sagabase__V1__RecordedEvent__MetadataEntry)
            SAGABASE__V1__RECORDED_EVENT__METADATA_ENTRY__INIT;
        entry->value = text_at_top(lua, "a value in the metadata", METADATA_VALUE_BYTES_MAX);
        lua_pushvalue(lua, -2);
        entry->key = text_at_top(lua, "a key in the metadata", METADATA_KEY_BYTES_MAX);
        if (*entry->key == '\0')
            luaL_error(lua, "a key in the metadata of the event: 1 to %d bytes",
                       METADATA_KEY_BYTES_MAX);
        change->entry_places[count++] = entry;
        /* key, value, key: the upper key goes on with the walk. */
    }
    change->event.metadata = change->entry_places;
    change->event.n_metadata = count;
}

static void take_json(lua_State *lua, struct script_change *change)
{
    const char *why;
    json_t *json = script_to_json(lua, -1, &why);

    if (!json)
        luaL_error(lua, "data of the event cannot be written as JSON: %s", why);
    buffer_init(&change->data, EVENT_DATA_BYTES_MAX);
    struct status status = json_text_write(json, &change->data);
    json_decref(json);
    if (!status_ok(status))
        luaL_error(lua, "data of the event: %s", status.message);
    change->event.data.data = change->data.data;
    change->event.data.len = change->data.size;
}

static void take_data(lua_State *lua, int table, struct script_change *change)
{
    size_t size = 0;

    lua_getfield(lua, table, "data");
    if (is_json(change->event.content_type))
        return take_json(lua, change);
    if (lua_type(lua, -1) != LUA_TSTRING)
        luaL_error(lua, "data of the event: a string, as its content type is not JSON; not a %s",
                   luaL_typename(lua, -1));
    change->event.data.data = (uint8_t *)lua_tolstring(lua, -1, &size);
    change->event.data.len = size;
    if (size > EVENT_DATA_BYTES_MAX)
        luaL_error(lua, "data of the event: at most %d bytes", EVENT_DATA_BYTES_MAX);
}

void script_take_change(lua_State *lua, const Sagabase__V1__RecordedEvent *event,
                        struct script_change *change)
{
    int table = lua_gettop(lua);

    if (lua_type(lua, table) != LUA_TTABLE)
        luaL_error(lua, "an upcaster has to return an event, not a %s", luaL_typename(lua, table));
    change->event = *event;
    lua_getfield(lua, table, "type");
    change->event.type = text_at_top(lua, "type", EVENT_TYPE_BYTES_MAX);
    if (*change->event.type == '\0')
        luaL_error(lua, "type of the event: 1 to %d bytes", EVENT_TYPE_BYTES_MAX);
    lua_getfield(lua, table, "content_type");
    change->event.content_type = text_at_top(lua, "content_type", CONTENT_TYPE_BYTES_MAX);
    take_data(lua, table, change);
    take_metadata(lua, table, change);
}

/* A frame is an element of a repeated field 1 (storage/log/event.h). */
void script_change_put(struct script_change *change, struct buffer *frames)
{
    enum { TAG = 1 << 3 | 2 };
    size_t size = protobuf_c_message_get_packed_size(&change->event.base);
    uint8_t *start = buffer_reserve(frames, 1 + varint_bytes(size) + size), *at = start;

    if (!start)
        return; /* the buffer knows */
    *at++ = TAG;
    at = put_varint(at, size);
    at += protobuf_c_message_pack(&change->event.base, at);
    frames->size += (size_t)(at - start);
}

void script_change_clear(struct script_change *change)
{
    free(change->entries);
    free(change->entry_places);
    buffer_destroy(&change->data);
}
