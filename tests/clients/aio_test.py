"""What `sagabase.aio` promises, against servers that are killed and answers that are lost.

usage: aio_test.py SAGABASE FOLDER

Prints `ok - behaviour` or `not ok - behaviour: why`. What does not depend on how a call is waited
for is shared with the blocking client, and tried in python_test.py.
"""

import asyncio
import contextlib
import os
import socket
import sys
import threading
import traceback

import aio_sagas
import grpc
from aio_house import SilentServer, cancelled, error_of, every, tasks, until
from python_house import PATIENT, EndingServer, House, equal, numbered, numbers

from sagabase import (
    ANY,
    END,
    NO_STREAM,
    CaughtUp,
    Condition,
    ConditionFailed,
    Due,
    Event,
    InvalidRequest,
    LimitExceeded,
    NoState,
    QueryItem,
    RecordedEvent,
    Retry,
    SagabaseError,
    SnapshotNotFound,
    SnapshotPolicy,
    StreamAppend,
    StreamNotFound,
    TimedOut,
    Unavailable,
    UpcasterFailed,
    WrongRevision,
)
from sagabase.aio import connect

FEW = Retry(attempts=3, delay=0.001, delay_max=0.002)


async def next_event(subscription):
    async for item in subscription:
        if isinstance(item, RecordedEvent):
            return item
    raise AssertionError("the subscription ended")


# --- appending and reading -----------------------------------------------------


async def events_come_back_as_they_were_appended(house, store):
    event = Event("Placed", {"item": "bücher"}, tags=["a"], metadata={"who": "me"})
    appended = await store.append("order-1", [event, Event("Scanned", b"\xff")], expected=NO_STREAM)
    equal((appended.first_revision, appended.last_revision, appended.replayed), (0, 1, False))
    first, second = await every(store.read_stream("order-1"))
    equal((first.id, first.json(), first.tags), (event.id, {"item": "bücher"}, ["a"]))
    equal((second.data, second.position), (b"\xff", appended.position))
    equal(first, (await every(store.read_all(count=1)))[0])


async def reads_and_lists_go_over_many_pages(house, store):
    await store.append("read-1", numbered(0, 3000), expected=NO_STREAM)
    equal(numbers(await every(store.read_stream("read-1"))), list(range(3000)))
    backwards = store.read_stream("read-1", backwards=True, count=2)
    equal(numbers(await every(backwards)), [2999, 2998])
    names = [f"listed-{n}" for n in range(7)]
    for name in names:
        await store.append(name, [Event("X")], expected=NO_STREAM)
    listed = await every(store.list_streams("listed-", page_size=3))
    equal([stream.name for stream in listed], names)
    equal(listed[0], await store.get_stream("listed-0"))


async def errors_are_those_of_the_blocking_client(house, store):
    await store.append("wrong-1", numbered(0, 2), expected=NO_STREAM)
    wrong = await error_of(WrongRevision, store.append("wrong-1", [Event("X")], expected=0))
    equal((wrong.stream, wrong.expected, wrong.actual), ("wrong-1", 0, 1))
    await error_of(StreamNotFound, every(store.read_stream("nobody-1")))
    taken = Condition([QueryItem(types=["Taken"])])
    append = [StreamAppend("seat-1", [Event("Taken")], ANY)]
    first = await store.append_many(append, condition=taken)
    append = [StreamAppend("seat-2", [Event("Taken")], ANY)]
    refused = await error_of(ConditionFailed, store.append_many(append, condition=taken))
    equal(refused.position, first.position)


async def an_append_whose_answer_is_lost_is_repeated_with_the_same_ids(house, store):
    async with connect(house.server.address) as direct:
        for stream, expected in [("lost-1", NO_STREAM), ("lost-2", ANY)]:
            await store.info()  # there is a connection
            house.proxy.lose_answers()
            event = Event("Placed")
            answer = asyncio.create_task(store.append(stream, [event], expected=expected))
            async with direct.subscribe(stream) as stored:
                await next_event(stored)
            house.proxy.cut_all()
            assert (await answer).replayed, "the answer is not that of a repetition"
            equal([one.id for one in await every(direct.read_stream(stream))], [event.id])


