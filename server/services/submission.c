#include "server/services/submission.h"

#include "server/sagas/gateway.h"
#include "server/services/services.h"

struct status submission_submit(const struct services *services, struct submission *submission,
                                struct arena *arena)
{
    if (!append_has_reply(&submission->append))
        return append_submit(services->log, &submission->append, arena);
    return append_reply_submit(services->gateway, &submission->append, arena, &submission->answer);
}

struct status submission_settle(const struct services *services, struct submission *submission,
                                struct arena *arena)
{
    if (!submission->answer)
        return append_settle(services->log, &submission->append, arena);
    return append_reply_settle(submission->answer, arena);
}
