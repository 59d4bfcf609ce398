/* sagabase.v1.Participant: its methods. */
#include "sagabase/v1/participant.pb-c.h"
#include "server/services/sagas/methods.h"
#include "server/services/sagas/tables.h"

#define PATH(method) "/sagabase.v1.Participant/" method

const struct method participant_methods[] = {
    {PATH("Work"), &sagabase__v1__work_request__descriptor, METHOD_BIDI_STREAM, .armed = 0, work},
    {PATH("PollCommand"), &sagabase__v1__poll_command_request__descriptor, METHOD_SERVER_STREAM,
     .armed = 32, poll_command},
    {PATH("CompleteCommand"), &sagabase__v1__complete_command_request__descriptor, METHOD_UNARY,
     .armed = 32, complete_command},
    {PATH("FailCommand"), &sagabase__v1__fail_command_request__descriptor, METHOD_UNARY,
     .armed = 32, fail_command},
    {PATH("Heartbeat"), &sagabase__v1__heartbeat_request__descriptor, METHOD_UNARY, .armed = 0,
     heartbeat},
    {0},
};
