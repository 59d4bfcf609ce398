/* Admin.SetLogLevel: at once, on the queue thread. */
#include "base/log.h"
#include "sagabase/v1/admin.pb-c.h"
#include "server/rpc/rpc_server.h"
#include "server/services/methods.h"
#include "server/services/services.h"

_Static_assert((int)SAGABASE__V1__LOG_LEVEL__LOG_LEVEL_ERROR == LOG_ERROR + 1 &&
                   (int)SAGABASE__V1__LOG_LEVEL__LOG_LEVEL_DEBUG == LOG_DEBUG + 1,
               "levels have the same order, behind UNSPECIFIED");

void set_log_level(struct call *call, const ProtobufCMessage *message)
{
    const Sagabase__V1__SetLogLevelRequest *request = (const void *)message;
    Sagabase__V1__SetLogLevelResponse response = SAGABASE__V1__SET_LOG_LEVEL_RESPONSE__INIT;
    enum log_level before = log_get_level();

    if (request->level < SAGABASE__V1__LOG_LEVEL__LOG_LEVEL_ERROR ||
        request->level > SAGABASE__V1__LOG_LEVEL__LOG_LEVEL_DEBUG)
        return call_fail(call, status_make(STATUS_INVALID_ARGUMENT,
                                           "level: LOG_LEVEL_ERROR, LOG_LEVEL_WARN, LOG_LEVEL_INFO "
                                           "or LOG_LEVEL_DEBUG, not %d",
                                           (int)request->level));
    rpc_set_log_level((enum log_level)(request->level - 1));
    response.previous = (Sagabase__V1__LogLevel)(before + 1);
    call_reply(call, &response.base);
}
