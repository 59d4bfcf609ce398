/* The state of one stream while its events are folded, by a reducer of either kind. One thread at
 * a time.
 *
 *   fold_create --> fold_begin --> fold_event ... --> fold_state
 *
 * FAILED_PRECONDITION: the reducer fails, and fold_error() says why in full. Anything else is not
 * its fault. */
#ifndef SERVER_REDUCERS_FOLD_H
#define SERVER_REDUCERS_FOLD_H

#include "base/buffer.h"
#include "base/bytes.h"
#include "base/status.h"
#include "sagabase/v1/event_store.pb-c.h"
#include "sagabase/v1/reducers.pb-c.h"

struct fold;

/* INVALID_ARGUMENT names field and rule, or what does not compile. The reducer must outlive the
 * fold. */
struct status fold_create(const Sagabase__V1__Reducer *reducer, struct fold **fold);

void fold_free(struct fold *fold);

/* With a state that fold_state() gave; empty: with the first one. */
struct status fold_begin(struct fold *fold, struct bytes state);

struct status fold_event(struct fold *fold, const Sagabase__V1__RecordedEvent *event);

/* Adds the state as JSON. The buffer's limit is that of the state. */
struct status fold_state(struct fold *fold, struct buffer *state);

/* At most SCRIPT_ERROR_BYTES_MAX. */
const char *fold_error(const struct fold *fold);

#endif
