/* What reducers and upcasters may be, and use. Each row is also in a table of docs/limits.md or
 * ARCHITECTURE.md. */
#ifndef SERVER_REDUCERS_LIMITS_H
#define SERVER_REDUCERS_LIMITS_H

enum {
    REDUCERS_MAX = 1000,
    UPCASTERS_MAX = 1000,
    REGISTRY_BYTES_MAX = 2 << 20, /* of all reducers, and of all upcasters: listed in one message */
    CATEGORY_BYTES_MAX = 1000,    /* so that the stream of its reducer has a name */

    REDUCTIONS_WAITING_MAX = 1024,
    REDUCTIONS_ACTIVE_MAX = 16, /* each may hold SCRIPT_MEMORY_MAX */

    RULES_MAX = 256,           /* of a merge patch reducer */
    RULES_BYTES_MAX = 1 << 18, /* all of them, packed: an event holds them */
    RULE_PATH_MAX = 16,
    RULE_NAME_BYTES_MAX = 256,
    RULE_PATCH_BYTES_MAX = 16 << 10,

    JSON_DEPTH_MAX = 64,
    JSON_VALUES_MAX = 100000, /* in one text */

    SCRIPT_SOURCE_BYTES_MAX = 64 << 10,
    SCRIPT_MEMORY_MAX = 16 << 20,
    SCRIPT_STRING_BYTES_MAX = 2 << 20,
    SCRIPT_TEXTS_BYTES_MAX = 1 << 20, /* of a state, or an event: all strings, as JSON has them */
    SCRIPT_ERROR_BYTES_MAX = 1024,

    /* Of one event. A step is an instruction of Lua, or what about costs as much: 64 allocated
     * bytes, 64 bytes that a function of the library looks at. */
    REDUCER_STEPS_MAX = 1000000,
    UPCASTER_STEPS_MAX = 100000,
    /* The same in time of the thread, a hundred times what so many steps take: for the few
     * instructions that can cost more than a step, as the comparison of long strings. */
    REDUCER_CPU_MS_MAX = 1000,
    UPCASTER_CPU_MS_MAX = 100,
};

#endif
