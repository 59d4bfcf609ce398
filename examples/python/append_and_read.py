"""Appends two events to a stream, reads it, and follows the store from there.

usage: append_and_read.py [HOST:PORT]
"""

import sys
import uuid

import grpc
from sagabase.v1 import event_store_pb2 as api
from sagabase.v1 import event_store_pb2_grpc


def event(type, data):
    # The id makes a repeated append harmless: choose it before the first try.
    return api.ProposedEvent(
        id=str(uuid.uuid4()), type=type, content_type="application/json", data=data.encode()
    )


def main():
    address = sys.argv[1] if len(sys.argv) > 1 else "127.0.0.1:2113"
    store = event_store_pb2_grpc.EventStoreStub(grpc.insecure_channel(address))
    order = f"order-{uuid.uuid4()}"

    placed = store.AppendToStream(
        api.AppendToStreamRequest(
            stream=order,
            state=api.STREAM_STATE_NO_STREAM,
            events=[event("OrderPlaced", '{"total": 12}'), event("OrderPaid", '{"with": "card"}')],
        )
    )
    print(f"appended revisions {placed.first_revision}..{placed.last_revision}")

    try:  # somebody who still believes that the stream ends with its first event
        store.AppendToStream(
            api.AppendToStreamRequest(
                stream=order, revision=placed.first_revision, events=[event("OrderCancelled", "{}")]
            )
        )
    except grpc.RpcError as error:
        print(f"refused: {error.code().name}")

    for page in store.ReadStream(api.ReadStreamRequest(stream=order)):
        for recorded in page.events:
            print(f"read {recorded.revision}: {recorded.type} {recorded.data.decode()}")

    # Everything behind the first of the two, then what comes, until we stop listening.
    subscription = store.Subscribe(api.SubscribeRequest(after_position=placed.position - 1))
    for message in subscription:
        if message.WhichOneof("message") == "events":
            for recorded in message.events.events:
                print(f"followed: {recorded.type}")
        elif message.WhichOneof("message") == "caught_up":
            print("caught up")
            subscription.cancel()
            break


if __name__ == "__main__":
    main()
