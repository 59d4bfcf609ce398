/* sagabase.v1.Reducers: its methods. */
#include "sagabase/v1/reducers.pb-c.h"
#include "server/services/reducers/methods.h"
#include "server/services/reducers/tables.h"

#define PATH(method) "/sagabase.v1.Reducers/" method

const struct method reducers_methods[] = {
    {PATH("PutReducer"), &sagabase__v1__put_reducer_request__descriptor, METHOD_UNARY, .armed = 0,
     put_reducer},
    {PATH("DeleteReducer"), &sagabase__v1__delete_reducer_request__descriptor, METHOD_UNARY,
     .armed = 0, delete_reducer},
    {PATH("ListReducers"), &sagabase__v1__list_reducers_request__descriptor, METHOD_UNARY,
     .armed = 0, list_reducers},
    {PATH("GetState"), &sagabase__v1__get_state_request__descriptor, METHOD_SERVER_STREAM,
     .armed = 32, get_state},
    {PATH("PutUpcaster"), &sagabase__v1__put_upcaster_request__descriptor, METHOD_UNARY, .armed = 0,
     put_upcaster},
    {PATH("DeleteUpcaster"), &sagabase__v1__delete_upcaster_request__descriptor, METHOD_UNARY,
     .armed = 0, delete_upcaster},
    {PATH("ListUpcasters"), &sagabase__v1__list_upcasters_request__descriptor, METHOD_UNARY,
     .armed = 0, list_upcasters},
    {0},
};
