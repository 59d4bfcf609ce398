/* Participant.CompleteCommand: a command is done. (reply_call.h) */
#include "sagabase/v1/participant.pb-c.h"
#include "server/services/sagas/methods.h"
#include "server/services/sagas/reply_call.h"

static void reply(struct call *call, Sagabase__V1__ReplyAck *ack)
{
    Sagabase__V1__CompleteCommandResponse response = SAGABASE__V1__COMPLETE_COMMAND_RESPONSE__INIT;

    response.ack = ack;
    call_reply(call, &response.base);
}

void complete_command(struct call *call, const ProtobufCMessage *message)
{
    static const Sagabase__V1__Success nothing_more = SAGABASE__V1__SUCCESS__INIT;
    const Sagabase__V1__CompleteCommandRequest *request = (const void *)message;
    Sagabase__V1__Reply answer = SAGABASE__V1__REPLY__INIT;

    answer.command_id = request->command_id;
    answer.attempt = request->attempt;
    answer.outcome_case = SAGABASE__V1__REPLY__OUTCOME_SUCCESS;
    answer.success = request->success ? request->success : (Sagabase__V1__Success *)&nothing_more;
    answer.appends = request->appends;
    answer.n_appends = request->n_appends;
    reply_call(call, &answer, reply);
}
