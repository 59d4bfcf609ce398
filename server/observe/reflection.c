/* ServerReflection.ServerReflectionInfo: one answer for each question, in order.
 *
 *   RECEIVING --question--> SENDING --sent--> RECEIVING ... --half-close--> end
 */
#include "server/observe/reflection.h"

#include <stdio.h>
#include <string.h>

#include "grpc/reflection/v1/reflection.pb-c.h"
#include "protos/descriptor_set_bytes.h"
#include "server/observe/symbols.h"

typedef Grpc__Reflection__V1__ServerReflectionRequest Request;
typedef Grpc__Reflection__V1__ServerReflectionResponse Response;
typedef Grpc__Reflection__V1__ErrorResponse Error;

enum {
    QUESTION_BYTES_MAX = 16 << 10, /* unpacked; names are at most 512 bytes */
    NAME_BYTES_MAX = 512,
};

static struct symbols symbols; /* read-only once started */

struct reflection {
    struct call *call;
    struct arena question;
    struct step received;
    struct step sent;
    struct step closed;
};

static void receive(struct reflection *self);
static void on_received(struct step *step, bool ok);
static void on_sent(struct step *step, bool ok);
static void on_closed(struct step *step, bool ok);

struct status reflection_start(void)
{
    return symbols_init(&symbols, bytes_of(descriptor_set, descriptor_set_size));
}

void reflection_stop(void)
{
    symbols_destroy(&symbols);
}

static void reflect(struct call *call, const ProtobufCMessage *request)
{
    struct reflection *self = arena_alloc(call_arena(call), sizeof *self);

    (void)request; /* none yet: the stream is bidirectional */
    if (!self)
        return call_fail(call, status_make(STATUS_RESOURCE_EXHAUSTED, "no memory for the call"));
    self->call = call;
    self->received.run = on_received;
    self->sent.run = on_sent;
    self->closed.run = on_closed;
    call_on_closed(call, &self->closed);
    receive(self);
}

static void receive(struct reflection *self)
{
    arena_destroy(&self->question);
    arena_init(&self->question, QUESTION_BYTES_MAX);
    call_receive(self->call, &self->question, &self->received);
}

static void send_error(struct reflection *self, Response *response, enum status_code code,
                       const char *what, const char *name)
{
    Error error = GRPC__REFLECTION__V1__ERROR_RESPONSE__INIT;
    char text[64 + NAME_BYTES_MAX];

    if (strlen(name) > NAME_BYTES_MAX)
        name = "a name of more than 512 bytes";
    snprintf(text, sizeof text, "%s: %s", what, name);
    error.error_code = (int32_t)code;
    error.error_message = text;
    response->message_response_case =
        GRPC__REFLECTION__V1__SERVER_REFLECTION_RESPONSE__MESSAGE_RESPONSE_ERROR_RESPONSE;
    response->error_response = &error;
    call_send(self->call, &response->base, &self->sent);
}

static void send_files(struct reflection *self, Response *response, int file, const char *name)
{
    Grpc__Reflection__V1__FileDescriptorResponse files =
        GRPC__REFLECTION__V1__FILE_DESCRIPTOR_RESPONSE__INIT;
    struct bytes closure[FILES_MAX];
    ProtobufCBinaryData data[FILES_MAX];

    if (file < 0)
        return send_error(self, response, STATUS_NOT_FOUND, "not found", name);
    size_t count = symbols_closure(&symbols, file, closure);
    for (size_t i = 0; i < count; i++)
        data[i] = (ProtobufCBinaryData){closure[i].size, (uint8_t *)closure[i].data};
    files.file_descriptor_proto = data;
    files.n_file_descriptor_proto = count;
    response->message_response_case =
        GRPC__REFLECTION__V1__SERVER_REFLECTION_RESPONSE__MESSAGE_RESPONSE_FILE_DESCRIPTOR_RESPONSE;
    response->file_descriptor_response = &files;
    call_send(self->call, &response->base, &self->sent);
}

