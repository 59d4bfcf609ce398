"""Snapshots: states of streams, so that loading one need not read its whole history."""

import dataclasses
import datetime
import json
from typing import TYPE_CHECKING, Any, Awaitable, Dict, Iterator, List, Mapping, Union

import grpc

from .either import Answer, Blocking, Either, either
from .errors import NewerSnapshot, SnapshotNotFound
from .events import Filter, RecordedEvent, filter_message, moment, nothing, recorded, written
from .progress import Progress
from .subscription import Following
from .v1 import snapshots_pb2 as api
from .v1 import snapshots_pb2_grpc

if TYPE_CHECKING:
    from . import aio

_MS = datetime.timedelta(milliseconds=1)


@dataclasses.dataclass(frozen=True)
class Snapshot:
    """A state of a stream; `revision` is that of the newest event that it knows. `expires` None:
    never."""

    revision: int
    state: bytes
    content_type: str
    created: datetime.datetime
    expires: Union[datetime.datetime, None]

    def json(self) -> Any:
        """What `state` says in JSON. ValueError if it is not JSON."""
        return json.loads(self.state)


@dataclasses.dataclass(frozen=True)
class SnapshotInfo:
    """A snapshot without its state."""

    revision: int
    state_bytes: int
    created: datetime.datetime
    expires: Union[datetime.datetime, None]


@dataclasses.dataclass(frozen=True)
class SnapshotPolicy:
    """A stream is due for a snapshot with `every_events` behind its newest one, or with the oldest
    of them `every` old; 0 is never. The newest `keep` stay."""

    every_events: int = 0
    every: datetime.timedelta = datetime.timedelta(0)
    keep: int = 1


@dataclasses.dataclass(frozen=True)
class SnapshotPolicies:
    """By name. That of a stream takes the place of its category's."""

    categories: Mapping[str, SnapshotPolicy]
    streams: Mapping[str, SnapshotPolicy]


@dataclasses.dataclass(frozen=True)
class Due:
    """A stream that is due for a snapshot; `revision` was its newest when it became so, and
    `snapshot_revision` is None if it has no snapshot."""

    stream: str
    revision: int
    snapshot_revision: Union[int, None]


class DueProgress(Progress):
    """What is due is told again over a new connection."""

    def items(self, message: api.SubscribeDueResponse) -> Iterator[Due]:
        known = message.HasField("snapshot_revision")
        yield Due(message.stream, message.revision, message.snapshot_revision if known else None)


class DueStreams(Following):
    """Streams that are due, then each that becomes so, without end. After a lost connection what is
    due then is told again."""


class Loaded:
    """The newest `snapshot` of a stream, None if it has none, and, to be iterated over once, the
    events behind it. `due`: it is time for the next snapshot, which the server does not make
    itself."""

    def __init__(self, pages: Iterator[api.LoadStreamResponse]) -> None:
        first = next(pages, api.LoadStreamResponse())
        self.snapshot = snapshot_on(first)
        self.due = first.due
        self._events = self._run(first, pages)

    def __iter__(self) -> Iterator[RecordedEvent]:
        return self

    def __next__(self) -> RecordedEvent:
        return next(self._events)

    @staticmethod
    def _run(
        page: api.LoadStreamResponse, pages: Iterator[api.LoadStreamResponse]
    ) -> Iterator[RecordedEvent]:
        yield from map(recorded, page.events)
        for page in pages:
            yield from map(recorded, page.events)


def _expiry(expires_us: int) -> Union[datetime.datetime, None]:
    return moment(expires_us) if expires_us else None


def _snapshot(message: api.Snapshot) -> Snapshot:
    return Snapshot(
        message.revision,
        message.state,
        message.content_type,
        moment(message.created_us),
        _expiry(message.expires_us),
    )


def snapshot_on(first: api.LoadStreamResponse) -> Union[Snapshot, None]:
    return _snapshot(first.snapshot) if first.HasField("snapshot") else None


def _snapshots(answer: api.ListSnapshotsResponse) -> List[SnapshotInfo]:
    return [
        SnapshotInfo(one.revision, one.state_bytes, moment(one.created_us), _expiry(one.expires_us))
        for one in answer.snapshots
    ]


def _policies(answer: api.ListSnapshotPoliciesResponse) -> SnapshotPolicies:
    categories: Dict[str, SnapshotPolicy] = {}
    streams: Dict[str, SnapshotPolicy] = {}
    for one in answer.policies:
        if one.WhichOneof("target") == "category":
            categories[one.category] = _policy(one.policy)
        else:
            streams[one.stream] = _policy(one.policy)
    return SnapshotPolicies(categories, streams)


def _policy_message(policy: SnapshotPolicy) -> api.SnapshotPolicy:
    return api.SnapshotPolicy(
        every_events=policy.every_events, every_ms=policy.every // _MS, keep=policy.keep
    )


