/* The trace of a call, as it is kept with the events that the call appends. */
#ifndef SERVER_SERVICES_TRACE_ENTRIES_H
#define SERVER_SERVICES_TRACE_ENTRIES_H

#include "server/rpc/call.h"
#include "storage/log/append.h"

enum { TRACE_ENTRIES_MAX = 2 };

/* Metadata under "traceparent" and "tracestate", for events that have none of their own. */
struct trace_entries {
    struct metadata_entry entries[TRACE_ENTRIES_MAX];
    size_t count;
};

/* Borrows from the call. Without a well-formed traceparent header: none. */
struct trace_entries trace_entries_of(struct call *call);

/* Of a trace that is handed on within a message: borrows from both texts. Without a well-formed
 * traceparent: none; a tracestate that is too long is left out. */
struct trace_entries trace_entries_read(const char *traceparent, const char *tracestate);

/* Of a context that is known here. Without memory for it: none. */
struct trace_entries trace_entries_of_context(const struct trace_context *context,
                                              struct arena *arena);

/* The span that changes of the call belong to; NULL: nobody traces it. Lives as long as the call.
 */
const struct trace_context *trace_of(const struct call *call);

/* Tells the call's span, if it has one, where its events go; and the append, which span it belongs
 * to. */
void trace_append(struct call *call, struct append *append);

#endif
