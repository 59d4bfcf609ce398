#include "server/reducers/script.h"

#include <lua5.4/lauxlib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "base/clock.h"
#include "server/reducers/json_text.h"
#include "server/reducers/script_event.h"
#include "server/reducers/script_state.h"

enum {
    HOOK_STEPS = 100,
    ALLOCATED_PER_STEP = 64,
    REFUSAL_STEPS = 10000, /* what collecting all garbage costs */
    LOOK_US = 1000,
    US_PER_MS = 1000,
};

static const char function_key, state_key; /* their addresses: where the registry has them */

/* --- bounds ------------------------------------------------------------------------------- */

struct script *script_of(lua_State *lua)
{
    void *script;

    lua_getallocf(lua, &script);
    return script;
}

static int64_t cpu_us(void)
{
    struct timespec time;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    return (int64_t)time.tv_sec * 1000000 + time.tv_nsec / 1000;
}

/* Each time, so that no pcall can go on. No text: there may be no memory for it. */
static void on_hook(lua_State *lua, lua_Debug *activation)
{
    struct script *script = script_of(lua);

    (void)activation;
    if (!script->is_exhausted)
        script_take(script, HOOK_STEPS);
    int64_t now_us = clock_monotonic_us(system_clock());
    if (now_us - script->looked_us >= LOOK_US) {
        script->looked_us = now_us;
        if (cpu_us() > script->cpu_end_us)
            script->is_late = script->is_exhausted = true;
    }
    if (script->is_exhausted) {
        lua_sethook(lua, on_hook, LUA_MASKCOUNT, 1);
        lua_pushnil(lua);
        lua_error(lua);
    }
}

void script_take(struct script *script, uint64_t steps)
{
    if (!script->is_armed || script->is_exhausted)
        return;
    script->steps_left =
        steps < (uint64_t)script->steps_left ? script->steps_left - (int64_t)steps : 0;
    if (script->steps_left == 0) {
        script->is_exhausted = true;
        lua_sethook(script->lua, on_hook, LUA_MASKCOUNT, 1);
    }
}

/* A chunk is run where it is put, on the thread of the call, and an upcaster where it is read. */
static bool is_patient(const struct script *script)
{
    return script->kind == SCRIPT_REDUCER && script->is_loaded;
}

static int64_t steps_max(const struct script *script)
{
    return is_patient(script) ? REDUCER_STEPS_MAX : UPCASTER_STEPS_MAX;
}

static int64_t cpu_ms_max(const struct script *script)
{
    return is_patient(script) ? REDUCER_CPU_MS_MAX : UPCASTER_CPU_MS_MAX;
}

void script_arm(struct script *script)
{
    script->is_armed = true;
    script->steps_left = steps_max(script);
    script->looked_us = clock_monotonic_us(system_clock());
    script->cpu_end_us = cpu_us() + cpu_ms_max(script) * US_PER_MS;
    lua_sethook(script->lua, on_hook, LUA_MASKCOUNT, HOOK_STEPS);
}

void script_disarm(struct script *script)
{
    script->is_armed = false;
    lua_sethook(script->lua, NULL, 0, 0);
}

/* Without a block, `old` tells what the memory is for. */
static bool is_refused(const void *block, size_t old, size_t total, size_t size)
{
    bool is_string = !block && old == LUA_TSTRING;

    return total > SCRIPT_MEMORY_MAX || (is_string && size > SCRIPT_STRING_BYTES_MAX);
}

/* Lua's allocator. What gets smaller is never refused. What is refused makes Lua collect all of its
 * garbage and ask again. */
static void *allocate(void *context, void *block, size_t old, size_t size)
{
    struct script *script = context;
    size_t had = block ? old : 0;

    if (size == 0) {
        free(block);
        script->memory -= had;
        return NULL;
    }
    if (size > had && is_refused(block, old, script->memory - had + size, size)) {
        script_take(script, REFUSAL_STEPS);
        return NULL;
    }
    if (size > had)
        script_take(script, (size - had) / ALLOCATED_PER_STEP);
    void *moved = realloc(block, size);
    if (!moved && size <= had)
        moved = block;
    if (moved)
        script->memory += size - had;
    else
        script->no_memory = true;
    return moved;
}