async def a_call_that_an_ending_server_resets_is_made_again_with_the_same_ids(house, store):
    ending = EndingServer(house.server)
    async with connect(ending.address, retry=Retry(attempts=2, delay=0.001)) as resets:
        await resets.append("reset-1", [Event("Placed")], expected=NO_STREAM)
    first, second = ending.requests["AppendToStream"]
    equal(first, second)
    ending.close()


async def attempts_are_bounded(house, store):
    with socket.create_server(("127.0.0.1", 0)) as closed:
        nobody = "127.0.0.1:%d" % closed.getsockname()[1]
    async with connect(nobody, retry=FEW) as none:
        await error_of(Unavailable, none.info())
        await error_of(Unavailable, every(none.subscribe()))
        await error_of(Unavailable, none.sagas.wait("a", "1"))
        session = none.append_session()
        answer = await session.append("x-1", numbered(0, 1), expected=ANY)
        await error_of(Unavailable, answer)
        await session.close()
        await error_of(Unavailable, none.participant(["q"], {}).run())
    async with SilentServer() as silent:
        async with connect(silent.address, timeout=0.05, retry=Retry(attempts=1)) as none:
            await error_of(TimedOut, none.info())


# --- sessions ------------------------------------------------------------------


async def a_session_tells_each_append_what_became_of_it(house, store):
    async with store.append_session() as session:
        good = [
            await session.append("told-1", numbered(n, n + 1), expected=ANY) for n in range(600)
        ]
        bad = await session.append("told-1", [Event("X")], expected=NO_STREAM)
    equal([(await one).last_revision for one in good], list(range(600)))
    equal((await error_of(WrongRevision, bad)).actual, 599)
    await session.close()  # twice
    await error_of(ValueError, session.append("told-1", [Event("X")], expected=ANY))


async def a_session_goes_on_over_a_restart(house, store):
    async with store.append_session() as session:

        async def append(n):
            return await session.append("kept-1", numbered(n, n + 1), expected=ANY)

        appended = [await append(n) for n in range(200)]
        await appended[0]
        house.restart()
        appended += [await append(n) for n in range(200, 400)]
    equal([(await one).first_revision for one in appended], list(range(400)))
    equal(numbers(await every(store.read_stream("kept-1"))), list(range(400)))


async def an_append_that_cannot_be_read_fails_alone(house, store):
    """In whatever company it is on its way; the server ends the call that it comes by."""
    big = [Event("Big", bytes(1 << 20)) for _ in range(5)]
    async with connect(house.server.address) as direct, direct.append_session() as session:

        async def append(stream, events):
            return await session.append(stream, events, expected=ANY)

        good = [await append("alone-1", numbered(0, 1))]
        unreadable = await append("a\0b", [Event("X")])
        good += [await append("alone-1", numbered(n, n + 1)) for n in range(1, 20)]
        too_big = await append("alone-1", big)
        good += [await append("alone-1", numbered(n, n + 1)) for n in range(20, 30)]
        await error_of(InvalidRequest, unreadable)
        await error_of(LimitExceeded, too_big)
        good.append(await append("alone-1", numbered(30, 31)))
    equal([(await one).last_revision for one in good], list(range(31)))


async def a_session_holds_back_what_has_no_room(house, store):
    async with SilentServer() as silent, connect(silent.address) as quiet:
        session = quiet.append_session()
        futures = [await session.append("x-1", [Event("X")], expected=ANY) for _ in range(256)]
        waits = asyncio.create_task(session.append("x-1", [Event("X")], expected=ANY))
        await asyncio.sleep(0)
        assert not waits.done(), "there was room for one more"
        await quiet.close()
        equal((await error_of(SagabaseError, waits)).code, grpc.StatusCode.CANCELLED)
        ended = await error_of(SagabaseError, futures[0])
        equal(ended.code, grpc.StatusCode.CANCELLED)
        for future in futures[1:]:
            await asyncio.wait([future])
            assert future.exception() is ended


