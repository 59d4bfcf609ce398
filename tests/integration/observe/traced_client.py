"""Appends and reads as a traced client does: traced_client.py PROTOS ADDRESS COMMAND...

append STREAM [HEADER=VALUE...] [+KEY=VALUE...]   with these headers, and metadata of the event
metadata STREAM                                   of its newest event, from a subscription
many STREAM COUNT [HEADER=VALUE...]               as many appends at once as the server takes
"""

import json
import os
import subprocess
import sys
import tempfile
import uuid

import grpc

protos, address, command, stream, *rest = sys.argv[1:]
with tempfile.TemporaryDirectory() as made:
    subprocess.check_call(
        [sys.executable, "-m", "grpc_tools.protoc", f"-I{protos}", f"--python_out={made}",
         os.path.join(protos, "sagabase/v1/event_store.proto")]
    )
    sys.path.insert(0, made)
    from sagabase.v1 import event_store_pb2 as pb

channel = grpc.insecure_channel(address)
PATH = "/sagabase.v1.EventStore/"


def request_of(metadata):
    event = pb.ProposedEvent(id=str(uuid.uuid4()), type="Traced", metadata=metadata)
    return pb.AppendToStreamRequest(stream=stream, state=pb.STREAM_STATE_ANY, events=[event])


append = channel.unary_unary(
    PATH + "AppendToStream",
    request_serializer=pb.AppendToStreamRequest.SerializeToString,
    response_deserializer=pb.AppendToStreamResponse.FromString,
)
if command == "append":
    headers = [tuple(pair.split("=", 1)) for pair in rest if not pair.startswith("+")]
    metadata = dict(pair[1:].split("=", 1) for pair in rest if pair.startswith("+"))
    append(request_of(metadata), metadata=headers, timeout=20)
elif command == "many":
    headers = [tuple(pair.split("=", 1)) for pair in rest[1:]]
    calls = [
        append.future(request_of({}), metadata=headers, timeout=60) for _ in range(int(rest[0]))
    ]
    for call in calls:
        call.result()
else:
    subscribe = channel.unary_stream(
        PATH + "Subscribe",
        request_serializer=pb.SubscribeRequest.SerializeToString,
        response_deserializer=pb.SubscribeResponse.FromString,
    )
    newest = {}
    for response in subscribe(pb.SubscribeRequest(stream=stream), timeout=20):
        if response.WhichOneof("message") == "caught_up":
            break
        for event in response.events.events:
            newest = dict(event.metadata)
    print(json.dumps(newest, sort_keys=True))
