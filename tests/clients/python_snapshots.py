"""What the Python package promises of snapshots and reducers; python_test.py runs it."""

import datetime

from python_house import equal, error_of, next_event, numbered, numbers

from sagabase import (
    ANY,
    NO_STREAM,
    Due,
    Event,
    InvalidRequest,
    MergePatch,
    NewerSnapshot,
    NoState,
    QueryItem,
    RevisionNotFound,
    SnapshotNotFound,
    SnapshotPolicy,
    State,
    StreamNotFound,
    UpcasterFailed,
)


def a_snapshot_comes_back_as_it_was_put(house):
    store, snapshots = house.store, house.store.snapshots
    store.append("kept-2", numbered(0, 10), expected=NO_STREAM)
    error_of(SnapshotNotFound, lambda: snapshots.get("kept-2"))
    snapshots.put("kept-2", 3, {"sum": 6}, keep=2)
    snapshots.put("kept-2", 7, b"\x00\xff", keep=2, ttl=datetime.timedelta(days=1))
    old, new = snapshots.get("kept-2", at=6), snapshots.get("kept-2")
    equal((old.revision, old.json(), old.expires), (3, {"sum": 6}, None))
    equal((new.revision, new.state, new.content_type), (7, b"\x00\xff", ""))
    assert new.created < new.expires <= new.created + datetime.timedelta(days=1), new
    equal([one.revision for one in snapshots.list("kept-2")], [7, 3])
    equal(snapshots.delete("kept-2", revision=3), True)
    equal(snapshots.delete("kept-2", revision=3), False)
    equal(snapshots.delete("kept-2"), True)


def a_snapshot_that_must_not_be_put_is_refused(house):
    store, snapshots = house.store, house.store.snapshots
    store.append("kept-3", numbered(0, 10), expected=NO_STREAM)
    snapshots.put("kept-3", 5, {})
    error_of(NewerSnapshot, lambda: snapshots.put("kept-3", 4, {}))
    error_of(NewerSnapshot, lambda: snapshots.put("kept-3", 6, {}, newer_than=4))
    error_of(RevisionNotFound, lambda: snapshots.put("kept-3", 10, {}))
    error_of(StreamNotFound, lambda: snapshots.put("nobody-2", 0, {}))


def a_stream_is_loaded_with_its_snapshot(house):
    store, snapshots = house.store, house.store.snapshots
    store.append("loaded-1", numbered(0, 3000), expected=NO_STREAM)
    loaded = snapshots.load("loaded-1")
    equal(loaded.snapshot, None)
    equal(numbers(loaded), list(range(3000)))
    snapshots.put("loaded-1", 2997, {"n": 2997})
    loaded = snapshots.load("loaded-1")
    equal((loaded.snapshot.revision, loaded.snapshot.json()), (2997, {"n": 2997}))
    equal((numbers(loaded), loaded.due), ([2998, 2999], False))
    snapshots.put("loaded-1", 2999, {})
    loaded = snapshots.load("loaded-1")
    equal((loaded.snapshot.revision, list(loaded)), (2999, []))
    equal(numbers(snapshots.load("loaded-1", ignore_snapshot=True, count=2)), [0, 1])
    error_of(StreamNotFound, lambda: snapshots.load("nobody-2"))


def a_policy_says_when_a_snapshot_is_due(house):
    store, snapshots = house.store, house.store.snapshots
    often = SnapshotPolicy(every_events=10, every=datetime.timedelta(minutes=5), keep=3)
    rarely = SnapshotPolicy(every_events=1000)
    snapshots.set_category_policy("duly", often)
    snapshots.set_policy("duly-1", rarely)
    policies = snapshots.policies()
    equal((policies.categories["duly"], policies.streams["duly-1"]), (often, rarely))
    snapshots.set_policy("duly-1", None)
    equal(snapshots.policies().streams, {})
    store.append("duly-1", numbered(0, 9), expected=NO_STREAM)
    equal(snapshots.load("duly-1").due, False)
    with snapshots.due("duly") as due:
        store.append("duly-1", numbered(9, 10), expected=8)
        equal(next(due), Due("duly-1", 9, None))
        equal(snapshots.load("duly-1").due, True)
        snapshots.put("duly-1", 9, {})
        equal(snapshots.load("duly-1").due, False)
        store.append("duly-1", numbered(10, 20), expected=9)
        equal(next(due), Due("duly-1", 19, 9))
        house.restart()
        equal(next(due), Due("duly-1", 19, 9))
    equal(list(due), [])


