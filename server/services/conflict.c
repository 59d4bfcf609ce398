#include "server/services/conflict.h"

#include "server/services/proposal.h"

void conflict_fail(struct call *call, struct status status, const struct conflict *found)
{
    Sagabase__V1__RevisionConflict conflict = SAGABASE__V1__REVISION_CONFLICT__INIT;
    struct status answered = proposal_conflict(found, call_arena(call), &conflict);

    if (!status_ok(answered))
        return call_fail(call, answered);
    call_fail_with(call, status, &conflict.base);
}
