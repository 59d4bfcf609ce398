"""What `sagabase.aio` promises of sagas and participants; aio_test.py runs it."""

import asyncio
import sys
import uuid

from aio_house import cancelled, error_of, every, tasks, until
from python_house import equal

from sagabase import ANY, Done, Event, Ongoing, Refused, SagaNotFound, SagaStatus, StreamAppend


def step(queue, **timeouts):
    return {
        "name": "charge",
        "step": {
            "action": {"queue": queue, "type": "Charge"},
            "compensation": {"queue": queue, "type": "Refund"},
            "timeouts": {"start_to_close_ms": 30000, **timeouts},
            "retry": {"initial_interval_ms": 1},
        },
    }


async def started(store, type, *ids, **options):
    """Sagas of one step, whose commands go to the queue of that name."""
    await store.sagas.define({"type": type, "nodes": [step(type, **options)]})
    for id in ids:
        await store.sagas.start(type, id, {"id": id})


async def status_of(store, type, id):
    return (await store.sagas.wait(type, id)).status


async def let_pass(store, milliseconds):
    """By the server's clock, which its timeouts run by."""
    node = {"name": "pass", "timer": {"delay_ms": milliseconds}}
    await store.sagas.define({"type": "passing", "nodes": [node]})
    id = str(uuid.uuid4())
    await store.sagas.start("passing", id)
    equal(await status_of(store, "passing", id), SagaStatus.COMPLETED)


class Till:
    """A handler that goes on when it is told to."""

    def __init__(self):
        self.taken = []
        self.goes_on = asyncio.Event()

    async def charge(self, command):
        self.taken.append(command)
        await self.goes_on.wait()
        return Done({"receipt": command.id})

    def work(self, store, queue, **options):
        participant = store.participant([queue], {"Charge": self.charge}, **options)
        return participant, asyncio.create_task(participant.run())


async def a_saga_is_steered_and_waited_for_over_a_restart(house, store):
    sagas = store.sagas
    nodes = [
        {"name": "paid", "wait_event": {"event": "Paid"}},
        {"name": "boss", "approval": {"principals": ["ann"]}},
    ]
    version = await sagas.define({"type": "steered", "nodes": nodes})
    equal(await sagas.define({"type": "steered", "nodes": nodes}), version)
    placed = StreamAppend("steered-1", [Event("Placed")], ANY)
    first = await sagas.start("steered", "1", attributes={"who": "ann"}, appends=[placed])
    assert (await sagas.start("steered", "1", attributes={"who": "ann"})).attached
    await sagas.start("steered", "2")
    equal((first.attached, (await store.get_stream("steered-1")).last_revision), (False, 0))
    equal([one.id for one in await every(sagas.list("steered", page_size=1))], ["2", "1"])
    waits = asyncio.create_task(sagas.wait("steered", "1"))
    await sagas.signal("steered", "1", "Paid", {"cents": 5})
    equal((await sagas.get("steered", "1")).attributes, {"who": "ann"})
    house.restart()
    await sagas.decide("steered", "1", "boss", approved=True, principal="ann")
    equal((await waits).status, SagaStatus.COMPLETED)
    await sagas.cancel("steered", "2", "not any more")
    equal(await status_of(store, "steered", "2"), SagaStatus.COMPENSATED)
    await error_of(SagaNotFound, sagas.get("steered", "3"))
    await error_of(SagaNotFound, sagas.wait("steered", "3"))


async def replies_say_what_handlers_return_and_raise(house, store):
    seen = []

    async def charge(command):
        seen.append(command.saga_id)
        if command.saga_id == "refused":
            raise Refused("CardDeclined", "no cover")
        if seen.count(command.saga_id) == 1 and command.saga_id == "failing":
            raise RuntimeError("the till is jammed")
        if seen.count(command.saga_id) == 1 and command.saga_id == "cancelled":
            raise asyncio.CancelledError
        if seen.count(command.saga_id) == 1 and command.saga_id == "exiting":
            sys.exit(3)
        if seen.count(command.saga_id) == 1 and command.saga_id == "ongoing":
            return Ongoing(0.001)
        paid = StreamAppend(f"till-{command.saga_id}", [Event("Paid", command.input)], ANY)
        return Done({"receipt": command.id}, appends=[paid], attributes={"paid": "yes"})

    await started(store, "till", "good", "refused", "failing", "cancelled", "exiting", "ongoing")
    async with store.participant(["till"], {"Charge": charge}) as participant:
        run = asyncio.create_task(participant.run())
        for id in ("good", "failing", "cancelled", "exiting", "ongoing"):
            equal(await status_of(store, "till", id), SagaStatus.COMPLETED)
        refused = await store.sagas.wait("till", "refused")
    await run
    equal((refused.status, refused.error), (SagaStatus.COMPENSATED, "CardDeclined: no cover"))
    again = ("failing", "cancelled", "exiting", "ongoing")
    equal([seen.count(id) for id in ("good", *again)], [1, 2, 2, 2, 2])
    [paid] = await every(store.read_stream("till-good"))
    equal(
        (paid.json(), (await store.sagas.get("till", "good")).attributes["paid"]),
        ({"id": "good"}, "yes"),
    )


