/* sagabase.v1.Sagas: its methods. */
#include "sagabase/v1/sagas.pb-c.h"
#include "server/services/sagas/methods.h"
#include "server/services/sagas/tables.h"

#define PATH(method) "/sagabase.v1.Sagas/" method

const struct method sagas_methods[] = {
    {PATH("StartSaga"), &sagabase__v1__start_saga_request__descriptor, METHOD_UNARY, .armed = 64,
     start_saga},
    {PATH("WaitSaga"), &sagabase__v1__wait_saga_request__descriptor, METHOD_SERVER_STREAM,
     .armed = 0, wait_saga},
    {PATH("GetSaga"), &sagabase__v1__get_saga_request__descriptor, METHOD_UNARY, .armed = 0,
     get_saga},
    {PATH("GetHistory"), &sagabase__v1__get_history_request__descriptor, METHOD_SERVER_STREAM,
     .armed = 0, get_history},
    {PATH("ListSagas"), &sagabase__v1__list_sagas_request__descriptor, METHOD_UNARY, .armed = 0,
     list_sagas},
    {PATH("WatchSagas"), &sagabase__v1__watch_sagas_request__descriptor, METHOD_SERVER_STREAM,
     .armed = 0, watch_sagas},
    {PATH("SignalSaga"), &sagabase__v1__signal_saga_request__descriptor, METHOD_UNARY, .armed = 0,
     signal_saga},
    {PATH("CancelSaga"), &sagabase__v1__cancel_saga_request__descriptor, METHOD_UNARY, .armed = 0,
     cancel_saga},
    {PATH("TerminateSaga"), &sagabase__v1__terminate_saga_request__descriptor, METHOD_UNARY,
     .armed = 0, terminate_saga},
    {PATH("PauseSaga"), &sagabase__v1__pause_saga_request__descriptor, METHOD_UNARY, .armed = 0,
     pause_saga},
    {PATH("ResumeSaga"), &sagabase__v1__resume_saga_request__descriptor, METHOD_UNARY, .armed = 0,
     resume_saga},
    {PATH("RetryStep"), &sagabase__v1__retry_step_request__descriptor, METHOD_UNARY, .armed = 0,
     retry_step},
    {PATH("SkipStep"), &sagabase__v1__skip_step_request__descriptor, METHOD_UNARY, .armed = 0,
     skip_step},
    {PATH("ResolveStep"), &sagabase__v1__resolve_step_request__descriptor, METHOD_UNARY, .armed = 0,
     resolve_step},
    {0},
};
