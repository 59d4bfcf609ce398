"""What is appended and what is read, and how it becomes messages and comes from them."""

import dataclasses
import datetime
import enum
import json
import uuid
from typing import Any, Dict, List, Mapping, Sequence, Tuple, Union

from .v1 import event_store_pb2 as api

JSON = "application/json"


class StreamState(enum.Enum):
    """A state of a stream that does not name a revision."""

    ANY = api.STREAM_STATE_ANY
    NO_STREAM = api.STREAM_STATE_NO_STREAM
    STREAM_EXISTS = api.STREAM_STATE_STREAM_EXISTS


class Edge(enum.Enum):
    """An end of a stream, or of the store."""

    START = api.EDGE_START
    END = api.EDGE_END


ANY = StreamState.ANY
NO_STREAM = StreamState.NO_STREAM
STREAM_EXISTS = StreamState.STREAM_EXISTS
START = Edge.START
END = Edge.END

# A revision or a position, an end, or a time: the first event taken in at or after it.
Place = Union[int, Edge, datetime.datetime]

# The revision of a stream's newest event, or a state.
Expected = Union[int, StreamState]


def written(value: Any, content_type: Union[str, None] = None) -> Tuple[bytes, str]:
    """Bytes as they are, anything else as JSON; and what that is, unless it is told."""
    if isinstance(value, (bytes, bytearray, memoryview)):
        return bytes(value), content_type or ""
    data = json.dumps(value, ensure_ascii=False, allow_nan=False).encode()
    return data, JSON if content_type is None else content_type


def texts(name: str, value: Sequence[str]) -> List[str]:
    """One text is a sequence, too, but of its letters: nobody means that."""
    if isinstance(value, (str, bytes)):
        raise TypeError(f"{name}: give a list of texts, not {value!r}")
    return list(value)


class Event:
    """An event to append. Its id is chosen here and makes repeating an append harmless: to try
    again, append the same object. `data` that is not bytes is written as JSON."""

    __slots__ = ("content_type", "data", "id", "metadata", "tags", "type")

    def __init__(
        self,
        type: str,
        data: Any = b"",
        *,
        tags: Sequence[str] = (),
        metadata: Union[Mapping[str, str], None] = None,
        content_type: Union[str, None] = None,
        id: Union[str, uuid.UUID, None] = None,
    ) -> None:
        self.type = type
        self.data, self.content_type = written(data, content_type)
        self.tags: List[str] = texts("tags", tags)
        self.metadata: Dict[str, str] = dict(metadata or {})
        self.id: str = str(id or uuid.uuid4())

    def __repr__(self) -> str:
        return f"Event({self.type!r}, id={self.id!r})"


@dataclasses.dataclass(frozen=True)
class RecordedEvent:
    """An event as it is stored. `erased` tells when its payload was erased; None: it was not."""

    id: str
    type: str
    content_type: str
    data: bytes
    metadata: Mapping[str, str]
    tags: Sequence[str]
    stream: str
    revision: int
    position: int
    created: datetime.datetime
    erased: Union[datetime.datetime, None] = None

    def json(self) -> Any:
        """What `data` says in JSON. ValueError if it is not JSON."""
        return json.loads(self.data)


@dataclasses.dataclass(frozen=True)
class StreamAppend:
    """Events for one stream of an `append_many`."""

    stream: str
    events: Sequence[Event]
    expected: Expected


@dataclasses.dataclass(frozen=True)
class StreamCheck:
    """A condition on a stream that the append does not write."""

    stream: str
    expected: Expected


@dataclasses.dataclass(frozen=True)
class QueryItem:
    """Events of one of these types that have all of these tags, and so on; an event matches a
    query, a list of items, if it matches one of them."""

    types: Sequence[str] = ()
    tags: Sequence[str] = ()
    category: str = ""
    correlation_id: str = ""


Query = Sequence[QueryItem]


@dataclasses.dataclass(frozen=True)
class Condition:
    """No event that matches `fail_if` was appended behind the position `after`; None: ever."""

    fail_if: Query
    after: Union[int, None] = None


@dataclasses.dataclass(frozen=True)
class Appended:
    """`replayed`: the same append had been stored before, this is its first answer."""

    first_revision: int
    last_revision: int
    position: int
    replayed: bool


@dataclasses.dataclass(frozen=True)
class StreamAppended:
    stream: str
    first_revision: int
    last_revision: int


@dataclasses.dataclass(frozen=True)
class AppendedToMany:
    """`streams` are in the order of the appends; `position` is that of the last event."""

    streams: List[StreamAppended]
    position: int
    replayed: bool


@dataclasses.dataclass(frozen=True)
class Filter:
    """Which events are meant, by patterns. All conditions that are given have to hold."""

    stream_prefixes: Sequence[str] = ()
    type_prefixes: Sequence[str] = ()
    stream_regex: str = ""
    type_regex: str = ""


