/* The function behind each row of the tables. The request is of the method's type; an
 * AppendSession has none. Each file is named after its method. */
#ifndef SERVER_SERVICES_METHODS_H
#define SERVER_SERVICES_METHODS_H

#include "server/rpc/call.h"

/* sagabase.v1.EventStore */
void append_to_stream(struct call *call, const ProtobufCMessage *message);
void append(struct call *call, const ProtobufCMessage *message);
void append_session(struct call *call, const ProtobufCMessage *message);
void read_stream(struct call *call, const ProtobufCMessage *message);
void read_all(struct call *call, const ProtobufCMessage *message);
void subscribe(struct call *call, const ProtobufCMessage *message);
void get_stream(struct call *call, const ProtobufCMessage *message);
void list_streams(struct call *call, const ProtobufCMessage *message);
void list_event_types(struct call *call, const ProtobufCMessage *message);
void list_categories(struct call *call, const ProtobufCMessage *message);
void set_stream_policy(struct call *call, const ProtobufCMessage *message);
void get_stream_policy(struct call *call, const ProtobufCMessage *message);
void delete_stream(struct call *call, const ProtobufCMessage *message);
void tombstone_stream(struct call *call, const ProtobufCMessage *message);
void erase_stream(struct call *call, const ProtobufCMessage *message);
void erase_event(struct call *call, const ProtobufCMessage *message);

/* sagabase.v1.Admin */
void get_info(struct call *call, const ProtobufCMessage *message);
void checkpoint(struct call *call, const ProtobufCMessage *message);
void start_scavenge(struct call *call, const ProtobufCMessage *message);
void get_scavenge(struct call *call, const ProtobufCMessage *message);
void cancel_scavenge(struct call *call, const ProtobufCMessage *message);
void set_log_level(struct call *call, const ProtobufCMessage *message);

#endif
