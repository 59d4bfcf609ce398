/* The function behind each row of the tables. The request is of the method's type; Work has
 * none. Each file is named after its method. */
#ifndef SERVER_SERVICES_SAGAS_METHODS_H
#define SERVER_SERVICES_SAGAS_METHODS_H

#include "server/rpc/call.h"

/* sagabase.v1.SagaDefinitions */
void put_definition(struct call *call, const ProtobufCMessage *message);
void validate_definition(struct call *call, const ProtobufCMessage *message);
void get_definition(struct call *call, const ProtobufCMessage *message);
void list_definitions(struct call *call, const ProtobufCMessage *message);
void set_default_version(struct call *call, const ProtobufCMessage *message);

/* sagabase.v1.Sagas */
void start_saga(struct call *call, const ProtobufCMessage *message);
void wait_saga(struct call *call, const ProtobufCMessage *message);
void get_saga(struct call *call, const ProtobufCMessage *message);
void get_history(struct call *call, const ProtobufCMessage *message);
void list_sagas(struct call *call, const ProtobufCMessage *message);
void watch_sagas(struct call *call, const ProtobufCMessage *message);
void signal_saga(struct call *call, const ProtobufCMessage *message);
void cancel_saga(struct call *call, const ProtobufCMessage *message);
void terminate_saga(struct call *call, const ProtobufCMessage *message);
void pause_saga(struct call *call, const ProtobufCMessage *message);
void resume_saga(struct call *call, const ProtobufCMessage *message);
void retry_step(struct call *call, const ProtobufCMessage *message);
void skip_step(struct call *call, const ProtobufCMessage *message);
void resolve_step(struct call *call, const ProtobufCMessage *message);

/* sagabase.v1.Participant */
void work(struct call *call, const ProtobufCMessage *message);
void poll_command(struct call *call, const ProtobufCMessage *message);
void complete_command(struct call *call, const ProtobufCMessage *message);
void fail_command(struct call *call, const ProtobufCMessage *message);
void heartbeat(struct call *call, const ProtobufCMessage *message);

#endif