async def a_session_that_is_cancelled_waits_for_nothing(house, store):
    async with SilentServer() as silent, connect(silent.address) as quiet:
        futures = []

        async def work():
            async with quiet.append_session() as session:
                futures.append(await session.append("x-1", [Event("X")], expected=ANY))
                await futures[0]

        task = asyncio.create_task(work())
        await until(lambda: silent.underway == 1)
        await cancelled(task)
        assert futures[0].cancelled()
        await until(lambda: silent.underway == 0)


# --- subscriptions -------------------------------------------------------------


async def a_subscription_goes_on_over_restarts(house, store, stream, after):
    """Without gap or duplicate."""
    async with store.subscribe(stream, after=after) as subscription:
        assert isinstance(await anext(subscription), CaughtUp)
        await store.append("followed-1", numbered(0, 50), expected=ANY)
        got = [await next_event(subscription) for _ in range(20)]
        house.restart()
        await store.append("followed-1", numbered(50, 100), expected=ANY)
        got += [await next_event(subscription) for _ in range(80)]
        while not isinstance(await anext(subscription), CaughtUp):
            pass
        house.restart()
        await store.append("followed-1", numbered(100, 101), expected=ANY)
        got.append(await next_event(subscription))
    equal(numbers(got), list(range(101)))
    equal(await every(subscription), [])


async def a_subscription_to_a_stream_goes_on_over_restarts(house, store):
    await a_subscription_goes_on_over_restarts(house, store, "followed-1", END)


async def a_subscription_to_all_goes_on_over_restarts(house, store):
    newest = (await store.info()).position
    await a_subscription_goes_on_over_restarts(house, store, "", newest)


async def a_subscription_whose_iteration_was_cancelled_goes_on_behind_the_last_item(house, store):
    await store.append("paused-1", numbered(0, 10), expected=NO_STREAM)
    async with store.subscribe("paused-1") as subscription:
        got = [await next_event(subscription) for _ in range(10)]
        assert isinstance(await anext(subscription), CaughtUp)
        waits = asyncio.create_task(next_event(subscription))
        await asyncio.sleep(0)
        await cancelled(waits)
        await store.append("paused-1", numbered(10, 12), expected=9)
        got += [await next_event(subscription) for _ in range(2)]
    equal(numbers(got), list(range(12)))


async def a_subscription_that_gave_up_goes_on_when_it_is_asked_again(house, store):
    await store.append("again-1", numbered(0, 2), expected=NO_STREAM)
    async with connect(house.proxy.address, retry=Retry(attempts=2, delay=0.001)) as hasty:
        subscription = hasty.subscribe("again-1")
        equal(numbers([await next_event(subscription) for _ in range(2)]), [0, 1])
        house.server.kill()
        await error_of(Unavailable, next_event(subscription))
        house.server.start()
        await store.append("again-1", numbered(2, 3), expected=ANY)
        again = None
        while again is None:
            with contextlib.suppress(Unavailable):  # until it is connected
                again = await next_event(subscription)
        equal(again.json(), {"n": 2})


async def a_subscription_that_an_ending_server_resets_goes_on(house, store):
    await store.append("reset-2", numbered(0, 3), expected=NO_STREAM)
    ending = EndingServer(house.server)
    async with connect(ending.address, retry=Retry(attempts=2, delay=0.001)) as resets:
        async with resets.subscribe("reset-2") as subscription:
            equal(numbers([await next_event(subscription) for _ in range(3)]), [0, 1, 2])
    equal(len(ending.requests["Subscribe"]), 2)
    ending.close()