@dataclasses.dataclass(frozen=True)
class StreamPolicy:
    """Which events of a stream are to be seen: the newest `max_count` and those at most `max_age`
    old; 0 is no limit. Both limits hold. `encrypt`: payloads that are appended from now on are
    encrypted on disk."""

    max_count: int = 0
    max_age: datetime.timedelta = datetime.timedelta(0)
    encrypt: bool = False


@dataclasses.dataclass(frozen=True)
class StreamInfo:
    """`first_revision`: the first event to be seen, the age of events aside."""

    name: str
    category: str
    first_revision: int
    last_revision: int
    last_position: int
    created: datetime.datetime
    appended: datetime.datetime


@dataclasses.dataclass(frozen=True)
class ServerInfo:
    """`position` is that of the newest event, None if there is none."""

    version: str
    commit: str
    engine: str
    events: int
    streams: int
    types: int
    started: datetime.datetime
    position: Union[int, None]


_EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)


def moment(time_us: int) -> datetime.datetime:
    return _EPOCH + datetime.timedelta(microseconds=time_us)


def microseconds(time: datetime.datetime) -> int:
    """Since 1970. A time without a zone is local, as everywhere in Python."""
    return (time.astimezone(datetime.timezone.utc) - _EPOCH) // datetime.timedelta(microseconds=1)


def place_fields(place: Union[Place, None], name: str) -> Dict[str, int]:
    """The member of `oneof from` that says it; `name` is that of a revision or position."""
    if place is None:
        return {}
    if isinstance(place, Edge):
        return {"edge": place.value}
    if isinstance(place, datetime.datetime):
        return {"time_us": microseconds(place)}
    return {name: place}


def policy_message(policy: StreamPolicy) -> api.StreamPolicy:
    max_age_us = policy.max_age // datetime.timedelta(microseconds=1)
    return api.StreamPolicy(
        max_count=policy.max_count, max_age_us=max_age_us, encrypt=policy.encrypt
    )


def stream_policy(policy: api.StreamPolicy) -> StreamPolicy:
    max_age = datetime.timedelta(microseconds=policy.max_age_us)
    return StreamPolicy(policy.max_count, max_age, policy.encrypt)


def expected_fields(expected: Expected) -> Dict[str, int]:
    """The member of `oneof expected` that says it."""
    if isinstance(expected, StreamState):
        return {"state": expected.value}
    if isinstance(expected, bool) or not hasattr(expected, "__index__"):
        raise TypeError("expected: give a revision, ANY, NO_STREAM or STREAM_EXISTS")
    return {"revision": expected}


def proposed(event: Event) -> api.ProposedEvent:
    if not isinstance(event, Event):
        raise TypeError(f"events: give objects of class Event, not {type(event).__name__}")
    return api.ProposedEvent(
        id=event.id,
        type=event.type,
        content_type=event.content_type,
        data=event.data,
        metadata=event.metadata,
        tags=event.tags,
    )


def query_message(query: Query) -> api.Query:
    return api.Query(
        items=[
            api.QueryItem(
                types=texts("types", item.types),
                tags=texts("tags", item.tags),
                category=item.category,
                correlation_id=item.correlation_id,
            )
            for item in query
        ]
    )


def filter_message(filter: Filter) -> api.Filter:
    return api.Filter(
        stream_prefixes=texts("stream_prefixes", filter.stream_prefixes),
        type_prefixes=texts("type_prefixes", filter.type_prefixes),
        stream_regex=filter.stream_regex,
        type_regex=filter.type_regex,
    )


def append_request(
    appends: Sequence[StreamAppend],
    checks: Sequence[StreamCheck],
    condition: Union[Condition, None] = None,
) -> api.AppendRequest:
    request = api.AppendRequest(
        appends=[
            api.StreamAppend(
                stream=append.stream,
                events=[proposed(event) for event in append.events],
                **expected_fields(append.expected),
            )
            for append in appends
        ],
        checks=[
            api.StreamCheck(stream=check.stream, **expected_fields(check.expected))
            for check in checks
        ],
    )
    if condition is not None:
        request.condition.fail_if.CopyFrom(query_message(condition.fail_if))
        if condition.after is not None:
            request.condition.after_position = condition.after
    return request


def appended_to_many(response: api.AppendResponse) -> AppendedToMany:
    streams = [
        StreamAppended(one.stream, one.first_revision, one.last_revision)
        for one in response.streams
    ]
    return AppendedToMany(streams, response.position, response.replayed)


def recorded(event: api.RecordedEvent) -> RecordedEvent:
    return RecordedEvent(
        id=event.id,
        type=event.type,
        content_type=event.content_type,
        data=event.data,
        metadata=dict(event.metadata),
        tags=list(event.tags),
        stream=event.stream,
        revision=event.revision,
        position=event.position,
        created=moment(event.created_us),
        erased=moment(event.erased_us) if event.erased_us else None,
    )


def stream_info(stream: api.StreamInfo) -> StreamInfo:
    return StreamInfo(
        name=stream.name,
        category=stream.category,
        first_revision=stream.first_revision,
        last_revision=stream.last_revision,
        last_position=stream.last_position,
        created=moment(stream.created_us),
        appended=moment(stream.appended_us),
    )
