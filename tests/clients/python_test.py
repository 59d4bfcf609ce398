"""What the Python package promises, against servers that are killed and answers that are lost.

usage: python_test.py SAGABASE FOLDER

Prints `ok - behaviour` or `not ok - behaviour: why`. node_test.mjs says the same in Node.
"""

import concurrent.futures
import contextlib
import datetime
import os
import socket
import sys
import threading
import traceback

import grpc
import python_participant
import python_snapshots
from python_house import EndingServer, House, equal, error_of, next_event, numbered, numbers

from sagabase import (
    ANY,
    END,
    NO_STREAM,
    STREAM_EXISTS,
    CaughtUp,
    Checkpoint,
    Condition,
    ConditionFailed,
    Event,
    Filter,
    InvalidRequest,
    LimitExceeded,
    PartlyStored,
    QueryItem,
    RecordedEvent,
    Retry,
    SagabaseError,
    StreamAppend,
    StreamCheck,
    StreamNotFound,
    StreamPolicy,
    TimedOut,
    Unavailable,
    WrongRevision,
    connect,
)
from sagabase.v1 import event_store_pb2 as api
from sagabase.v1 import event_store_pb2_grpc

# --- the behaviours -----------------------------------------------------------


def events_come_back_as_they_were_appended(house):
    event = Event("Placed", {"item": "bücher"}, metadata={"who": "me"})
    raw = Event("Scanned", b"\x00\xff", content_type="image/x")
    appended = house.store.append("order-1", [event, raw], expected=NO_STREAM)
    equal((appended.first_revision, appended.last_revision, appended.replayed), (0, 1, False))
    first, second = house.store.read_stream("order-1")
    equal((first.id, first.type, first.json()), (event.id, "Placed", {"item": "bücher"}))
    equal((first.content_type, dict(first.metadata)), ("application/json", {"who": "me"}))
    equal((second.data, second.content_type, second.revision), (b"\x00\xff", "image/x", 1))


def an_append_whose_answer_is_lost_is_repeated_with_the_same_ids(house):
    direct = connect(house.server.address)
    for stream, expected in [("lost-1", NO_STREAM), ("lost-2", ANY)]:
        house.store.info()  # there is a connection
        house.proxy.lose_answers()
        event = Event("Placed")
        with concurrent.futures.ThreadPoolExecutor() as pool:
            answer = pool.submit(house.store.append, stream, [event], expected=expected)
            with direct.subscribe(stream) as stored:
                next_event(stored)
            house.proxy.cut_all()
            assert answer.result().replayed, "the answer is not that of a repetition"
        equal([stored.id for stored in direct.read_stream(stream)], [event.id])
    direct.close()


def attempts_are_bounded(house):
    few = Retry(attempts=3, delay=0.001, delay_max=0.002)
    with socket.create_server(("127.0.0.1", 0)) as closed:
        nobody = "127.0.0.1:%d" % closed.getsockname()[1]
    with connect(nobody, retry=few) as store:
        error_of(Unavailable, store.info)
        error_of(Unavailable, lambda: store.append("x-1", numbered(0, 1), expected=ANY))
        error_of(Unavailable, lambda: list(store.subscribe()))
        session = store.append_session()
        error_of(Unavailable, session.append("x-1", numbered(0, 1), expected=ANY).result)
        session.close()


def silence_is_a_time_out(house):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = "127.0.0.1:%d" % silent.getsockname()[1]
        with connect(address, timeout=0.1, retry=Retry(attempts=1)) as store:
            error_of(TimedOut, store.info)


def a_wrong_revision_tells_stream_expected_and_actual(house):
    house.store.append("wrong-1", numbered(0, 2), expected=NO_STREAM)
    for stream, expected, actual in [("wrong-1", 0, 1), ("wrong-1", NO_STREAM, 1)]:
        error = error_of(
            WrongRevision, lambda: house.store.append(stream, [Event("X")], expected=expected)
        )
        equal((error.stream, error.expected, error.actual), (stream, expected, actual))
    error = error_of(
        WrongRevision, lambda: house.store.append("wrong-2", [Event("X")], expected=STREAM_EXISTS)
    )
    equal((error.expected, error.actual), (STREAM_EXISTS, NO_STREAM))


