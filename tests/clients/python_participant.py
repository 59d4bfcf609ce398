"""What the Python package promises to participants of sagas. node_participant.mjs says the same in
Node."""

import contextlib
import sys
import threading
import uuid

from python_house import equal, error_of

from sagabase import ANY, Done, Event, Ongoing, Refused, SagaNotFound, SagaStatus, StreamAppend


def define(store, type, queue, **timeouts):
    store.sagas.define(
        {
            "type": type,
            "nodes": [
                {
                    "name": "work",
                    "step": {
                        "action": {"queue": queue, "type": "Work"},
                        "nothing_to_undo": True,
                        "timeouts": {"start_to_close_ms": 60000, **timeouts},
                        "retry": {"maximumAttempts": 1, "initialIntervalMs": 1},
                    },
                }
            ],
        }
    )


@contextlib.contextmanager
def working(store, queues, handlers, **options):
    participant = store.participant(queues, handlers, **options)
    thread = threading.Thread(target=participant.run)
    thread.start()
    try:
        yield
    finally:
        participant.close()
        thread.join()


def whatever_becomes_of_a_handler_is_an_answer(house):
    """One that were lost would take the worker's only credit with it."""
    define(house.store, "answered", "answers")
    big = "x" * (5 << 20)
    outcomes = {
        "exits": (lambda: sys.exit(3), "SystemExit: 3"),
        "returns a dict": (dict, "TypeError: a handler returns Done, Ongoing or None, not dict"),
        "returns too much": (
            lambda: Done(big),
            "ValueError: the reply is larger than 4193280 bytes",
        ),
        "asks again at once": (
            lambda: Ongoing(0),
            "ReplyRefused: ongoing.check_after_ms: 1 milliseconds to 30 days",
        ),
    }

    def refuse(message="no", appends=()):
        raise Refused("Declined", message, appends=appends)

    def fail():
        raise ValueError("a\0b\udcff")

    outcomes["refuses"] = (refuse, "Declined: no")
    outcomes["refuses at length"] = (lambda: refuse("ü" * 2000), "Declined: " + "ü" * 512)
    outcomes["refuses with what is no append"] = (
        lambda: refuse(appends=["x"]),
        "AttributeError: 'str' object has no attribute 'stream'",
    )
    outcomes["tells a NUL"] = (fail, "ValueError: a\ufffdb?")
    outcomes["is done"] = (lambda: Done(1), None)
    handlers = {"Work": lambda command: outcomes[command.saga_id][0]()}
    with working(house.store, ["answers"], handlers, max_in_flight=1):
        for name, (_, error) in outcomes.items():
            house.store.sagas.start("answered", name)
            saga = house.store.sagas.wait("answered", name)
            equal((name, saga.error), (name, error))
            wanted = SagaStatus.COMPENSATED if error else SagaStatus.COMPLETED
            equal((name, saga.status), (name, wanted))


def events_come_with_the_reply(house):
    define(house.store, "told", "tells")

    def tell(command):
        return Done(appends=[StreamAppend("heard-1", [Event("Told", command.input)], ANY)])

    with working(house.store, ["tells"], {"Work": tell}):
        house.store.sagas.start("told", "1", {"n": 7})
        equal(house.store.sagas.wait("told", "1").status, SagaStatus.COMPLETED)
    equal([event.json() for event in house.store.read_stream("heard-1")], [{"n": 7}])


def a_worker_has_no_more_commands_at_once_than_it_said_over_connections(house):
    """A probe that was answered tells that the worker is there again, and has been given what was
    ready before."""
    sagas = house.store.sagas
    define(house.store, "kept", "keeps")
    define(house.store, "probed", "probes")
    begun = threading.Semaphore(0)
    finish = threading.Event()
    together = []

    def keep(command):
        together.append(command.saga_id)
        begun.release()
        finish.wait(20)

    def work(command):
        return keep(command) if command.saga_type == "kept" else None

    def probe(id):
        sagas.start("probed", id)
        sagas.wait("probed", id)

    with working(house.store, ["keeps", "probes"], {"Work": work}, max_in_flight=1):
        try:
            sagas.start("kept", "1")
            begun.acquire()
            house.proxy.cut_all()
            probe("1")
            sagas.start("kept", "2")
            probe("2")
            equal(together, ["1"])
        finally:
            finish.set()
        equal(sagas.wait("kept", "1").status, SagaStatus.COMPLETED)
        equal(sagas.wait("kept", "2").status, SagaStatus.COMPLETED)