def _policy(message: api.SnapshotPolicy) -> SnapshotPolicy:
    return SnapshotPolicy(message.every_events, message.every_ms * _MS, message.keep or 1)


class SnapshotMethods:
    """`client.snapshots`."""

    def __init__(self, channel: Any, calls: Any) -> None:
        self._calls = calls
        self._snapshots = snapshots_pb2_grpc.SnapshotsStub(channel)

    @either
    def put(
        self,
        stream: str,
        revision: int,
        state: Any,
        *,
        content_type: Union[str, None] = None,
        ttl: datetime.timedelta = datetime.timedelta(0),
        keep: int = 0,
        newer_than: Union[int, None] = None,
    ) -> Answer[None]:
        """Keeps what the events up to `revision` amount to; a state that is not bytes is written
        as JSON. It is gone after `ttl`; 0: never. `keep` of the stream's newest snapshots stay;
        0: as its policy says. NewerSnapshot if there is one newer than this, or than
        `newer_than`."""
        data, content_type = written(state, content_type)
        request = api.PutSnapshotRequest(
            stream=stream,
            revision=revision,
            content_type=content_type,
            state=data,
            ttl_ms=ttl // _MS,
            keep=keep,
        )
        if newer_than is not None:
            request.newer_than = newer_than
        told_as = {grpc.StatusCode.ABORTED: NewerSnapshot}
        return self._calls.unary(self._snapshots.PutSnapshot, request, nothing, told_as)

    @either
    def get(self, stream: str, *, at: Union[int, None] = None) -> Answer[Snapshot]:
        """The newest, or the newest at or before the revision `at`. SnapshotNotFound if there is
        none."""
        request = api.GetSnapshotRequest(stream=stream, revision=at)
        told_as = {grpc.StatusCode.NOT_FOUND: SnapshotNotFound}
        return self._calls.unary(
            self._snapshots.GetSnapshot, request, lambda one: _snapshot(one.snapshot), told_as
        )

    @either
    def delete(self, stream: str, *, revision: Union[int, None] = None) -> Answer[bool]:
        """That of this revision, or all; whether there was one."""
        request = api.DeleteSnapshotRequest(stream=stream, revision=revision)
        return self._calls.unary(
            self._snapshots.DeleteSnapshot, request, lambda answer: answer.deleted
        )

    @either
    def list(self, stream: str) -> Answer[List[SnapshotInfo]]:
        """Newest first."""
        request = api.ListSnapshotsRequest(stream=stream)
        return self._calls.unary(self._snapshots.ListSnapshots, request, _snapshots)

    @either
    def load(
        self,
        stream: str,
        *,
        count: int = 0,
        filter: Union[Filter, None] = None,
        ignore_snapshot: bool = False,
        upcast: bool = False,
    ) -> "Either[Loaded, Awaitable[aio.Loaded]]":
        """The newest snapshot and every event behind it, as they were at the time of the call:
        what the stream's state is made of. StreamNotFound if it has no event."""
        request = api.LoadStreamRequest(
            stream=stream, count=count, ignore_snapshot=ignore_snapshot, upcast=upcast
        )
        if filter is not None:
            request.filter.CopyFrom(filter_message(filter))
        return self._calls.load(self._snapshots.LoadStream, request)

    # --- when ------------------------------------------------------------------

    @either
    def set_policy(self, stream: str, policy: Union[SnapshotPolicy, None]) -> Answer[None]:
        """Takes the place of the one before, and of its category's; None gives way to that."""
        return self._set_policy(api.SetSnapshotPolicyRequest(stream=stream), policy)

    @either
    def set_category_policy(
        self, category: str, policy: Union[SnapshotPolicy, None]
    ) -> Answer[None]:
        """For each stream of the category that has no policy of its own; None: no more."""
        return self._set_policy(api.SetSnapshotPolicyRequest(category=category), policy)

    @either
    def policies(self) -> Answer[SnapshotPolicies]:
        """All that there are."""
        request = api.ListSnapshotPoliciesRequest()
        return self._calls.unary(self._snapshots.ListSnapshotPolicies, request, _policies)

    @either
    def due(self, category: str = "") -> "Either[DueStreams, aio.DueStreams]":
        """The streams of a category, or all, that are due for a snapshot, and then each that
        becomes so, but for those whose snapshots the server makes itself."""
        request = api.SubscribeDueRequest(category=category)
        return self._calls.due(self._snapshots.SubscribeDue, DueProgress(request))

    def _set_policy(
        self, request: api.SetSnapshotPolicyRequest, policy: Union[SnapshotPolicy, None]
    ) -> Any:
        if policy is not None:
            request.policy.CopyFrom(_policy_message(policy))
        return self._calls.unary(self._snapshots.SetSnapshotPolicy, request, nothing)


class Snapshots(SnapshotMethods, Blocking):
    """`client.snapshots`. Any number of threads may share one."""