def other_errors_have_types_too(house):
    store, twice = house.store, Event("X")
    big = [Event("Big", bytes(1 << 20)) for _ in range(5)]
    error_of(StreamNotFound, lambda: store.get_stream("nobody-1"))
    error_of(StreamNotFound, lambda: list(store.read_stream("nobody-1")))
    error_of(InvalidRequest, lambda: store.append("", [Event("X")], expected=ANY))
    error_of(InvalidRequest, lambda: list(store.subscribe(filter=Filter(type_regex="("))))
    error_of(LimitExceeded, lambda: store.append("big-1", big, expected=ANY))
    store.append("twice-1", [twice], expected=ANY)
    error_of(PartlyStored, lambda: store.append("twice-1", [twice, Event("Y")], expected=ANY))


def what_a_program_gives_is_checked_where_it_would_mean_something_else(house):
    store = house.store
    for expected in (True, "ANY", 1.0, None):
        error_of(TypeError, lambda: store.append("x-1", [Event("X")], expected=expected))
    error_of(TypeError, lambda: store.append("x-1", [{"type": "X"}], expected=ANY))
    error_of(TypeError, lambda: Event("X", tags="seat:1"))  # not eight tags of one letter each
    for query in ([QueryItem(types="Taken")], [QueryItem(tags="seat:1")]):
        error_of(TypeError, lambda: store.append_many([], condition=Condition(query)))
    for filter in (Filter(type_prefixes="Taken"), Filter(stream_prefixes="seat-")):
        error_of(TypeError, lambda: store.read_all(filter=filter))
    error_of(ValueError, lambda: Event("X", {"n": float("nan")}))  # there is none in JSON


def append_many_is_all_or_nothing(house):
    store = house.store
    appends = [
        StreamAppend("many-1", numbered(0, 2), NO_STREAM),
        StreamAppend("many-2", numbered(2, 3), NO_STREAM),
    ]
    error = error_of(
        WrongRevision, lambda: store.append_many(appends, [StreamCheck("many-3", STREAM_EXISTS)])
    )
    equal(error.stream, "many-3")
    error_of(StreamNotFound, lambda: store.get_stream("many-1"))
    answer = store.append_many(appends, [StreamCheck("many-3", NO_STREAM)])
    equal([(s.stream, s.last_revision) for s in answer.streams], [("many-1", 1), ("many-2", 0)])
    equal(numbers(store.read_all(start=answer.position - 2, count=3)), [0, 1, 2])


def an_append_fails_when_its_condition_has_come_true(house):
    store, taken = house.store, [QueryItem(types=["Taken"], tags=["seat:1"])]
    append = [StreamAppend("seat-1", [Event("Taken", tags=["seat:1"])], ANY)]
    first = store.append_many(append, condition=Condition(taken))
    second = [StreamAppend("seat-2", [Event("Taken", tags=["seat:1"])], ANY)]
    error = error_of(
        ConditionFailed, lambda: store.append_many(second, condition=Condition(taken))
    )
    equal(error.position, first.position)
    with store.append_session() as session:
        refused = session.append_many(second, condition=Condition(taken))
        repeated = session.append_many(second, condition=Condition(taken, first.position))
    equal(error_of(ConditionFailed, refused.result).position, first.position)
    found = list(store.read_all(query=taken))
    equal([event.position for event in found], [first.position, repeated.result().position])
    equal(found[0].tags, ["seat:1"])
    with store.subscribe(query=taken) as subscription:
        equal(next_event(subscription).position, first.position)


def reads_go_either_way_from_anywhere(house):
    store = house.store
    store.append("read-1", numbered(0, 3000), expected=NO_STREAM)
    equal(numbers(store.read_stream("read-1")), list(range(3000)))
    equal(numbers(store.read_stream("read-1", start=2990, count=3)), [2990, 2991, 2992])
    equal(numbers(store.read_stream("read-1", backwards=True, count=2)), [2999, 2998])
    equal(numbers(store.read_stream("read-1", start=END)), [])
    newest = next(store.read_all(backwards=True))
    equal(newest.position, store.info().position)


def streams_are_listed_over_all_pages(house):
    names = [f"listed-{n}" for n in range(7)]
    for name in names:
        house.store.append(name, [Event("X")], expected=NO_STREAM)
    listed = list(house.store.list_streams("listed-", page_size=3))
    equal([stream.name for stream in listed], names)
    equal(listed[0], house.store.get_stream("listed-0"))


def types_and_categories_are_listed_over_all_pages(house):
    for n in range(5):
        house.store.append(f"sort{n}-1", [Event(f"Sorted{n}")], expected=NO_STREAM)
    listed = list(house.store.list_event_types("Sorted", page_size=2))
    equal(listed, [f"Sorted{n}" for n in range(5)])
    listed = list(house.store.list_categories("sort", page_size=2))
    equal(listed, [f"sort{n}" for n in range(5)])


