"""What a client does, task by task. docs/api.md shows the regions.

usage: tour.py [HOST:PORT]
"""

import sys
import threading
import uuid

from sagabase import (
    ANY,
    NO_STREAM,
    START,
    STREAM_EXISTS,
    CaughtUp,
    Checkpoint,
    Condition,
    ConditionFailed,
    Done,
    Event,
    QueryItem,
    RecordedEvent,
    StreamAppend,
    StreamCheck,
    WrongRevision,
    connect,
)

address = sys.argv[1] if len(sys.argv) > 1 else "127.0.0.1:2113"
# region connect
store = connect(address)  # once; threads share it
# endregion


def append(order):
    # region append
    placed = store.append(order, [Event("OrderPlaced", {"cents": 1200})], expected=NO_STREAM)
    store.append(order, [Event("OrderPacked")], expected=placed.last_revision)
    try:  # somebody who has not seen the packing
        store.append(order, [Event("OrderCancelled")], expected=placed.last_revision)
    except WrongRevision as wrong:
        print(f"expected revision {wrong.expected}, but it is at {wrong.actual}")
    # endregion


def read(order):
    # region read
    for event in store.read_stream(order):
        print("read", event.revision, event.type)
    # endregion


def transfer(tag, ann, bob, order):
    # region transfer
    withdrawn = Event("Withdrawn", {"cents": 500}, tags=[tag])
    deposited = Event("Deposited", {"cents": 500}, tags=[tag])
    store.append_many(
        [StreamAppend(ann, [withdrawn], ANY), StreamAppend(bob, [deposited], NO_STREAM)],
        [StreamCheck(order, STREAM_EXISTS)],  # not written, but it has to be so
    )
    # endregion


def query(tag):
    # region query
    for event in store.read_all(query=[QueryItem(tags=[tag], types=["Withdrawn", "Deposited"])]):
        print("found", event.type)
    # endregion


def join(course, ada, bea):
    # region condition
    joined = [QueryItem(types=["Joined"], tags=[course])]
    seen = [event.position for event in store.read_all(query=joined)]
    if len(seen) < 20:  # seats
        still_so = Condition(fail_if=joined, after=seen[-1] if seen else None)
        event = Event("Joined", tags=[course, ada])
        store.append_many([StreamAppend(ada, [event], ANY)], condition=still_so)

        try:  # somebody else, who decided by the same events
            event = Event("Joined", tags=[course, bea])
            store.append_many([StreamAppend(bea, [event], ANY)], condition=still_so)
        except ConditionFailed:
            print("refused: somebody has joined since")  # read again, decide again
    # endregion


def follow(tag, position=START):
    # region subscribe
    with store.subscribe(after=position, query=[QueryItem(tags=[tag])]) as subscription:
        for item in subscription:
            if isinstance(item, RecordedEvent):
                print("handled", item.type)
                position = item.position  # store it together with what was made of the event
            elif isinstance(item, Checkpoint):
                position = item.position  # nothing matched up to here
            elif isinstance(item, CaughtUp):
                break  # a service would go on
    return position  # to resume from
    # endregion


def load_from_snapshot(account):
    # region snapshot
    store.snapshots.put(account, 0, 500)  # what the events up to revision 0 amount to
    loaded = store.snapshots.load(account)
    balance = loaded.snapshot.json() if loaded.snapshot else 0
    events = list(loaded)  # apply them to the balance
    print(f"loaded {balance} and {len(events)} event behind it")
    # endregion


def compute(account):
    # region reducer
    fold = """
        return function(balance, event)
            local cents = event.type == "Deposited" and event.data.cents or 0
            return (balance or 0) + cents
        end
    """
    store.reducers.put("account", fold)
    print("computed", store.reducers.state(account).value)
    # endregion


def start(order):
    # region start
    charge = {
        "action": {"queue": "payments", "type": "Charge"},
        "compensation": {"queue": "payments", "type": "Refund"},
        "timeouts": {"start_to_close_ms": 30000},
    }
    store.sagas.define({"type": "payment", "nodes": [{"name": "charge", "step": charge}]})
    requested = StreamAppend(order, [Event("PaymentRequested")], ANY)  # in the same write
    store.sagas.start("payment", order, {"cents": 1200}, appends=[requested])
    print("started")
    # endregion


def take_part():
    # region participant
    def charge(command):
        print("Charge", command.input["cents"])
        paid = StreamAppend(command.saga_id, [Event("Paid", command.input)], ANY)
        return Done({"receipt": command.id}, appends=[paid])  # in one write with the reply

    def refund(command):
        return Done(appends=[StreamAppend(command.saga_id, [Event("Refunded")], ANY)])

    participant = store.participant(["payments"], {"Charge": charge, "Refund": refund})
    threading.Thread(target=participant.run).start()  # until participant.close()
    # endregion
    return participant


def wait(order):
    # region wait
    saga = store.sagas.wait("payment", order)
    print(saga.status.name.lower())
    # endregion


def main():
    run = uuid.uuid4()
    order, ann, bob = f"order-{run}", f"account-ann{run}", f"account-bob{run}"
    tag = f"transfer:{run}"
    append(order)
    read(order)
    transfer(tag, ann, bob, order)
    query(tag)
    join(f"course:{run}", f"student-ada{run}", f"student-bea{run}")
    position = follow(tag)
    store.append(bob, [Event("Checked", tags=[tag])], expected=ANY)
    follow(tag, position)
    load_from_snapshot(bob)
    compute(bob)
    start(order)
    participant = take_part()
    wait(order)
    participant.close()
    store.close()


main()