/* --- errors -------------------------------------------------------------------------------- */

/* UTF-8 without control characters, whatever the script said. */
static void keep_error(struct script *script, const char *text, size_t size)
{
    bool is_text;

    if (size > SCRIPT_ERROR_BYTES_MAX)
        for (size = SCRIPT_ERROR_BYTES_MAX; size > 0 && ((uint8_t)text[size] & 0xc0) == 0x80;)
            size--;
    json_t *probe = json_stringn(text, size);
    is_text = probe != NULL;
    json_decref(probe);
    for (size_t i = 0; i < size; i++) {
        uint8_t byte = (uint8_t)text[i];
        script->error[i] = (char)(byte < 0x20 ? ' ' : byte >= 0x7f && !is_text ? '?' : byte);
    }
    script->error[size] = '\0';
}

/* What lua_pcall has left on the stack. */
static void take_error(struct script *script, int code)
{
    lua_State *lua = script->lua;
    const char *what = script->is_loaded ? " for one event" : " to load it";
    char text[SCRIPT_ERROR_BYTES_MAX];
    size_t size;

    if (script->is_exhausted) {
        if (script->is_late)
            snprintf(text, sizeof text, "more than %lld ms%s", (long long)cpu_ms_max(script), what);
        else
            snprintf(text, sizeof text, "more than %lld steps%s", (long long)steps_max(script),
                     what);
        return keep_error(script, text, strlen(text));
    }
    if (code == LUA_ERRMEM) {
        snprintf(text, sizeof text, "more than %d MiB of memory, or a string of more than %d MiB",
                 SCRIPT_MEMORY_MAX >> 20, SCRIPT_STRING_BYTES_MAX >> 20);
        return keep_error(script, text, strlen(text));
    }
    if (lua_type(lua, -1) == LUA_TSTRING) {
        const char *message = lua_tolstring(lua, -1, &size);
        return keep_error(script, message, size);
    }
    snprintf(text, sizeof text, "an error that is no text but a %s", luaL_typename(lua, -1));
    keep_error(script, text, strlen(text));
}

/* What a piece of work has and gives; in C's memory, which an error of Lua's leaves alone. */
struct errand {
    struct bytes bytes; /* source, or state */
    const Sagabase__V1__RecordedEvent *event;
    struct buffer *output;
    struct script_change change;
    json_t *json;
};

static struct status run(struct script *script, lua_CFunction work, struct errand *errand)
{
    lua_State *lua = script->lua;
    struct status status = OK;

    script->is_exhausted = script->is_late = script->no_memory = false;
    lua_pushcfunction(lua, work);
    lua_pushlightuserdata(lua, errand);
    int code = lua_pcall(lua, 1, 0, 0);
    script_disarm(script);
    if (code == LUA_ERRMEM && script->no_memory && !script->is_exhausted) {
        status = status_make(STATUS_RESOURCE_EXHAUSTED, "script: out of memory");
    } else if (code != LUA_OK) {
        take_error(script, code);
        status = status_make(STATUS_FAILED_PRECONDITION, "%s", script->error);
    }
    lua_settop(lua, 0);
    json_decref(errand->json);
    script_change_clear(&errand->change);
    return status;
}

static struct errand *errand_of(lua_State *lua)
{
    struct errand *errand = lua_touserdata(lua, 1);

    lua_settop(lua, 0);
    return errand;
}

/* Calls with what was pushed, counting steps: the only place where the script runs. */
static void call_script(lua_State *lua, int arguments, int results)
{
    script_arm(script_of(lua));
    lua_call(lua, arguments, results);
    script_disarm(script_of(lua));
}

/* --- creating ------------------------------------------------------------------------------- */

