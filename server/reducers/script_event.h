/* Events in Lua: the table that a script is given, and what is taken from the one that an
 * upcaster returns. */
#ifndef SERVER_REDUCERS_SCRIPT_EVENT_H
#define SERVER_REDUCERS_SCRIPT_EVENT_H

#include <jansson.h>
#include <lua5.4/lua.h>

#include "base/buffer.h"
#include "sagabase/v1/event_store.pb-c.h"

/* Pushes the event's table. May throw; *json is then the caller's to release, as after it. */
void script_push_event(lua_State *lua, const Sagabase__V1__RecordedEvent *event, json_t **json);

/* An event in its newest form. Strings are Lua's, on its stack. */
struct script_change {
    Sagabase__V1__RecordedEvent event;
    Sagabase__V1__RecordedEvent__MetadataEntry *entries;
    Sagabase__V1__RecordedEvent__MetadataEntry **entry_places;
    struct buffer data;
};

/* Takes what may change from the table on top of the stack. May throw; the change is the caller's
 * to clear, as after it. */
void script_take_change(lua_State *lua, const Sagabase__V1__RecordedEvent *event,
                        struct script_change *change);

/* Adds its frame. */
void script_change_put(struct script_change *change, struct buffer *frames);

/* Releases memory. A change that is all zero has none. */
void script_change_clear(struct script_change *change);

#endif