class Bench:
    """A handler that goes on when it is told to, or when its command is cancelled."""

    def __init__(self):
        self.taken = []
        self.has_begun = threading.Event()
        self.goes_on = threading.Event()
        self.was_cancelled = threading.Event()

    def work(self, command):
        self.taken.append(command)
        self.has_begun.set()
        while not self.goes_on.wait(0.001):
            if command.cancelled:
                self.was_cancelled.set()
                return


def let_pass(sagas, milliseconds):
    """By the server's clock, which its timeouts run by."""
    node = {"name": "pass", "timer": {"delay_ms": milliseconds}}
    sagas.define({"type": "passing", "nodes": [node]})
    id = str(uuid.uuid4())
    sagas.start("passing", id)
    equal(sagas.wait("passing", id).status, SagaStatus.COMPLETED)


def a_handler_that_runs_for_long_has_heartbeats_over_connections(house):
    """At its only attempt, over more than a timeout, of each connection."""
    sagas, bench = house.store.sagas, Bench()
    define(house.store, "beaten", "beats", heartbeat_ms=3000)
    with working(house.store, ["beats"], {"Work": bench.work}):
        try:
            sagas.start("beaten", "1")
            bench.has_begun.wait()
            let_pass(sagas, 3100)
            house.proxy.cut_all()
            let_pass(sagas, 3100)
        finally:
            bench.goes_on.set()
        equal(sagas.wait("beaten", "1").status, SagaStatus.COMPLETED)
    equal([(one.attempt, one.cancelled) for one in bench.taken], [(1, False)])


def a_handler_is_told_that_its_command_is_cancelled(house):
    sagas, bench = house.store.sagas, Bench()
    define(house.store, "unwanted", "withdraws")
    with working(house.store, ["withdraws"], {"Work": bench.work}):
        try:
            sagas.start("unwanted", "1")
            bench.has_begun.wait()
            assert not bench.taken[0].cancelled
            sagas.cancel("unwanted", "1")
            assert bench.was_cancelled.wait(20)
        finally:
            bench.goes_on.set()
        equal(sagas.wait("unwanted", "1").status, SagaStatus.COMPENSATED)


def a_handler_is_told_that_its_command_timed_out(house):
    sagas, bench = house.store.sagas, Bench()
    define(house.store, "late", "delays", start_to_close_ms=200)
    with working(house.store, ["delays"], {"Work": bench.work}):
        try:
            sagas.start("late", "1")
            assert bench.was_cancelled.wait(20)
        finally:
            bench.goes_on.set()


def a_participant_that_is_closed_replies_to_what_it_has(house):
    sagas, bench = house.store.sagas, Bench()
    define(house.store, "drained", "drains")
    participant = house.store.participant(["drains"], {"Work": bench.work})
    participant.close()  # nothing runs
    participant = house.store.participant(["drains"], {"Work": bench.work})
    threads = [threading.Thread(target=work) for work in (participant.run, participant.close)]
    threads[0].start()
    sagas.start("drained", "1")
    bench.has_begun.wait()
    threads[1].start()
    house.proxy.cut_all()
    bench.goes_on.set()
    for thread in threads:
        thread.join()
    equal(sagas.wait("drained", "1").status, SagaStatus.COMPLETED)
    participant.run()  # it is closed


def a_handler_may_close_its_participant(house):
    define(house.store, "last", "lasts")
    participant = house.store.participant(["lasts"], {"Work": lambda _: participant.close()})
    house.store.sagas.start("last", "1")
    participant.run()
    equal(house.store.sagas.wait("last", "1").status, SagaStatus.COMPLETED)


def queues_and_numbers_of_a_participant_are_checked(house):
    error_of(TypeError, lambda: house.store.participant("bank", {}))
    error_of(ValueError, lambda: house.store.participant(["bank"], {}, max_in_flight=0))


def a_saga_that_is_not_there_is_no_stream(house):
    sagas = house.store.sagas
    for work in [
        lambda: sagas.start("nobodys", "1"),
        lambda: sagas.get("nobodys", "1"),
        lambda: sagas.wait("nobodys", "1"),
        lambda: sagas.cancel("nobodys", "1"),
        lambda: sagas.signal("nobodys", "1", "paid"),
    ]:
        error_of(SagaNotFound, work)


BEHAVIOURS = [
    whatever_becomes_of_a_handler_is_an_answer,
    events_come_with_the_reply,
    a_worker_has_no_more_commands_at_once_than_it_said_over_connections,
    a_handler_that_runs_for_long_has_heartbeats_over_connections,
    a_handler_is_told_that_its_command_is_cancelled,
    a_handler_is_told_that_its_command_timed_out,
    a_participant_that_is_closed_replies_to_what_it_has,
    a_handler_may_close_its_participant,
    queues_and_numbers_of_a_participant_are_checked,
    a_saga_that_is_not_there_is_no_stream,
]
