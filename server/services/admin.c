/* sagabase.v1.Admin: its methods. */
#include "sagabase/v1/admin.pb-c.h"
#include "server/services/methods.h"
#include "server/services/services.h"

const struct method admin_methods[] = {
    {"/sagabase.v1.Admin/GetInfo", &sagabase__v1__get_info_request__descriptor, METHOD_UNARY,
     .armed = 0, get_info},
    {"/sagabase.v1.Admin/Checkpoint", &sagabase__v1__checkpoint_request__descriptor, METHOD_UNARY,
     .armed = 0, checkpoint},
    {"/sagabase.v1.Admin/StartScavenge", &sagabase__v1__start_scavenge_request__descriptor,
     METHOD_UNARY, .armed = 0, start_scavenge},
    {"/sagabase.v1.Admin/GetScavenge", &sagabase__v1__get_scavenge_request__descriptor,
     METHOD_UNARY, .armed = 0, get_scavenge},
    {"/sagabase.v1.Admin/CancelScavenge", &sagabase__v1__cancel_scavenge_request__descriptor,
     METHOD_UNARY, .armed = 0, cancel_scavenge},
    {"/sagabase.v1.Admin/SetLogLevel", &sagabase__v1__set_log_level_request__descriptor,
     METHOD_UNARY, .armed = 0, set_log_level},
    {0},
};