async def handlers_run_at_most_so_many_at_once(house, store):
    ids = [str(n) for n in range(7)]
    await started(store, "narrow", *ids)
    now, most = 0, 0

    async def charge(command):
        nonlocal now, most
        now += 1
        most = max(most, now)
        await asyncio.sleep(0)
        now -= 1

    participant = store.participant(["narrow"], {"Charge": charge}, max_in_flight=2)
    run = asyncio.create_task(participant.run())
    for id in ids:
        equal(await status_of(store, "narrow", id), SagaStatus.COMPLETED)
    await participant.close()
    await run
    equal(most, 2)


async def a_participant_has_no_more_at_once_than_it_said_over_connections(house, store):
    """A probe that was answered tells that the worker is there again, and has been given what was
    ready before."""
    await started(store, "full", "1")
    till, probes = Till(), []

    async def charge(command):
        if command.saga_type == "full":
            return await till.charge(command)
        probes.append(command.saga_id)

    participant = store.participant(["full", "probe"], {"Charge": charge}, max_in_flight=1)
    run = asyncio.create_task(participant.run())
    await until(lambda: till.taken)
    house.proxy.cut_all()
    for id in ("1", "2"):
        await started(store, "probe", id)
        equal(await status_of(store, "probe", id), SagaStatus.COMPLETED)
        await started(store, "full", "2")
    equal([command.saga_id for command in till.taken], ["1"])
    till.goes_on.set()
    for id in ("1", "2"):
        equal(await status_of(store, "full", id), SagaStatus.COMPLETED)
    await participant.close()
    await run


async def a_participant_that_is_closed_replies_to_what_it_has(house, store):
    await started(store, "drained", "1")
    till = Till()
    participant, run = till.work(store, "drained")
    await until(lambda: till.taken)
    closes = [asyncio.create_task(participant.close()) for _ in range(2)]
    await asyncio.sleep(0)
    await started(store, "drained", "2")
    assert not run.done() and not any(close.done() for close in closes)
    till.goes_on.set()
    await asyncio.gather(run, *closes)
    equal([command.saga_id for command in till.taken], ["1"])
    equal(await status_of(store, "drained", "1"), SagaStatus.COMPLETED)
    await participant.close()
    await participant.run()  # it is closed
    _, run = till.work(store, "drained")
    equal(await status_of(store, "drained", "2"), SagaStatus.COMPLETED)
    await cancelled(run)


async def a_handler_may_close_its_participant(house, store):
    await started(store, "last", "1")

    async def charge(command):
        await participant.close()

    participant = store.participant(["last"], {"Charge": charge})
    await participant.run()
    equal(await status_of(store, "last", "1"), SagaStatus.COMPLETED)


async def a_participant_resumes_what_it_has_over_a_new_connection(house, store):
    await started(store, "resumed", "1")
    till = Till()
    participant, run = till.work(store, "resumed")
    await until(lambda: till.taken)
    house.proxy.cut_all()
    await started(store, "resumed", "2")
    await until(lambda: len(till.taken) == 2)  # it is connected again
    till.goes_on.set()
    for id in ("1", "2"):
        equal(await status_of(store, "resumed", id), SagaStatus.COMPLETED)
    await participant.close()
    await run
    equal([command.saga_id for command in till.taken], ["1", "2"])


