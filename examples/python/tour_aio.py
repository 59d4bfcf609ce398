"""tour.py with asyncio. docs/api.md shows the regions.

usage: tour_aio.py [HOST:PORT]
"""

import asyncio
import sys
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
)
from sagabase.aio import connect


async def append_and_read(store, order):
    # region append
    placed = await store.append(order, [Event("OrderPlaced", {"cents": 1200})], expected=NO_STREAM)
    await store.append(order, [Event("OrderPacked")], expected=placed.last_revision)
    try:  # somebody who has not seen the packing
        await store.append(order, [Event("OrderCancelled")], expected=placed.last_revision)
    except WrongRevision as wrong:
        print(f"expected revision {wrong.expected}, but it is at {wrong.actual}")

    async for event in store.read_stream(order):
        print("read", event.revision, event.type)
    # endregion


async def transfer(store, tag, ann, bob, order):
    withdrawn = Event("Withdrawn", {"cents": 500}, tags=[tag])
    deposited = Event("Deposited", {"cents": 500}, tags=[tag])
    await store.append_many(
        [StreamAppend(ann, [withdrawn], ANY), StreamAppend(bob, [deposited], NO_STREAM)],
        [StreamCheck(order, STREAM_EXISTS)],
    )
    found = store.read_all(query=[QueryItem(tags=[tag], types=["Withdrawn", "Deposited"])])
    async for event in found:
        print("found", event.type)


async def join(store, course, ada, bea):
    joined = [QueryItem(types=["Joined"], tags=[course])]
    seen = [event.position async for event in store.read_all(query=joined)]
    still_so = Condition(fail_if=joined, after=seen[-1] if seen else None)
    for student in (ada, bea):  # both decided by the same events
        event = Event("Joined", tags=[course, student])
        try:
            await store.append_many([StreamAppend(student, [event], ANY)], condition=still_so)
        except ConditionFailed:
            print("refused: somebody has joined since")


async def follow(store, tag, position=START):
    # region subscribe
    async with store.subscribe(after=position, query=[QueryItem(tags=[tag])]) as subscription:
        async for item in subscription:
            if isinstance(item, RecordedEvent):
                print("handled", item.type)
                position = item.position  # store it together with what was made of the event
            elif isinstance(item, Checkpoint):
                position = item.position  # nothing matched up to here
            elif isinstance(item, CaughtUp):
                break  # a service would go on
    return position  # to resume from
    # endregion


async def load_and_compute(store, account):
    await store.snapshots.put(account, 0, 500)
    loaded = await store.snapshots.load(account)
    balance = loaded.snapshot.json() if loaded.snapshot else 0
    events = [event async for event in loaded]
    print(f"loaded {balance} and {len(events)} event behind it")
    fold = """
        return function(balance, event)
            local cents = event.type == "Deposited" and event.data.cents or 0
            return (balance or 0) + cents
        end
    """
    await store.reducers.put("account", fold)
    print("computed", (await store.reducers.state(account)).value)


async def start(store, order):
    charge = {
        "action": {"queue": "payments", "type": "Charge"},
        "compensation": {"queue": "payments", "type": "Refund"},
        "timeouts": {"start_to_close_ms": 30000},
    }
    await store.sagas.define({"type": "payment", "nodes": [{"name": "charge", "step": charge}]})
    requested = StreamAppend(order, [Event("PaymentRequested")], ANY)
    await store.sagas.start("payment", order, {"cents": 1200}, appends=[requested])
    print("started")


async def take_part(store, order):
    # region participant
    async def charge(command):
        print("Charge", command.input["cents"])
        paid = StreamAppend(command.saga_id, [Event("Paid", command.input)], ANY)
        return Done({"receipt": command.id}, appends=[paid])  # in one write with the reply

    async def refund(command):
        return Done(appends=[StreamAppend(command.saga_id, [Event("Refunded")], ANY)])

    participant = store.participant(["payments"], {"Charge": charge, "Refund": refund})
    running = asyncio.create_task(participant.run())
    saga = await store.sagas.wait("payment", order)
    print(saga.status.name.lower())
    await participant.close()  # takes nothing more, and replies to what it has
    await running
    # endregion


async def every_task(store):
    run = uuid.uuid4()
    order, ann, bob = f"order-{run}", f"account-ann{run}", f"account-bob{run}"
    tag = f"transfer:{run}"
    await append_and_read(store, order)
    await transfer(store, tag, ann, bob, order)
    await join(store, f"course:{run}", f"student-ada{run}", f"student-bea{run}")
    position = await follow(store, tag)
    await store.append(bob, [Event("Checked", tags=[tag])], expected=ANY)
    await follow(store, tag, position)
    await load_and_compute(store, bob)
    await start(store, order)
    await take_part(store, order)


# region connect
async def main(address):
    async with connect(address) as store:  # once; the tasks of this event loop share it
        await every_task(store)


# endregion
asyncio.run(main(sys.argv[1] if len(sys.argv) > 1 else "127.0.0.1:2113"))
