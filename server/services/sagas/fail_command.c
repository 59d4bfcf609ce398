/* Participant.FailCommand: any other answer to a command. (reply_call.h) */
#include "sagabase/v1/participant.pb-c.h"
#include "server/services/sagas/methods.h"
#include "server/services/sagas/reply_call.h"

static void reply(struct call *call, Sagabase__V1__ReplyAck *ack)
{
    Sagabase__V1__FailCommandResponse response = SAGABASE__V1__FAIL_COMMAND_RESPONSE__INIT;

    response.ack = ack;
    call_reply(call, &response.base);
}

/* An outcome that is not set is refused where replies are checked. */
static void read_outcome(const Sagabase__V1__FailCommandRequest *request,
                         Sagabase__V1__Reply *answer)
{
    switch ((int)request->outcome_case) {
    case SAGABASE__V1__FAIL_COMMAND_REQUEST__OUTCOME_FAILURE:
        answer->outcome_case = SAGABASE__V1__REPLY__OUTCOME_FAILURE;
        answer->failure = request->failure;
        return;
    case SAGABASE__V1__FAIL_COMMAND_REQUEST__OUTCOME_ERROR:
        answer->outcome_case = SAGABASE__V1__REPLY__OUTCOME_ERROR;
        answer->error = request->error;
        return;
    case SAGABASE__V1__FAIL_COMMAND_REQUEST__OUTCOME_ONGOING:
        answer->outcome_case = SAGABASE__V1__REPLY__OUTCOME_ONGOING;
        answer->ongoing = request->ongoing;
        return;
    default:
        return;
    }
}

void fail_command(struct call *call, const ProtobufCMessage *message)
{
    const Sagabase__V1__FailCommandRequest *request = (const void *)message;
    Sagabase__V1__Reply answer = SAGABASE__V1__REPLY__INIT;

    answer.command_id = request->command_id;
    answer.attempt = request->attempt;
    answer.appends = request->appends;
    answer.n_appends = request->n_appends;
    read_outcome(request, &answer);
    reply_call(call, &answer, reply);
}
