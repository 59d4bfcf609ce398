#include "server/services/sagas/reply_ack.h"

#include "server/services/proposal.h"
#include "server/services/sagas/fields.h"

static struct trace_entries find_trace(struct gateway *gateway, const Sagabase__V1__Reply *message,
                                       const struct trace_entries *own, struct arena *arena)
{
    struct trace_entries told = trace_entries_read(message->traceparent, message->tracestate);
    struct uuid id;

    if (told.count > 0)
        return told;
    if (own && own->count > 0)
        return *own;
    if (!uuid_parse(bytes_of_text(message->command_id), &id))
        return told;
    struct attempt_trace attempt = dispatch_trace(gateway_dispatch(gateway), &id);
    return attempt.is_given ? trace_entries_of_context(&attempt.context, arena) : told;
}

struct status reply_read(struct gateway *gateway, const Sagabase__V1__Reply *message,
                         const struct trace_entries *own, struct arena *arena,
                         struct append *append, struct saga_reply *reply)
{
    TRY(saga_check_reply_fields(message));
    reply->reply = message;
    if (message->n_appends == 0)
        return OK;
    struct trace_entries trace = find_trace(gateway, message, own, arena);
    TRY(proposal_read_appends(message->appends, message->n_appends, &trace, arena, append));
    reply->append = append;
    return OK;
}

static struct status answer_conflict(const struct saga_reply *reply, struct arena *arena,
                                     Sagabase__V1__ReplyAck *ack)
{
    ack->conflict = arena_alloc(arena, sizeof *ack->conflict);
    if (!ack->conflict)
        return request_too_large();
    sagabase__v1__revision_conflict__init(ack->conflict);
    return proposal_conflict(&reply->append->conflict, arena, ack->conflict);
}

struct status reply_ack_answer(const struct saga_reply *reply, struct arena *arena,
                               Sagabase__V1__ReplyAck *ack)
{
    sagabase__v1__reply_ack__init(ack);
    ack->command_id = reply->reply->command_id;
    ack->outcome = reply->outcome;
    ack->recorded = reply->recorded;
    ack->message = (char *)reply->message;
    switch ((int)reply->outcome) {
    case SAGABASE__V1__REPLY_OUTCOME__REPLY_OUTCOME_ACCEPTED:
        ack->position = reply->position;
        if (!reply->append)
            return OK;
        return proposal_appended(reply->append, arena, &ack->appended, &ack->n_appended);
    case SAGABASE__V1__REPLY_OUTCOME__REPLY_OUTCOME_WRONG_EXPECTED_REVISION:
        return answer_conflict(reply, arena, ack);
    default:
        return OK;
    }
}

void reply_ack_refuse(const Sagabase__V1__Reply *message, const struct status *status,
                      Sagabase__V1__ReplyAck *ack)
{
    sagabase__v1__reply_ack__init(ack);
    ack->command_id = message->command_id;
    ack->outcome = status->code == STATUS_INVALID_ARGUMENT
                       ? SAGABASE__V1__REPLY_OUTCOME__REPLY_OUTCOME_INVALID
                       : SAGABASE__V1__REPLY_OUTCOME__REPLY_OUTCOME_UNAVAILABLE;
    ack->message = (char *)status->message;
}