def reads_and_subscriptions_begin_at_a_time(house):
    first = house.store.append("timed-1", [Event("X")], expected=NO_STREAM)
    [before] = house.store.read_stream("timed-1")
    later = before
    while later.created == before.created:  # the clock has to move on
        house.store.append("timed-1", [Event("X")], expected=ANY)
        [later] = house.store.read_stream("timed-1", start=END, backwards=True, count=1)
    [found] = house.store.read_stream("timed-1", start=later.created)
    equal(found, later)
    equal(next(house.store.read_all(start=later.created)), later)
    equal(first.position, next(house.store.read_all(start=before.created)).position)
    with house.store.subscribe("timed-1", after=later.created) as subscription:
        equal(next_event(subscription), later)


def a_policy_hides_what_it_does_not_keep(house):
    house.store.append("policed-1", numbered(0, 5), expected=NO_STREAM)
    equal(house.store.get_stream_policy("policed-1"), StreamPolicy())
    house.store.set_category_policy("policed", StreamPolicy(max_count=3))
    equal(numbers(house.store.read_stream("policed-1")), [2, 3, 4])
    policy = StreamPolicy(max_count=2, max_age=datetime.timedelta(days=1), encrypt=True)
    house.store.set_stream_policy("policed-1", policy)
    equal(house.store.get_stream_policy("policed-1"), policy)
    equal(house.store.get_category_policy("policed"), StreamPolicy(max_count=3))
    equal(house.store.get_stream("policed-1").first_revision, 3)
    house.store.set_stream_policy("policed-1", truncate_before=4)
    equal(numbers(house.store.read_stream("policed-1")), [4])


def an_erased_event_tells_when(house):
    house.store.append("erased-1", numbered(0, 1), expected=NO_STREAM)
    [event] = house.store.read_stream("erased-1")
    equal(event.erased, None)
    with grpc.insecure_channel(house.server.address) as channel:
        request = api.EraseStreamRequest(stream="erased-1", reason="a test")
        event_store_pb2_grpc.EventStoreStub(channel).EraseStream(request)
    [event] = house.store.read_stream("erased-1")
    equal(event.data, b"")
    assert event.erased >= event.created, event


def a_deleted_stream_goes_on_and_one_with_a_tombstone_does_not(house):
    opened = house.store.append("gone-1", numbered(0, 2), expected=NO_STREAM)
    error_of(WrongRevision, lambda: house.store.delete_stream("gone-1", expected=0))
    house.store.delete_stream("gone-1", expected=opened.last_revision)
    error_of(StreamNotFound, lambda: house.store.get_stream("gone-1"))
    again = house.store.append("gone-1", numbered(2, 3), expected=NO_STREAM)
    equal(again.first_revision, 2)
    house.store.tombstone_stream("gone-1", expected=ANY)
    refused = error_of(
        SagabaseError, lambda: house.store.append("gone-1", [Event("X")], expected=ANY)
    )
    equal(refused.code, grpc.StatusCode.FAILED_PRECONDITION)


def a_session_tells_each_append_what_became_of_it(house):
    with house.store.append_session() as session:
        good = [session.append("told-1", numbered(n, n + 1), expected=ANY) for n in range(600)]
        bad = session.append("told-1", [Event("X")], expected=NO_STREAM)
        last = session.append("told-1", numbered(600, 601), expected=599)
    equal([one.result().last_revision for one in good + [last]], list(range(601)))
    equal(error_of(WrongRevision, bad.result).actual, 599)
    equal(numbers(house.store.read_stream("told-1")), list(range(601)))


def a_session_goes_on_over_a_restart(house):
    with house.store.append_session() as session:

        def append(n):
            return session.append("kept-1", numbered(n, n + 1), expected=ANY)

        appended = [append(n) for n in range(200)]
        appended[0].result()
        house.restart()
        appended += [append(n) for n in range(200, 400)]
    equal([one.result().first_revision for one in appended], list(range(400)))
    equal(numbers(house.store.read_stream("kept-1")), list(range(400)))


