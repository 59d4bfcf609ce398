"""What the Python package promises of snapshots and reducers; python_test.py runs it."""

import datetime

from python_house import equal, error_of, numbered, numbers

from sagabase import (
    NO_STREAM,
    Due,
    NewerSnapshot,
    RevisionNotFound,
    SnapshotNotFound,
    SnapshotPolicy,
    StreamNotFound,
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


BEHAVIOURS = [
    a_snapshot_comes_back_as_it_was_put,
    a_snapshot_that_must_not_be_put_is_refused,
    a_stream_is_loaded_with_its_snapshot,
    a_policy_says_when_a_snapshot_is_due,
]