async def a_reply_arrives_over_a_restart(house, store):
    """The server has forgotten who has the command, and hands it out again."""
    await started(store, "restarted", "1")
    till = Till()
    participant, run = till.work(store, "restarted")
    await until(lambda: till.taken)
    house.restart()
    await until(lambda: len(till.taken) == 2)
    till.goes_on.set()
    equal(await status_of(store, "restarted", "1"), SagaStatus.COMPLETED)
    await participant.close()
    await run
    equal(till.taken[0].id, till.taken[1].id)


async def a_participant_that_is_closing_replies_over_a_restart(house, store):
    await started(store, "closing", "1")
    till = Till()
    participant, run = till.work(store, "closing")
    await until(lambda: till.taken)
    closes = asyncio.create_task(participant.close())
    house.restart()
    till.goes_on.set()
    await asyncio.gather(run, closes)
    equal(await status_of(store, "closing", "1"), SagaStatus.COMPLETED)
    equal(len(till.taken), 1)


async def a_handler_that_runs_for_long_has_heartbeats_over_connections(house, store):
    """At its first attempt, over more than a timeout, of each connection."""
    await started(store, "beaten", "1", heartbeat_ms=3000)
    till = Till()
    participant, run = till.work(store, "beaten")
    await until(lambda: till.taken)
    await let_pass(store, 3100)
    house.proxy.cut_all()
    await let_pass(store, 3100)
    till.goes_on.set()
    equal(await status_of(store, "beaten", "1"), SagaStatus.COMPLETED)
    equal([(one.attempt, one.cancelled) for one in till.taken], [(1, False)])
    await participant.close()
    await run


async def a_handler_is_told_that_its_command_is_cancelled(house, store):
    await started(store, "unwanted", "1")
    till = Till()
    participant, run = till.work(store, "unwanted")
    await until(lambda: till.taken)
    assert not till.taken[0].cancelled
    await store.sagas.cancel("unwanted", "1")
    await until(lambda: till.taken[0].cancelled)
    await cancelled(run)


async def what_a_participant_had_that_is_cancelled_is_done_by_another(house, store):
    await started(store, "crashed", "1", start_to_close_ms=200)
    first, second = Till(), Till()
    before = tasks()
    _, run = first.work(store, "crashed")
    await until(lambda: first.taken)
    await cancelled(run)
    await until(lambda: tasks() == before)  # the handler's, too
    second.goes_on.set()
    participant, run = second.work(store, "crashed")
    equal(await status_of(store, "crashed", "1"), SagaStatus.COMPLETED)
    equal([command.attempt for command in second.taken], [2])
    equal(first.taken[0].id, second.taken[0].id)
    await participant.close()
    await run


async def a_participant_that_was_cancelled_may_run_again(house, store):
    await started(store, "rerun", "1", start_to_close_ms=200)
    till = Till()
    participant, run = till.work(store, "rerun")
    await until(lambda: till.taken)
    await cancelled(run)
    till.goes_on.set()
    run = asyncio.create_task(participant.run())
    equal(await status_of(store, "rerun", "1"), SagaStatus.COMPLETED)
    await participant.close()
    await run
    equal([command.attempt for command in till.taken], [1, 2])


async def cancelling_what_is_within_a_participant_does_not_wait_for_it(house, store):
    await started(store, "within", "1")
    till, runs = Till(), []

    async def work():
        participant, run = till.work(store, "within")
        runs.append(run)
        async with participant:
            await asyncio.Event().wait()

    task = asyncio.create_task(work())
    await until(lambda: till.taken)
    await cancelled(task)
    assert not runs[0].done(), "the handler was cancelled"
    till.goes_on.set()
    await runs[0]
    equal(await status_of(store, "within", "1"), SagaStatus.COMPLETED)


BEHAVIOURS = [
    a_saga_is_steered_and_waited_for_over_a_restart,
    replies_say_what_handlers_return_and_raise,
    handlers_run_at_most_so_many_at_once,
    a_participant_has_no_more_at_once_than_it_said_over_connections,
    a_participant_that_is_closed_replies_to_what_it_has,
    a_handler_may_close_its_participant,
    a_participant_resumes_what_it_has_over_a_new_connection,
    a_reply_arrives_over_a_restart,
    a_participant_that_is_closing_replies_over_a_restart,
    a_handler_that_runs_for_long_has_heartbeats_over_connections,
    a_handler_is_told_that_its_command_is_cancelled,
    what_a_participant_had_that_is_cancelled_is_done_by_another,
    a_participant_that_was_cancelled_may_run_again,
    cancelling_what_is_within_a_participant_does_not_wait_for_it,
]
