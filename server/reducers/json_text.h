/* JSON as text and as Jansson's values, with bounds: at most JSON_DEPTH_MAX levels and
 * JSON_VALUES_MAX values. Whole numbers are 64 bit and stay exact. Any thread. */
#ifndef SERVER_REDUCERS_JSON_TEXT_H
#define SERVER_REDUCERS_JSON_TEXT_H

#include <jansson.h>

#include "base/buffer.h"
#include "base/bytes.h"
#include "base/status.h"

/* *json is the caller's. INVALID_ARGUMENT says what is wrong with the text, and where. */
struct status json_text_read(struct bytes text, json_t **json);

/* Members in the order of their names, so that equal values are equal texts; fractions with as
 * few digits as tell them apart. INVALID_ARGUMENT: a bound, the buffer's own too. */
struct status json_text_write(const json_t *json, struct buffer *text);

/* Changes the target by a JSON merge patch (RFC 7396 §2). Takes the target (NULL: there is none),
 * copies from the patch. NULL: out of memory; the target is gone then. */
json_t *json_merge(json_t *target, const json_t *patch);

#endif