def an_append_that_cannot_be_read_fails_alone(house):
    """In whatever company it is on its way; the server ends the call that it comes by."""
    big = [Event("Big", bytes(1 << 20)) for _ in range(5)]
    with connect(house.server.address) as store, store.append_session() as session:

        def append(stream, events):
            return session.append(stream, events, expected=ANY)

        good = [append("alone-1", numbered(0, 1))]
        unreadable = append("a\0b", [Event("X")])
        good += [append("alone-1", numbered(n, n + 1)) for n in range(1, 20)]
        too_big = append("alone-1", big)
        good += [append("alone-1", numbered(n, n + 1)) for n in range(20, 30)]
        error_of(InvalidRequest, unreadable.result)
        error_of(LimitExceeded, too_big.result)
        good.append(append("alone-1", numbered(30, 31)))
    equal([one.result().last_revision for one in good], list(range(31)))
    equal(numbers(house.store.read_stream("alone-1")), list(range(31)))


def an_append_of_a_session_cannot_be_taken_back(house):
    with house.store.append_session() as session:
        future = session.append("sent-1", numbered(0, 1), expected=ANY)
        assert not future.cancel()
        equal(future.result().last_revision, 0)


def what_follows_an_append_of_a_session_may_append(house):
    """Though the session is full."""
    followed = []
    with house.store.append_session() as session:

        def follow(_):
            followed.append(session.append("follow-2", [Event("X")], expected=ANY))

        for _ in range(600):
            session.append("follow-1", [Event("X")], expected=ANY).add_done_callback(follow)
        last = session.append("follow-1", [Event("X")], expected=ANY)
        last.result()
    equal(house.store.get_stream("follow-2").last_revision, 599)
    equal(len(followed), 600)


def a_subscription_goes_on_over_restarts(house, stream, after):
    """Without gap or duplicate."""
    store = house.store
    with store.subscribe(stream, after=after) as subscription:
        if after is END:
            assert isinstance(next(subscription), CaughtUp)
        store.append("followed-" + str(after), numbered(0, 50), expected=ANY)
        got = [next_event(subscription) for _ in range(20)]
        house.restart()
        store.append("followed-" + str(after), numbered(50, 100), expected=ANY)
        got += [next_event(subscription) for _ in range(80)]
        assert any(isinstance(item, CaughtUp) for item in subscription)
        house.restart()
        store.append("followed-" + str(after), numbered(100, 101), expected=ANY)
        got.append(next_event(subscription))
    equal(numbers(got), list(range(101)))
    equal([event.position - got[0].position for event in got], list(range(101)))


def a_subscription_to_a_stream_goes_on_over_restarts(house):
    a_subscription_goes_on_over_restarts(house, "followed-" + str(END), END)


def a_subscription_to_all_goes_on_over_restarts(house):
    a_subscription_goes_on_over_restarts(house, "", END)
    a_subscription_goes_on_over_restarts(house, "", house.store.info().position)


def a_subscription_that_gave_up_goes_on_when_it_is_asked_again(house):
    house.store.append("again-1", numbered(0, 2), expected=NO_STREAM)
    few = Retry(attempts=2, delay=0.001)
    with connect(house.proxy.address, retry=few) as store:
        subscription = store.subscribe("again-1")
        equal(numbers(next_event(subscription) for _ in range(2)), [0, 1])
        house.server.kill()
        error_of(Unavailable, lambda: next_event(subscription))
        house.server.start()
        house.store.append("again-1", numbered(2, 3), expected=ANY)
        again = None
        while again is None:
            with contextlib.suppress(Unavailable):  # until it is connected
                again = next_event(subscription)
        equal(again.json(), {"n": 2})


def a_filtered_subscription_tells_how_far_it_looked(house):
    store = house.store
    start = store.append("looked-1", numbered(0, 10), expected=ANY).position - 10
    store.append("looked-1", [Event("Rare")], expected=ANY)
    newest = store.append("looked-1", numbered(0, 10), expected=ANY).position
    rare = Filter(stream_prefixes=["looked-"], type_regex="^Rare$")
    items = []
    with store.subscribe(after=start, filter=rare, checkpoint_interval=4) as subscription:
        for item in subscription:
            items.append(item)
            if isinstance(item, CaughtUp):
                break
    equal([item.type for item in items if isinstance(item, RecordedEvent)], ["Rare"])
    equal(items[-1].position, newest)
    assert any(isinstance(item, Checkpoint) for item in items), items


def closing_ends_a_subscription(house):
    subscription = house.store.subscribe(after=END)
    next(subscription)
    threading.Thread(target=subscription.close).start()
    equal(list(subscription), [])