async def closing_ends_a_subscription(house, store):
    subscription = store.subscribe(after=END)
    assert isinstance(await anext(subscription), CaughtUp)
    waits = asyncio.create_task(every(subscription))
    await asyncio.sleep(0)
    await subscription.close()
    await subscription.close()
    equal(await waits, [])
    never = store.subscribe(after=END)
    await never.close()
    equal(await every(never), [])


async def closing_ends_a_subscription_that_waits_for_its_next_attempt(house, store):
    with socket.create_server(("127.0.0.1", 0)) as closed:
        nobody = "127.0.0.1:%d" % closed.getsockname()[1]
    slow = Retry(attempts=100, delay=1000.0, delay_max=1000.0)
    async with connect(nobody, retry=slow) as none:
        subscription = none.subscribe()
        waits = [asyncio.create_task(every(subscription)), asyncio.create_task(none.info())]
        _, pending = await asyncio.wait(waits, timeout=0.05)
        equal(len(pending), 2)
        await subscription.close()
        equal(await waits[0], [])
        await none.close()
        ended = await error_of(SagabaseError, waits[1])
        equal(ended.code, grpc.StatusCode.CANCELLED)


# --- ends ----------------------------------------------------------------------


def everything_that_waits(store):
    async def first(items):
        return await anext(aiter(items))

    return [
        store.append("x-1", [Event("X")], expected=ANY),
        store.get_stream("x-1"),
        first(store.read_all()),
        first(store.list_streams()),
        first(store.subscribe()),
        first(store.subscribe("x-1", after=END)),
        first(store.snapshots.due()),
        store.snapshots.load("x-1"),
        store.sagas.wait("x", "1"),
        store.participant(["x"], {}).run(),
    ]


async def a_task_that_is_cancelled_ends_at_once_and_leaves_nothing_behind(house, store):
    async with SilentServer() as silent, connect(silent.address, timeout=1000.0) as quiet:
        before = tasks()
        waiting = [asyncio.create_task(work) for work in everything_that_waits(quiet)]
        await until(lambda: silent.underway == len(waiting))
        for task in waiting:
            await cancelled(task)
        await until(lambda: silent.underway == 0)
        await until(lambda: tasks() == before)


async def closing_the_client_ends_its_calls(house, store):
    async with SilentServer() as silent, connect(silent.address, timeout=1000.0) as quiet:
        before = tasks()
        waiting = [asyncio.create_task(work) for work in everything_that_waits(quiet)]
        await until(lambda: silent.underway == len(waiting))
        await quiet.close()
        for task in waiting:
            equal((await error_of(SagabaseError, task)).code, grpc.StatusCode.CANCELLED)
        await until(lambda: tasks() == before)
        await quiet.close()
        for work in everything_that_waits(quiet):
            equal((await error_of(SagabaseError, work)).code, grpc.StatusCode.CANCELLED)


async def no_thread_is_started(house, store):
    await store.info()  # gRPC has its own, one for all clients
    before = threading.enumerate()
    async with store.append_session() as session, store.subscribe(after=END) as subscription:
        assert isinstance(await anext(subscription), CaughtUp)
        await (await session.append("threads-1", [Event("X")], expected=ANY))
        participant = store.participant(["threads"], {})
        run = asyncio.create_task(participant.run())
        await next_event(subscription)
        equal(threading.enumerate(), before)
        await participant.close()
        await run


# --- snapshots and reducers ------------------------------------------------------


async def a_stream_is_loaded_with_its_snapshot(house, store):
    snapshots = store.snapshots
    await store.append("loaded-1", numbered(0, 3000), expected=NO_STREAM)
    await error_of(SnapshotNotFound, snapshots.get("loaded-1"))
    loaded = await snapshots.load("loaded-1")
    equal((loaded.snapshot, numbers(await every(loaded))), (None, list(range(3000))))
    await snapshots.put("loaded-1", 2997, {"n": 2997})
    loaded = await snapshots.load("loaded-1")
    equal((loaded.snapshot.revision, loaded.snapshot.json()), (2997, {"n": 2997}))
    equal((numbers(await every(loaded)), loaded.due), ([2998, 2999], False))
    await error_of(StreamNotFound, snapshots.load("nobody-2"))


