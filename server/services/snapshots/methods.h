/* The function behind each row of the table. Each file is named after its method. */
#ifndef SERVER_SERVICES_SNAPSHOTS_METHODS_H
#define SERVER_SERVICES_SNAPSHOTS_METHODS_H

#include "server/rpc/call.h"

void put_snapshot(struct call *call, const ProtobufCMessage *message);
void get_snapshot(struct call *call, const ProtobufCMessage *message);
void delete_snapshot(struct call *call, const ProtobufCMessage *message);
void list_snapshots(struct call *call, const ProtobufCMessage *message);
void load_stream(struct call *call, const ProtobufCMessage *message);
void set_snapshot_policy(struct call *call, const ProtobufCMessage *message);
void list_snapshot_policies(struct call *call, const ProtobufCMessage *message);
void subscribe_due(struct call *call, const ProtobufCMessage *message);

#endif