def a_call_that_an_ending_server_resets_is_made_again_with_the_same_ids(house):
    ending = EndingServer(house.server)
    event = Event("Placed")
    with connect(ending.address, retry=Retry(attempts=2, delay=0.001)) as store:
        store.append("reset-1", [event], expected=NO_STREAM)
    first, second = ending.requests["AppendToStream"]
    equal(first, second)
    equal([stored.id for stored in house.store.read_stream("reset-1")], [event.id])
    with connect(ending.address, retry=Retry(attempts=1)) as store:
        error = error_of(Unavailable, lambda: store.get_stream("reset-1"))
        equal(error.code, grpc.StatusCode.UNAVAILABLE)
    ending.close()


def a_subscription_that_an_ending_server_resets_goes_on(house):
    house.store.append("reset-2", numbered(0, 3), expected=NO_STREAM)
    ending = EndingServer(house.server)
    with connect(ending.address, retry=Retry(attempts=2, delay=0.001)) as store:
        with store.subscribe("reset-2") as subscription:
            equal(numbers([next_event(subscription) for _ in range(3)]), [0, 1, 2])
    equal(len(ending.requests["Subscribe"]), 2)
    ending.close()


def what_the_program_ends_is_cancelled_and_not_made_again(house):
    store = connect(house.proxy.address, retry=Retry(attempts=500, delay=0.02))
    subscription = store.subscribe(after=END)
    next(subscription)
    threading.Thread(target=store.close).start()
    ended = error_of(SagabaseError, lambda: list(subscription))
    equal(ended.code, grpc.StatusCode.CANCELLED)


def a_closed_client_says_so(house):
    store = connect(house.server.address)
    session = store.append_session()
    session.append("closed-1", [Event("X")], expected=ANY).result()
    store.close()
    store.close()
    for work in [
        store.info,
        lambda: list(store.read_all()),
        lambda: list(store.subscribe()),
        lambda: store.snapshots.load("closed-1"),
        lambda: store.sagas.wait("a", "b"),
        lambda: store.participant(["q"], {}).run(),
        lambda: store.append_session().append("x-1", [Event("X")], expected=ANY).result(),
    ]:
        error = error_of(SagabaseError, work)
        equal((error.code, str(error)), (grpc.StatusCode.CANCELLED, "the client is closed"))
    session.close()
    error_of(SagabaseError, lambda: session.append("closed-1", [Event("X")], expected=ANY))


BEHAVIOURS = [
    events_come_back_as_they_were_appended,
    an_append_whose_answer_is_lost_is_repeated_with_the_same_ids,
    attempts_are_bounded,
    silence_is_a_time_out,
    a_wrong_revision_tells_stream_expected_and_actual,
    other_errors_have_types_too,
    what_a_program_gives_is_checked_where_it_would_mean_something_else,
    append_many_is_all_or_nothing,
    an_append_fails_when_its_condition_has_come_true,
    reads_go_either_way_from_anywhere,
    streams_are_listed_over_all_pages,
    types_and_categories_are_listed_over_all_pages,
    reads_and_subscriptions_begin_at_a_time,
    a_policy_hides_what_it_does_not_keep,
    an_erased_event_tells_when,
    a_deleted_stream_goes_on_and_one_with_a_tombstone_does_not,
    a_session_tells_each_append_what_became_of_it,
    a_session_goes_on_over_a_restart,
    an_append_that_cannot_be_read_fails_alone,
    an_append_of_a_session_cannot_be_taken_back,
    what_follows_an_append_of_a_session_may_append,
    a_subscription_to_a_stream_goes_on_over_restarts,
    a_subscription_to_all_goes_on_over_restarts,
    a_subscription_that_gave_up_goes_on_when_it_is_asked_again,
    a_filtered_subscription_tells_how_far_it_looked,
    closing_ends_a_subscription,
    a_call_that_an_ending_server_resets_is_made_again_with_the_same_ids,
    a_subscription_that_an_ending_server_resets_goes_on,
    what_the_program_ends_is_cancelled_and_not_made_again,
    a_closed_client_says_so,
    *python_snapshots.BEHAVIOURS,
    *python_participant.BEHAVIOURS,
]


def main():
    binary, folder = sys.argv[1:]
    house = House(binary, os.path.join(folder, "data"))
    failures = 0
    try:
        for behaviour in BEHAVIOURS:
            name = behaviour.__name__.replace("_", " ")
            try:
                behaviour(house)
                print(f"ok - python: {name}", flush=True)
            except Exception:
                failures += 1
                print(f"not ok - python: {name}: {traceback.format_exc()}", flush=True)
    finally:
        house.store.close()
        house.server.kill()
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
