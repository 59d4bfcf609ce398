/* What the files of saga_apply share: each changes a saga as one event says. Internal to
 * saga_apply*.c, and to saga_row.c, which sets the same parts. */
#ifndef SERVER_SAGAS_SAGA_APPLY_H
#define SERVER_SAGAS_SAGA_APPLY_H

#include "server/sagas/saga_parts.h"

/* --- saga_apply_parts.c ---------------------------------------------------------------------- */

/* DATA_LOSS: `what` cannot be. */
struct status apply_damaged(const char *what);
struct status apply_no_memory(void);

/* Room for one more element, of an array that grows by half; or, of one whose capacity is not kept,
 * by one. False: out of memory, as with all of these. */
bool saga_grow(void **array, uint32_t count, uint32_t capacity, size_t element, size_t *bytes);
bool saga_grow_by_one(void **array, uint32_t count, size_t element, size_t *bytes);

/* `source` NULL: there is none any more. */
bool saga_set_error(struct saga *saga, struct saga_error **error,
                    const Sagabase__V1__SagaError *source);
bool saga_set_output(struct saga *saga, struct activity *activity,
                     const Sagabase__V1__Payload *source);
struct status saga_set_attributes(struct saga *saga, Sagabase__V1__Attribute **attributes,
                                  size_t count);

/* Texts that stay as long as the saga, in one piece. */
bool saga_set_texts(struct saga *saga, const char *id, const char *request_id,
                    const char *traceparent, const char *tracestate);

/* --- saga_apply_activity.c ------------------------------------------------------------------- */

/* Its operation is over. */
void activity_close(struct activity *activity, int64_t time_us);

struct status apply_issued(struct saga *saga, const Sagabase__V1__CommandIssued *event,
                           int64_t time_us);
struct status apply_succeeded(struct saga *saga, const Sagabase__V1__CommandSucceeded *event,
                              int64_t time_us);
struct status apply_failed(struct saga *saga, const Sagabase__V1__CommandFailed *event,
                           int64_t time_us);
struct status apply_errored(struct saga *saga, const Sagabase__V1__CommandErrored *event);
struct status apply_timed_out(struct saga *saga, const Sagabase__V1__CommandTimedOut *event);
struct status apply_ongoing(struct saga *saga, const Sagabase__V1__CommandOngoing *event);
struct status apply_entered(struct saga *saga, const Sagabase__V1__NodeEntered *event,
                            int64_t time_us);
struct status apply_finished(struct saga *saga, const Sagabase__V1__NodeFinished *event,
                             int64_t time_us);

#endif
