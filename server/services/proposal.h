/* An append between the words of the API and those of the log. */
#ifndef SERVER_SERVICES_PROPOSAL_H
#define SERVER_SERVICES_PROPOSAL_H

#include "base/arena.h"
#include "base/status.h"
#include "sagabase/v1/event_store.pb-c.h"
#include "server/services/trace_entries.h"
#include "storage/log/append.h"

/* Fill append->streams, append->checks and append->condition from a request. They borrow from it,
 * and allocate in `arena`. INVALID_ARGUMENT names the field; limits of the events themselves are
 * left to append_submit. `trace` goes to the metadata of each event that has no traceparent of its
 * own and room for it. RESOURCE_EXHAUSTED: the arena is full. */
struct status proposal_read(const Sagabase__V1__AppendRequest *request,
                            const struct trace_entries *trace, struct arena *arena,
                            struct append *append);
struct status proposal_read_one(const Sagabase__V1__AppendToStreamRequest *request,
                                const struct trace_entries *trace, struct arena *arena,
                                struct append *append);

/* Only append->streams: of a request that appends beside something else. */
struct status proposal_read_appends(Sagabase__V1__StreamAppend *const *appends, size_t count,
                                    const struct trace_entries *trace, struct arena *arena,
                                    struct append *append);

/* Whatever the log says of an `expected`: which (its oneof's case), revision, state are those of
 * any message that has one; they number its fields alike. `path` is put before field names. */
struct status proposal_expectation(const char *path, int which, uint64_t revision, int state,
                                   struct expectation *expected);

/* What append_submit refused, in the words of an AppendRequest: for a single stream the log
 * leaves out "appends[0].". */
struct status proposal_refusal(struct status status, const struct append *append);

/* Fills a response that is initialised already; its parts live in `arena`. The append has
 * settled with OK. */
struct status proposal_answer(const struct append *append, struct arena *arena,
                              Sagabase__V1__AppendResponse *response);

/* The streams of such an answer; what they are made of lives in `arena`. */
struct status proposal_appended(const struct append *append, struct arena *arena,
                                Sagabase__V1__StreamAppended ***appended, size_t *count);

/* The same for an append that has settled with ABORTED: because of its condition if
 * append->matched, else because of a stream. */
void proposal_condition_conflict(const struct append *append,
                                 Sagabase__V1__ConditionConflict *conflict);
struct status proposal_conflict(const struct conflict *found, struct arena *arena,
                                Sagabase__V1__RevisionConflict *conflict);

#endif
