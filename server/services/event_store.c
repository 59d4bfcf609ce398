/* sagabase.v1.EventStore: its methods. */
#include "sagabase/v1/event_store.pb-c.h"
#include "server/services/methods.h"
#include "server/services/services.h"

#define PATH(method) "/sagabase.v1.EventStore/" method

const struct method event_store_methods[] = {
    {PATH("AppendToStream"), &sagabase__v1__append_to_stream_request__descriptor, METHOD_UNARY,
     .armed = 128, append_to_stream},
    {PATH("Append"), &sagabase__v1__append_request__descriptor, METHOD_UNARY, .armed = 0, append},
    {PATH("AppendSession"), &sagabase__v1__append_session_request__descriptor, METHOD_BIDI_STREAM,
     .armed = 0, append_session},
    {PATH("ReadStream"), &sagabase__v1__read_stream_request__descriptor, METHOD_SERVER_STREAM,
     .armed = 32, read_stream},
    {PATH("ReadAll"), &sagabase__v1__read_all_request__descriptor, METHOD_SERVER_STREAM, .armed = 0,
     read_all},
    {PATH("Subscribe"), &sagabase__v1__subscribe_request__descriptor, METHOD_SERVER_STREAM,
     .armed = 0, subscribe},
    {PATH("GetStream"), &sagabase__v1__get_stream_request__descriptor, METHOD_UNARY, .armed = 0,
     get_stream},
    {PATH("ListStreams"), &sagabase__v1__list_streams_request__descriptor, METHOD_UNARY, .armed = 0,
     list_streams},
    {PATH("ListEventTypes"), &sagabase__v1__list_event_types_request__descriptor, METHOD_UNARY,
     .armed = 0, list_event_types},
    {PATH("ListCategories"), &sagabase__v1__list_categories_request__descriptor, METHOD_UNARY,
     .armed = 0, list_categories},
    {PATH("SetStreamPolicy"), &sagabase__v1__set_stream_policy_request__descriptor, METHOD_UNARY,
     .armed = 0, set_stream_policy},
    {PATH("GetStreamPolicy"), &sagabase__v1__get_stream_policy_request__descriptor, METHOD_UNARY,
     .armed = 0, get_stream_policy},
    {PATH("DeleteStream"), &sagabase__v1__delete_stream_request__descriptor, METHOD_UNARY,
     .armed = 0, delete_stream},
    {PATH("TombstoneStream"), &sagabase__v1__tombstone_stream_request__descriptor, METHOD_UNARY,
     .armed = 0, tombstone_stream},
    {PATH("EraseStream"), &sagabase__v1__erase_stream_request__descriptor, METHOD_UNARY, .armed = 0,
     erase_stream},
    {PATH("EraseEvent"), &sagabase__v1__erase_event_request__descriptor, METHOD_UNARY, .armed = 0,
     erase_event},
    {0},
};