static void send_services(struct reflection *self, Response *response)
{
    Grpc__Reflection__V1__ListServiceResponse list =
        GRPC__REFLECTION__V1__LIST_SERVICE_RESPONSE__INIT;
    Grpc__Reflection__V1__ServiceResponse services[SERVICES_MAX];
    Grpc__Reflection__V1__ServiceResponse *pointers[SERVICES_MAX];

    for (size_t i = 0; i < symbols.service_count; i++) {
        services[i] =
            (Grpc__Reflection__V1__ServiceResponse)GRPC__REFLECTION__V1__SERVICE_RESPONSE__INIT;
        services[i].name = (char *)symbols.services[i];
        pointers[i] = &services[i];
    }
    list.service = pointers;
    list.n_service = symbols.service_count;
    response->message_response_case =
        GRPC__REFLECTION__V1__SERVER_REFLECTION_RESPONSE__MESSAGE_RESPONSE_LIST_SERVICES_RESPONSE;
    response->list_services_response = &list;
    call_send(self->call, &response->base, &self->sent);
}

static void answer(struct reflection *self, const Request *request)
{
    Response response = GRPC__REFLECTION__V1__SERVER_REFLECTION_RESPONSE__INIT;

    response.valid_host = request->host;
    response.original_request = (Request *)request;
    switch (request->message_request_case) {
    case GRPC__REFLECTION__V1__SERVER_REFLECTION_REQUEST__MESSAGE_REQUEST_FILE_BY_FILENAME:
        return send_files(self, &response, symbols_find_file(&symbols, request->file_by_filename),
                          request->file_by_filename);
    case GRPC__REFLECTION__V1__SERVER_REFLECTION_REQUEST__MESSAGE_REQUEST_FILE_CONTAINING_SYMBOL:
        return send_files(self, &response, symbols_find(&symbols, request->file_containing_symbol),
                          request->file_containing_symbol);
    case GRPC__REFLECTION__V1__SERVER_REFLECTION_REQUEST__MESSAGE_REQUEST_FILE_CONTAINING_EXTENSION:
        return send_error(self, &response, STATUS_NOT_FOUND, "has no extensions",
                          request->file_containing_extension->containing_type);
    case GRPC__REFLECTION__V1__SERVER_REFLECTION_REQUEST__MESSAGE_REQUEST_ALL_EXTENSION_NUMBERS_OF_TYPE:
        return send_error(self, &response, STATUS_NOT_FOUND, "has no extensions",
                          request->all_extension_numbers_of_type);
    case GRPC__REFLECTION__V1__SERVER_REFLECTION_REQUEST__MESSAGE_REQUEST_LIST_SERVICES:
        return send_services(self, &response);
    default:
        return send_error(self, &response, STATUS_INVALID_ARGUMENT, "message_request",
                          "must be set");
    }
}

static void on_received(struct step *step, bool ok)
{
    struct reflection *self = container_of(step, struct reflection, received);
    const ProtobufCMessage *request = call_received(self->call);

    if (!ok)
        return;
    if (!request)
        return call_end(self->call, OK);
    answer(self, (const Request *)request);
}

static void on_sent(struct step *step, bool ok)
{
    if (ok)
        receive(container_of(step, struct reflection, sent));
}

static void on_closed(struct step *step, bool ok)
{
    struct reflection *self = container_of(step, struct reflection, closed);

    (void)ok;
    arena_destroy(&self->question);
}

#define REQUEST_TYPE &grpc__reflection__v1__server_reflection_request__descriptor

/* v1alpha is v1 under its older name: the same messages. */
const struct method reflection_methods[] = {
    {
        .path = "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
        .request_type = REQUEST_TYPE,
        .kind = METHOD_BIDI_STREAM,
        .handle = reflect,
    },
    {
        .path = "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
        .request_type = REQUEST_TYPE,
        .kind = METHOD_BIDI_STREAM,
        .handle = reflect,
    },
    {0},
};
