/* sagabase.v1.Reducers: calls with one request and one response. */
#include "clients/c/client.h"

struct sagabase_status sagabase_put_reducer(struct sagabase_client *client,
                                            const Sagabase__V1__PutReducerRequest *request,
                                            const struct sagabase_options *options,
                                            Sagabase__V1__PutReducerResponse **response)
{
    static const struct client_method method = {"/sagabase.v1.Reducers/PutReducer",
                                                &sagabase__v1__put_reducer_response__descriptor};
    return client_unary(client, &method, &request->base, options, (ProtobufCMessage **)response);
}

struct sagabase_status sagabase_delete_reducer(struct sagabase_client *client,
                                               const Sagabase__V1__DeleteReducerRequest *request,
                                               const struct sagabase_options *options,
                                               Sagabase__V1__DeleteReducerResponse **response)
{
    static const struct client_method method = {"/sagabase.v1.Reducers/DeleteReducer",
                                                &sagabase__v1__delete_reducer_response__descriptor};
    return client_unary(client, &method, &request->base, options, (ProtobufCMessage **)response);
}

struct sagabase_status sagabase_list_reducers(struct sagabase_client *client,
                                              const Sagabase__V1__ListReducersRequest *request,
                                              const struct sagabase_options *options,
                                              Sagabase__V1__ListReducersResponse **response)
{
    static const struct client_method method = {"/sagabase.v1.Reducers/ListReducers",
                                                &sagabase__v1__list_reducers_response__descriptor};
    return client_unary(client, &method, &request->base, options, (ProtobufCMessage **)response);
}

struct sagabase_status sagabase_get_state(struct sagabase_client *client,
                                          const Sagabase__V1__GetStateRequest *request,
                                          const struct sagabase_options *options,
                                          Sagabase__V1__GetStateResponse **response)
{
    static const struct client_method method = {"/sagabase.v1.Reducers/GetState",
                                                &sagabase__v1__get_state_response__descriptor};
    return client_unary(client, &method, &request->base, options, (ProtobufCMessage **)response);
}

struct sagabase_status sagabase_put_upcaster(struct sagabase_client *client,
                                             const Sagabase__V1__PutUpcasterRequest *request,
                                             const struct sagabase_options *options,
                                             Sagabase__V1__PutUpcasterResponse **response)
{
    static const struct client_method method = {"/sagabase.v1.Reducers/PutUpcaster",
                                                &sagabase__v1__put_upcaster_response__descriptor};
    return client_unary(client, &method, &request->base, options, (ProtobufCMessage **)response);
}

struct sagabase_status sagabase_delete_upcaster(struct sagabase_client *client,
                                                const Sagabase__V1__DeleteUpcasterRequest *request,
                                                const struct sagabase_options *options,
                                                Sagabase__V1__DeleteUpcasterResponse **response)
{
    static const struct client_method method = {
        "/sagabase.v1.Reducers/DeleteUpcaster",
        &sagabase__v1__delete_upcaster_response__descriptor};
    return client_unary(client, &method, &request->base, options, (ProtobufCMessage **)response);
}

struct sagabase_status sagabase_list_upcasters(struct sagabase_client *client,
                                               const Sagabase__V1__ListUpcastersRequest *request,
                                               const struct sagabase_options *options,
                                               Sagabase__V1__ListUpcastersResponse **response)
{
    static const struct client_method method = {"/sagabase.v1.Reducers/ListUpcasters",
                                                &sagabase__v1__list_upcasters_response__descriptor};
    return client_unary(client, &method, &request->base, options, (ProtobufCMessage **)response);
}
