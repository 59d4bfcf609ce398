#!/bin/bash
# The real grpcurl, which knows this server only by reflection.
#
# usage: grpcurl_test.sh SAGABASE V1ALPHA_CLIENT EVENT_STORE_PROTO

source tests/support/testing.sh
sagabase=$1 v1alpha_client=$2
protos=$(realpath "${3%/sagabase/v1/event_store.proto}")
tool "grpcurl" bin/grpcurl || conclude
grpcurl=$TOOL
start_server "$sagabase" --in-memory || exit 1

# says CASE WORDS COMMAND...: the command's output has to hold each of the words (one a line).
says() {
    name=$1 words=$2
    shift 2
    output=$("$@" 2>&1)
    while read -r word; do
        if ! grep -qF -- "$word" <<<"$output"; then
            not_ok "$name" "no \"$word\" in: $output"
            return
        fi
    done <<<"$words"
    ok "$name"
}

says "grpcurl lists the services" "grpc.health.v1.Health
grpc.reflection.v1.ServerReflection
grpc.reflection.v1alpha.ServerReflection
sagabase.v1.Admin
sagabase.v1.EventStore
sagabase.v1.Participant
sagabase.v1.SagaDefinitions
sagabase.v1.Sagas" \
    "$grpcurl" -plaintext "$ADDRESS" list

says "grpcurl lists the methods" "sagabase.v1.EventStore.AppendSession
sagabase.v1.EventStore.Subscribe" \
    "$grpcurl" -plaintext "$ADDRESS" list sagabase.v1.EventStore

says "grpcurl describes the service" "service EventStore {
rpc AppendToStream ( .sagabase.v1.AppendToStreamRequest ) returns ( .sagabase.v1.AppendToStreamResponse );
rpc Subscribe ( .sagabase.v1.SubscribeRequest ) returns ( stream .sagabase.v1.SubscribeResponse );" \
    "$grpcurl" -plaintext "$ADDRESS" describe sagabase.v1.EventStore

says "grpcurl describes a message" "string stream = 1;
.sagabase.v1.StreamState state = 3;
repeated .sagabase.v1.ProposedEvent events = 4;" \
    "$grpcurl" -plaintext "$ADDRESS" describe sagabase.v1.AppendToStreamRequest

says "grpcurl appends" '"position": "0"' \
    "$grpcurl" -plaintext -emit-defaults -d '{"stream": "cart-1", "state": "STREAM_STATE_NO_STREAM",
        "events": [{"id": "11111111-1111-4111-8111-111111111111", "type": "ItemAdded",
                    "data": "eyJpdGVtIjoxfQ==", "metadata": {"by": "grpcurl"}}]}' \
    "$ADDRESS" sagabase.v1.EventStore/AppendToStream

says "grpcurl reads what it appended" '"id": "11111111-1111-4111-8111-111111111111"
"type": "ItemAdded"
"data": "eyJpdGVtIjoxfQ=="
"by": "grpcurl"
"stream": "cart-1"' \
    "$grpcurl" -plaintext -d '{"stream": "cart-1"}' "$ADDRESS" sagabase.v1.EventStore/ReadStream

says "grpcurl sees a conflict with its detail" "Code: Aborted
cart-1
sagabase.v1.RevisionConflict
\"actualRevision\": \"0\"" \
    "$grpcurl" -plaintext -d '{"stream": "cart-1", "revision": "7",
        "events": [{"id": "21111111-1111-4111-8111-111111111111", "type": "ItemAdded"}]}' \
    "$ADDRESS" sagabase.v1.EventStore/AppendToStream

says "grpcurl sees an error's code and message" "Code: InvalidArgument
stream" \
    "$grpcurl" -plaintext -d '{}' "$ADDRESS" sagabase.v1.EventStore/GetStream

says "grpcurl checks the health" '"status": "SERVING"' \
    "$grpcurl" -plaintext "$ADDRESS" grpc.health.v1.Health/Check

says "grpcurl checks the health of a service" '"status": "SERVING"' \
    "$grpcurl" -plaintext -d '{"service": "sagabase.v1.EventStore"}' "$ADDRESS" \
    grpc.health.v1.Health/Check

says "the health of an unknown service is not found" "Code: NotFound" \
    "$grpcurl" -plaintext -d '{"service": "nobody"}' "$ADDRESS" grpc.health.v1.Health/Check

says "grpcurl asks for the server's information" '"engine": "memory"
"events": "1"' \
    "$grpcurl" -plaintext "$ADDRESS" sagabase.v1.Admin/GetInfo

if tool "reflection v1alpha" python/bin/python; then
    "$TOOL" "$v1alpha_client" "$protos" "$ADDRESS" || FAILURES=1
fi

stop_server || not_ok "the server ends well" "exit status $?"
conclude
