/* A sandboxed Lua 5.4 script: a chunk that returns a function of an event.
 *
 *   reducer   function(state, event)  -> the next state
 *   upcaster  function(event)         -> the event in its newest form
 *
 * It has a Lua state of its own, bounded in memory, and a bound of steps for each event
 * (limits.h); beyond either it ends with an error that it cannot catch. It has no library that
 * reaches out of it, no coroutines, no metatables, no bytecode, no randomness, and none of the
 * functions that match patterns: those may take for ever within one instruction.
 *
 * JSON in Lua: an object is a table, null is json.null, an array is a table that was marked: those
 * that are read from JSON are, and those that json.array(t) returns. Without a mark a table with
 * keys 1..n is written as an array, an empty one as an object. Whole numbers are integers.
 *
 * One thread at a time. Errors of the script are FAILED_PRECONDITION; RESOURCE_EXHAUSTED: the
 * machine is out of memory, and nothing is wrong with the script. */
#ifndef SERVER_REDUCERS_SCRIPT_H
#define SERVER_REDUCERS_SCRIPT_H

#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/bytes.h"
#include "base/status.h"
#include "sagabase/v1/event_store.pb-c.h"

struct script;

enum script_kind { SCRIPT_REDUCER, SCRIPT_UPCASTER };

/* Compiles the source (text) and runs the chunk. */
struct status script_create(enum script_kind kind, struct bytes source, struct script **script);

void script_free(struct script *script);

/* What the newest error was, in full: at most SCRIPT_ERROR_BYTES_MAX, UTF-8. */
const char *script_error(const struct script *script);

/* Bytes that it holds now, and the steps that the newest event took. */
size_t script_memory(const struct script *script);
uint64_t script_steps(const struct script *script);

/* --- of a reducer ---------------------------------------------------------------------- */

/* Begins with a state: JSON; empty: nil. */
struct status script_begin(struct script *script, struct bytes state);

struct status script_fold(struct script *script, const Sagabase__V1__RecordedEvent *event);

/* The state as JSON; before the first event it is null. */
struct status script_state(struct script *script, struct buffer *state);

/* --- of an upcaster -------------------------------------------------------------------- */

/* Adds the frame (storage/log/event.h) of the event in its newest form. */
struct status script_upcast(struct script *script, const Sagabase__V1__RecordedEvent *event,
                            struct buffer *frames);

#endif