static int load(lua_State *lua)
{
    struct errand *errand = errand_of(lua);
    struct script *script = script_of(lua);
    const char *name = script->kind == SCRIPT_REDUCER ? "=reducer" : "=upcaster";

    script_open_library(lua);
    if (luaL_loadbufferx(lua, (const char *)errand->bytes.data, errand->bytes.size, name, "t") !=
        LUA_OK)
        return lua_error(lua);
    call_script(lua, 0, 1);
    if (!lua_isfunction(lua, -1))
        return luaL_error(lua, "the source has to return a function, not a %s",
                          luaL_typename(lua, -1));
    lua_rawsetp(lua, LUA_REGISTRYINDEX, &function_key);
    return 0;
}

struct status script_create(enum script_kind kind, struct bytes source, struct script **script)
{
    struct errand errand = {.bytes = source};
    struct script *self = calloc(1, sizeof *self);
    struct status status;

    if (!self)
        return status_make(STATUS_RESOURCE_EXHAUSTED, "script: out of memory");
    self->kind = kind;
    self->lua = lua_newstate(allocate, self);
    if (!self->lua) {
        free(self);
        return status_make(STATUS_RESOURCE_EXHAUSTED, "script: out of memory");
    }
    status = run(self, load, &errand);
    if (!status_ok(status)) {
        script_free(self);
        return status;
    }
    self->is_loaded = true;
    *script = self;
    return OK;
}

void script_free(struct script *script)
{
    lua_close(script->lua);
    free(script);
}

const char *script_error(const struct script *script)
{
    return script->error;
}

size_t script_memory(const struct script *script)
{
    return script->memory;
}

uint64_t script_steps(const struct script *script)
{
    return (uint64_t)(steps_max(script) - script->steps_left);
}

/* --- of a reducer ------------------------------------------------------------------------- */

static int begin(lua_State *lua)
{
    struct errand *errand = errand_of(lua);

    if (errand->json)
        script_push_json(lua, errand->json);
    else
        lua_pushnil(lua);
    lua_rawsetp(lua, LUA_REGISTRYINDEX, &state_key);
    return 0;
}

struct status script_begin(struct script *script, struct bytes state)
{
    struct errand errand = {0};

    if (state.size > 0)
        TRY(json_text_read(state, &errand.json));
    return run(script, begin, &errand);
}

static int fold(lua_State *lua)
{
    struct errand *errand = errand_of(lua);

    lua_rawgetp(lua, LUA_REGISTRYINDEX, &function_key);
    lua_rawgetp(lua, LUA_REGISTRYINDEX, &state_key);
    script_push_event(lua, errand->event, &errand->json);
    call_script(lua, 2, 1);
    lua_rawsetp(lua, LUA_REGISTRYINDEX, &state_key);
    return 0;
}

struct status script_fold(struct script *script, const Sagabase__V1__RecordedEvent *event)
{
    struct errand errand = {.event = event};

    return run(script, fold, &errand);
}

static int write_state(lua_State *lua)
{
    struct errand *errand = errand_of(lua);
    const char *why;

    lua_rawgetp(lua, LUA_REGISTRYINDEX, &state_key);
    errand->json = script_to_json(lua, -1, &why);
    if (!errand->json)
        return luaL_error(lua, "the state cannot be written as JSON: %s", why);
    struct status status = json_text_write(errand->json, errand->output);
    if (!status_ok(status))
        return luaL_error(lua, "the state: %s", status.message);
    return 0;
}

struct status script_state(struct script *script, struct buffer *state)
{
    struct errand errand = {.output = state};

    return run(script, write_state, &errand);
}

/* --- of an upcaster ------------------------------------------------------------------------ */

static int upcast(lua_State *lua)
{
    struct errand *errand = errand_of(lua);

    lua_rawgetp(lua, LUA_REGISTRYINDEX, &function_key);
    script_push_event(lua, errand->event, &errand->json);
    call_script(lua, 1, 1);
    script_take_change(lua, errand->event, &errand->change);
    script_change_put(&errand->change, errand->output);
    return 0;
}

struct status script_upcast(struct script *script, const Sagabase__V1__RecordedEvent *event,
                            struct buffer *frames)
{
    struct errand errand = {.event = event, .output = frames};

    return run(script, upcast, &errand);
}
