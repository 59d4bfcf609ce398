"""Appending, reading, following, looking around: the methods of both clients."""

from typing import TYPE_CHECKING, Any, Iterator, Sequence, Union

from .either import Answer, Either, Items, either
from .events import (
    START,
    Appended,
    AppendedToMany,
    Condition,
    Event,
    Expected,
    Filter,
    Place,
    Query,
    RecordedEvent,
    ServerInfo,
    StreamAppend,
    StreamCheck,
    StreamInfo,
    StreamPolicy,
    append_request,
    appended,
    appended_to_many,
    expected_fields,
    filter_message,
    nothing,
    place_fields,
    policy_message,
    proposed,
    query_message,
    recorded,
    server_info,
    stream_info,
    stream_policy,
)
from .progress import SubscriptionProgress
from .v1 import admin_pb2, admin_pb2_grpc, event_store_pb2_grpc
from .v1 import event_store_pb2 as api

if TYPE_CHECKING:
    from . import aio
    from .subscription import Subscription

PAGE_SIZE = 1000


class StoreMethods:
    def __init__(self, channel: Any, calls: Any) -> None:
        self._calls = calls
        self._store = event_store_pb2_grpc.EventStoreStub(channel)
        self._admin = admin_pb2_grpc.AdminStub(channel)

    # --- appending -----------------------------------------------------------

    @either
    def append(
        self, stream: str, events: Sequence[Event], *, expected: Expected
    ) -> Answer[Appended]:
        """Appends to one stream, all or nothing. WrongRevision if the stream is not as expected."""
        request = api.AppendToStreamRequest(
            stream=stream,
            events=[proposed(event) for event in events],
            **expected_fields(expected),
        )
        return self._calls.unary(self._store.AppendToStream, request, appended)

    @either
    def append_many(
        self,
        appends: Sequence[StreamAppend],
        checks: Sequence[StreamCheck] = (),
        *,
        condition: Union[Condition, None] = None,
    ) -> Answer[AppendedToMany]:
        """Appends to several streams and checks others, all or nothing. ConditionFailed if an
        event is there that the condition forbids."""
        request = append_request(appends, checks, condition)
        return self._calls.unary(self._store.Append, request, appended_to_many)

    # --- reading -------------------------------------------------------------

    @either
    def read_stream(
        self,
        stream: str,
        *,
        start: Union[Place, None] = None,
        backwards: bool = False,
        count: int = 0,
        filter: Union[Filter, None] = None,
        upcast: bool = False,
    ) -> Items[RecordedEvent]:
        """The events of one stream, from the revision or time `start` on, that one included;
        `count` 0: all. `upcast`: in their newest form. StreamNotFound comes with the first
        event."""
        request = api.ReadStreamRequest(
            stream=stream,
            direction=_direction(backwards),
            count=count,
            upcast=upcast,
            **place_fields(start, "revision"),
        )
        if filter is not None:
            request.filter.CopyFrom(filter_message(filter))
        return self._calls.read(self._store.ReadStream, request, _events)

    @either
    def read_all(
        self,
        *,
        start: Union[Place, None] = None,
        backwards: bool = False,
        count: int = 0,
        query: Union[Query, None] = None,
        filter: Union[Filter, None] = None,
        upcast: bool = False,
    ) -> Items[RecordedEvent]:
        """The events of the whole store in commit order, from the position or time `start` on. A
        query finds its events by index, a filter looks at each; both as they are stored."""
        request = api.ReadAllRequest(
            direction=_direction(backwards),
            count=count,
            upcast=upcast,
            **place_fields(start, "position"),
        )
        if query is not None:
            request.query.CopyFrom(query_message(query))
        if filter is not None:
            request.filter.CopyFrom(filter_message(filter))
        return self._calls.read(self._store.ReadAll, request, _events)

    @either
    def subscribe(
        self,
        stream: str = "",
        *,
        after: Place = START,
        query: Union[Query, None] = None,
        filter: Union[Filter, None] = None,
        checkpoint_interval: int = 0,
        upcast: bool = False,
    ) -> "Either[Subscription, aio.Subscription]":
        """Past events, then new ones, without end: of one stream behind the revision `after`, or
        of all streams behind the position `after`. END: only what is appended from now on; of all
        streams, from when the iteration begins. A time: what was taken in at or after it."""
        request = api.SubscribeRequest(
            stream=stream,
            checkpoint_interval=checkpoint_interval,
            upcast=upcast,
            **place_fields(after, "after_revision" if stream else "after_position"),
        )
        if query is not None:
            request.query.CopyFrom(query_message(query))
        if filter is not None:
            request.filter.CopyFrom(filter_message(filter))
        return self._calls.subscribe(self._store.Subscribe, SubscriptionProgress(request))

    # --- looking around --------------------------------------------------------

    @either
    def get_stream(self, stream: str) -> Answer[StreamInfo]:
        """StreamNotFound if it has no event."""
        request = api.GetStreamRequest(stream=stream)
        return self._calls.unary(
            self._store.GetStream, request, lambda answer: stream_info(answer.stream)
        )

    @either
    def list_streams(self, prefix: str = "", *, page_size: int = PAGE_SIZE) -> Items[StreamInfo]:
        """In the byte order of their names, as many pages as there are."""
        request = api.ListStreamsRequest(prefix=prefix, page_size=page_size)
        return self._calls.pages(
            self._store.ListStreams, request, lambda page: map(stream_info, page.streams)
        )

    @either
    def list_event_types(self, prefix: str = "", *, page_size: int = PAGE_SIZE) -> Items[str]:
        """All that were ever appended, in byte order."""
        request = api.ListEventTypesRequest(prefix=prefix, page_size=page_size)
        return self._calls.pages(self._store.ListEventTypes, request, lambda page: page.types)

    @either
    def list_categories(self, prefix: str = "", *, page_size: int = PAGE_SIZE) -> Items[str]:
        """Of all streams that ever were, in byte order."""
        request = api.ListCategoriesRequest(prefix=prefix, page_size=page_size)
        return self._calls.pages(self._store.ListCategories, request, lambda page: page.categories)

    @either
    def info(self) -> Answer[ServerInfo]:
        request = admin_pb2.GetInfoRequest()
        return self._calls.unary(self._admin.GetInfo, request, server_info)

    # --- retention -------------------------------------------------------------

    @either
    def set_stream_policy(
        self, stream: str, policy: StreamPolicy = StreamPolicy(), *, truncate_before: int = 0
    ) -> Answer[None]:
        """Takes the place of the one before, and of its category's; an empty one gives way to
        that again. Also hides the events before the revision `truncate_before`, for ever."""
        request = api.SetStreamPolicyRequest(
            stream=stream, policy=policy_message(policy), truncate_before=truncate_before
        )
        return self._calls.unary(self._store.SetStreamPolicy, request, nothing)

    @either
    def set_category_policy(
        self, category: str, policy: StreamPolicy = StreamPolicy()
    ) -> Answer[None]:
        """For each stream of the category that has no policy of its own."""
        request = api.SetStreamPolicyRequest(category=category, policy=policy_message(policy))
        return self._calls.unary(self._store.SetStreamPolicy, request, nothing)

    @either
    def get_stream_policy(self, stream: str) -> Answer[StreamPolicy]:
        """As it was set; empty if it never was."""
        request = api.GetStreamPolicyRequest(stream=stream)
        return self._calls.unary(self._store.GetStreamPolicy, request, _policy)

    @either
    def get_category_policy(self, category: str) -> Answer[StreamPolicy]:
        """As it was set; empty if it never was."""
        request = api.GetStreamPolicyRequest(category=category)
        return self._calls.unary(self._store.GetStreamPolicy, request, _policy)

    @either
    def delete_stream(self, stream: str, *, expected: Expected) -> Answer[None]:
        """Hides all events that it has. What is appended later goes on behind them."""
        request = api.DeleteStreamRequest(stream=stream, **expected_fields(expected))
        return self._calls.unary(self._store.DeleteStream, request, nothing)

    @either
    def tombstone_stream(self, stream: str, *, expected: Expected) -> Answer[None]:
        """Deletes it for ever: nothing can be appended to it any more."""
        request = api.TombstoneStreamRequest(stream=stream, **expected_fields(expected))
        return self._calls.unary(self._store.TombstoneStream, request, nothing)


def _direction(backwards: bool) -> int:
    return api.DIRECTION_BACKWARDS if backwards else api.DIRECTION_FORWARDS


def _events(page: Any) -> Iterator[RecordedEvent]:
    return map(recorded, page.events)


def _policy(answer: api.GetStreamPolicyResponse) -> StreamPolicy:
    return stream_policy(answer.policy)
