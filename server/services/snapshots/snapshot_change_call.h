/* A call that changes a stream's snapshots.
 *
 *   queue thread          writer thread            queue thread
 *   submit  --->          decide, commit  --->     reply
 */
#ifndef SERVER_SERVICES_SNAPSHOTS_SNAPSHOT_CHANGE_CALL_H
#define SERVER_SERVICES_SNAPSHOTS_SNAPSHOT_CHANGE_CALL_H

#include "server/rpc/call.h"
#include "storage/snapshots/snapshot_store.h"

/* Copies the change, submits it, and answers with `reply` when it is done. */
void snapshot_change_call(struct call *call, const struct snapshot_change *change,
                          void (*reply)(struct call *call, const struct snapshot_change *change));

#endif