async def what_is_due_is_told_again_after_a_restart(house, store):
    await store.snapshots.set_category_policy("duly", SnapshotPolicy(every_events=10))
    async with store.snapshots.due("duly") as due:
        await store.append("duly-1", numbered(0, 10), expected=NO_STREAM)
        equal(await anext(due), Due("duly-1", 9, None))
        house.restart()
        equal(await anext(due), Due("duly-1", 9, None))
    equal(await every(due), [])


async def states_and_newest_forms_come_from_the_server(house, store):
    reducers = store.reducers
    await store.append("folded-1", numbered(0, 10), expected=NO_STREAM)
    await error_of(NoState, reducers.state("folded-1"))
    await reducers.put("folded", "return function(n, event) return (n or 0) + event.data.n end")
    equal((await reducers.state("folded-1")).value, 45)
    equal([one.category for one in await reducers.list()], ["folded"])
    await store.append("shown-1", [Event("Shown")], expected=NO_STREAM)
    await reducers.put_upcaster("Shown", "return function(event) return nil end")
    await error_of(UpcasterFailed, every(store.read_stream("shown-1", upcast=True)))
    await error_of(UpcasterFailed, store.snapshots.load("shown-1", upcast=True))
    await error_of(UpcasterFailed, every(store.subscribe("shown-1", upcast=True)))


BEHAVIOURS = [
    events_come_back_as_they_were_appended,
    reads_and_lists_go_over_many_pages,
    errors_are_those_of_the_blocking_client,
    an_append_whose_answer_is_lost_is_repeated_with_the_same_ids,
    a_call_that_an_ending_server_resets_is_made_again_with_the_same_ids,
    attempts_are_bounded,
    a_session_tells_each_append_what_became_of_it,
    a_session_goes_on_over_a_restart,
    an_append_that_cannot_be_read_fails_alone,
    a_session_holds_back_what_has_no_room,
    a_session_that_is_cancelled_waits_for_nothing,
    a_subscription_to_a_stream_goes_on_over_restarts,
    a_subscription_to_all_goes_on_over_restarts,
    a_subscription_whose_iteration_was_cancelled_goes_on_behind_the_last_item,
    a_subscription_that_gave_up_goes_on_when_it_is_asked_again,
    a_subscription_that_an_ending_server_resets_goes_on,
    closing_ends_a_subscription,
    closing_ends_a_subscription_that_waits_for_its_next_attempt,
    a_task_that_is_cancelled_ends_at_once_and_leaves_nothing_behind,
    closing_the_client_ends_its_calls,
    no_thread_is_started,
    a_stream_is_loaded_with_its_snapshot,
    what_is_due_is_told_again_after_a_restart,
    states_and_newest_forms_come_from_the_server,
    *aio_sagas.BEHAVIOURS,
]


async def run(house):
    failures = 0
    for behaviour in BEHAVIOURS:
        name = behaviour.__name__.replace("_", " ")
        try:
            async with connect(house.proxy.address, retry=PATIENT) as store:
                await behaviour(house, store)
            print(f"ok - aio: {name}", flush=True)
        except Exception:
            failures += 1
            print(f"not ok - aio: {name}: {traceback.format_exc()}", flush=True)
    return failures


def main():
    binary, folder = sys.argv[1:]
    house = House(binary, os.path.join(folder, "data"))
    try:
        return 1 if asyncio.run(run(house)) else 0
    finally:
        house.store.close()
        house.server.kill()


if __name__ == "__main__":
    sys.exit(main())
