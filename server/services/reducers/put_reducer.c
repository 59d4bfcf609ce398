/* Reducers.PutReducer: compiled here to see whether it can be, then an event (registry_call.h). */
#include "server/reducers/fold.h"
#include "server/reducers/limits.h"
#include "server/reducers/reducers.h"
#include "server/services/reducers/methods.h"
#include "server/services/reducers/registry_call.h"
#include "server/services/services.h"
#include "storage/log/query.h"

static void reply(struct call *call, const struct registry_change *change)
{
    Sagabase__V1__PutReducerResponse response = SAGABASE__V1__PUT_REDUCER_RESPONSE__INIT;
    char hash[HASH_TEXT_BYTES + 1];

    registry_hash_text(change->hash, hash);
    response.hash = hash;
    call_reply(call, &response.base);
}

static struct status check(const Sagabase__V1__Reducer *reducer)
{
    struct fold *fold;

    if (!reducer)
        return status_make(STATUS_INVALID_ARGUMENT, "reducer: required");
    struct bytes category = bytes_of_text(reducer->category);
    if (category.size == 0 || category.size > CATEGORY_BYTES_MAX)
        return status_make(STATUS_INVALID_ARGUMENT, "reducer.category: 1 to %d bytes",
                           CATEGORY_BYTES_MAX);
    if (*reducer->category == '$')
        return status_make(STATUS_INVALID_ARGUMENT,
                           "reducer.category: names that start with $ are the server's own");
    TRY(category_check(category, "reducer.category"));
    struct status status = fold_create(reducer, &fold);
    if (!status_ok(status))
        return status_make(status.code, "reducer.%s", status.message);
    fold_free(fold);
    return OK;
}

void put_reducer(struct call *call, const ProtobufCMessage *message)
{
    const Sagabase__V1__PutReducerRequest *request = (const void *)message;
    const struct services *services = call_context(call);
    struct status status = check(request->reducer);

    if (!status_ok(status))
        return call_fail(call, status);
    struct registry_call *self = registry_call_begin(call, reply);
    if (self)
        registry_call_submitted(self, registry_put_reducer(reducers_registry(services->reducers),
                                                           request->reducer, &self->change,
                                                           call_arena(call)));
}
