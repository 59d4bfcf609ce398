/* The function behind each row of the table. Each file is named after its method. */
#ifndef SERVER_SERVICES_REDUCERS_METHODS_H
#define SERVER_SERVICES_REDUCERS_METHODS_H

#include "server/rpc/call.h"

void put_reducer(struct call *call, const ProtobufCMessage *message);
void delete_reducer(struct call *call, const ProtobufCMessage *message);
void list_reducers(struct call *call, const ProtobufCMessage *message);
void get_state(struct call *call, const ProtobufCMessage *message);
void put_upcaster(struct call *call, const ProtobufCMessage *message);
void delete_upcaster(struct call *call, const ProtobufCMessage *message);
void list_upcasters(struct call *call, const ProtobufCMessage *message);

#endif