SUM = """
return function(state, event)
  state = state or { sum = 0 }
  state.sum = state.sum + event.data.n
  return state
end
"""


def a_reducer_folds_a_stream_on_the_server(house):
    store, reducers = house.store, house.store.reducers
    store.append("folded-1", numbered(0, 10), expected=NO_STREAM)
    error_of(NoState, lambda: reducers.state("folded-1"))
    error_of(InvalidRequest, lambda: reducers.put("folded", "return function("))
    hash = reducers.put("folded", SUM)
    equal(reducers.state("folded-1"), State({"sum": 45}, 9, hash, 10))
    equal(reducers.state("folded-1", at=3).value, {"sum": 6})
    error_of(RevisionNotFound, lambda: reducers.state("folded-1", at=10))
    error_of(StreamNotFound, lambda: reducers.state("folded-2"))
    equal(reducers.delete("folded"), True)
    equal(reducers.delete("folded"), False)


def a_reducer_may_be_rules_of_merge_patches(house):
    store, reducers = house.store, house.store.reducers
    rules = [
        MergePatch("Registered"),
        MergePatch("Moved", at=("address",)),
        MergePatch("Left", patch={"left": True, "address": None}),
    ]
    reducers.put("merged", rules)
    [listed] = [one for one in reducers.list() if one.category == "merged"]
    equal((listed.folding, listed.disabled), (rules, None))
    events = [Event("Registered", {"name": "Ada"}), Event("Moved", {"town": "London"})]
    store.append("merged-1", events, expected=NO_STREAM)
    equal(reducers.state("merged-1").value, {"name": "Ada", "address": {"town": "London"}})
    store.append("merged-1", [Event("Left")], expected=1)
    equal(reducers.state("merged-1").value, {"name": "Ada", "left": True})


def a_reducer_that_fails_is_disabled_until_it_is_put_again(house):
    store, reducers = house.store, house.store.reducers
    reducers.put("failing", SUM)
    store.append("failing-1", [*numbered(0, 2), Event("Odd", {})], expected=NO_STREAM)
    assert "failing-1@2" in str(error_of(NoState, lambda: reducers.state("failing-1")))
    [listed] = [one for one in reducers.list() if one.category == "failing"]
    equal((listed.disabled.stream, listed.disabled.revision), ("failing-1", 2))
    error_of(NoState, lambda: reducers.state("failing-1", at=1))
    reducers.put("failing", SUM)
    equal(reducers.state("failing-1", at=1).value, {"sum": 1})


NEWEST = """
return function(event)
  event.data.n = event.data.n or event.data.number
  event.data.number = nil
  return event
end
"""


def an_upcaster_shows_events_in_their_newest_form(house):
    store, reducers = house.store, house.store.reducers
    store.append("shown-1", [Event("Shown", {"number": 1}), Event("Shown", {"n": 2})], expected=ANY)
    hash = reducers.put_upcaster("Shown", NEWEST)
    [listed] = [one for one in reducers.list_upcasters() if one.event_type == "Shown"]
    equal((listed.source, listed.hash, listed.disabled), (NEWEST, hash, None))
    equal(next(store.read_stream("shown-1")).json(), {"number": 1})
    shown = [QueryItem(types=["Shown"])]
    equal(numbers(store.read_stream("shown-1", upcast=True)), [1, 2])
    equal(numbers(store.read_all(query=shown, upcast=True)), [1, 2])
    equal(numbers(store.snapshots.load("shown-1", upcast=True)), [1, 2])
    with store.subscribe("shown-1", upcast=True) as subscription:
        equal(numbers([next_event(subscription), next_event(subscription)]), [1, 2])
    reducers.put_upcaster("Shown", "return function(event) return nil end")
    error_of(UpcasterFailed, lambda: list(store.read_stream("shown-1", upcast=True)))
    error_of(UpcasterFailed, lambda: store.snapshots.load("shown-1", upcast=True))
    error_of(UpcasterFailed, lambda: list(store.subscribe("shown-1", upcast=True)))
    equal(reducers.delete_upcaster("Shown"), True)


BEHAVIOURS = [
    a_snapshot_comes_back_as_it_was_put,
    a_snapshot_that_must_not_be_put_is_refused,
    a_stream_is_loaded_with_its_snapshot,
    a_policy_says_when_a_snapshot_is_due,
    a_reducer_folds_a_stream_on_the_server,
    a_reducer_may_be_rules_of_merge_patches,
    a_reducer_that_fails_is_disabled_until_it_is_put_again,
    an_upcaster_shows_events_in_their_newest_form,
]
