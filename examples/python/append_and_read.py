"""Appends two events to a stream, reads it, and follows the store from there.

usage: append_and_read.py [HOST:PORT]
"""

import sys
import uuid

from sagabase import NO_STREAM, CaughtUp, Event, RecordedEvent, WrongRevision, connect


def main():
    address = sys.argv[1] if len(sys.argv) > 1 else "127.0.0.1:2113"
    order = f"order-{uuid.uuid4()}"

    with connect(address) as store:
        events = [Event("OrderPlaced", {"total": 12}), Event("OrderPaid", {"with": "card"})]
        placed = store.append(order, events, expected=NO_STREAM)
        print(f"appended revisions {placed.first_revision}..{placed.last_revision}")

        try:  # somebody who still believes that the stream ends with its first event
            cancelled = Event("OrderCancelled", {})
            store.append(order, [cancelled], expected=placed.first_revision)
        except WrongRevision as error:
            print(f"refused: the stream is at revision {error.actual}")

        for event in store.read_stream(order):
            print(f"read {event.revision}: {event.type} {event.data.decode()}")

        # Everything behind the first of the two, then what comes, until we stop listening.
        with store.subscribe(after=placed.position - 1) as subscription:
            for item in subscription:
                if isinstance(item, RecordedEvent):
                    print(f"followed: {item.type}")
                elif isinstance(item, CaughtUp):
                    print("caught up")
                    break


if __name__ == "__main__":
    main()
