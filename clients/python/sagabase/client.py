"""The door to a server."""

import threading
from typing import Any, Callable, Iterator, Mapping, Sequence, Union

import grpc

from .errors import (
    SagabaseError,
    StreamNotFound,
    Unavailable,
    closed,
    error_of_call,
    error_of_read,
    starting,
)
from .events import (
    START,
    Appended,
    AppendedToMany,
    Condition,
    Edge,
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
    appended_to_many,
    expected_fields,
    filter_message,
    moment,
    place_fields,
    policy_message,
    proposed,
    query_message,
    recorded,
    stream_info,
    stream_policy,
)
from .participant import Handler, Participant
from .reducers import Reducers
from .retry import Backoff, Retry
from .sagas import Sagas
from .session import AppendSession
from .snapshots import Snapshots
from .subscription import Subscription
from .tracing import headers
from .v1 import admin_pb2, admin_pb2_grpc, event_store_pb2_grpc
from .v1 import event_store_pb2 as api
from .v1 import participant_pb2_grpc

MESSAGE_BYTES_MAX = 16 << 20
PING_MS = 20_000  # how soon a subscription learns that its connection is dead
PAGE_SIZE = 1000


def connect(
    address: str,
    *,
    credentials: Union[grpc.ChannelCredentials, None] = None,
    retry: Union[Retry, None] = None,
    timeout: float = 10.0,
    options: Union[Mapping[str, Any], None] = None,
) -> "Client":
    """A client of the server at "host:port". It connects when it is first used. `timeout` is for
    each attempt of a call, in seconds; `options` are those of the gRPC channel."""
    retry = retry or Retry()
    every = {
        "grpc.max_receive_message_length": MESSAGE_BYTES_MAX,
        "grpc.keepalive_time_ms": PING_MS,
        "grpc.initial_reconnect_backoff_ms": int(retry.delay * 1000) or 1,
        "grpc.max_reconnect_backoff_ms": int(retry.delay_max * 1000) or 1,
        **(options or {}),
    }
    if credentials is None:
        channel = grpc.insecure_channel(address, options=list(every.items()))
    else:
        channel = grpc.secure_channel(address, credentials, options=list(every.items()))
    return Client(channel, retry, timeout)


class Client:
    """Any number of threads may share one."""

    def __init__(self, channel: grpc.Channel, retry: Retry, timeout: float) -> None:
        self._channel = channel
        self._retry = retry
        self._timeout = timeout
        self._closed = threading.Event()
        self._store = event_store_pb2_grpc.EventStoreStub(channel)
        self._admin = admin_pb2_grpc.AdminStub(channel)
        # Here, as all stubs: gRPC crashes when one is made of a closed channel.
        self._participants = participant_pb2_grpc.ParticipantStub(channel)
        self.sagas = Sagas(channel, self._call, self._pages, retry, self._pause)
        self.snapshots = Snapshots(channel, self._call, self._responses, retry, self._pause)
        self.reducers = Reducers(channel, self._call)

    def close(self) -> None:
        """Ends its calls, too."""
        self._closed.set()
        self._channel.close()

    def __enter__(self) -> "Client":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # --- appending -----------------------------------------------------------

    def append(self, stream: str, events: Sequence[Event], *, expected: Expected) -> Appended:
        """Appends to one stream, all or nothing. WrongRevision if the stream is not as expected."""
        request = api.AppendToStreamRequest(
            stream=stream,
            events=[proposed(event) for event in events],
            **expected_fields(expected),
        )
        answer = self._call(self._store.AppendToStream, request)
        return Appended(
            answer.first_revision, answer.last_revision, answer.position, answer.replayed
        )

    def append_many(
        self,
        appends: Sequence[StreamAppend],
        checks: Sequence[StreamCheck] = (),
        *,
        condition: Union[Condition, None] = None,
    ) -> AppendedToMany:
        """Appends to several streams and checks others, all or nothing. ConditionFailed if an
        event is there that the condition forbids."""
        request = append_request(appends, checks, condition)
        return appended_to_many(self._call(self._store.Append, request))

    def append_session(self) -> AppendSession:
        """For many appends one after another that need not wait for each other."""
        return AppendSession(self._store.AppendSession, self._retry, self._pause)

    # --- reading -------------------------------------------------------------

    def read_stream(
        self,
        stream: str,
        *,
        start: Union[Place, None] = None,
        backwards: bool = False,
        count: int = 0,
        filter: Union[Filter, None] = None,
        upcast: bool = False,
    ) -> Iterator[RecordedEvent]:
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
        return self._read(self._store.ReadStream, request)

    def read_all(
        self,
        *,
        start: Union[Place, None] = None,
        backwards: bool = False,
        count: int = 0,
        query: Union[Query, None] = None,
        filter: Union[Filter, None] = None,
        upcast: bool = False,
    ) -> Iterator[RecordedEvent]:
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
        return self._read(self._store.ReadAll, request)

    def subscribe(
        self,
        stream: str = "",
        *,
        after: Place = START,
        query: Union[Query, None] = None,
        filter: Union[Filter, None] = None,
        checkpoint_interval: int = 0,
        upcast: bool = False,
    ) -> Subscription:
        """Past events, then new ones, without end: of one stream behind the revision `after`, or
        of all streams behind the position `after`. END: only what is appended from now on; of all
        streams, from when the iteration begins. A time: what was taken in at or after it."""
        if stream and after is Edge.END:
            after = self._last_revision(stream)
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
        return Subscription(self._store.Subscribe, request, self._retry, self._pause)

    # --- looking around --------------------------------------------------------

    def get_stream(self, stream: str) -> StreamInfo:
        """StreamNotFound if it has no event."""
        request = api.GetStreamRequest(stream=stream)
        return stream_info(self._call(self._store.GetStream, request).stream)

    def list_streams(self, prefix: str = "", *, page_size: int = PAGE_SIZE) -> Iterator[StreamInfo]:
        """In the byte order of their names, as many pages as there are."""
        request = api.ListStreamsRequest(prefix=prefix, page_size=page_size)
        for page in self._pages(self._store.ListStreams, request):
            yield from map(stream_info, page.streams)

    def list_event_types(self, prefix: str = "", *, page_size: int = PAGE_SIZE) -> Iterator[str]:
        """All that were ever appended, in byte order."""
        request = api.ListEventTypesRequest(prefix=prefix, page_size=page_size)
        for page in self._pages(self._store.ListEventTypes, request):
            yield from page.types

    def list_categories(self, prefix: str = "", *, page_size: int = PAGE_SIZE) -> Iterator[str]:
        """Of all streams that ever were, in byte order."""
        request = api.ListCategoriesRequest(prefix=prefix, page_size=page_size)
        for page in self._pages(self._store.ListCategories, request):
            yield from page.categories

    def info(self) -> ServerInfo:
        answer = self._call(self._admin.GetInfo, admin_pb2.GetInfoRequest())
        return ServerInfo(
            version=answer.version,
            commit=answer.commit,
            engine=answer.engine,
            events=answer.events,
            streams=answer.streams,
            types=answer.types,
            started=moment(answer.started_us),
            position=answer.position if answer.HasField("position") else None,
        )

    # --- retention -------------------------------------------------------------

    def set_stream_policy(
        self, stream: str, policy: StreamPolicy = StreamPolicy(), *, truncate_before: int = 0
    ) -> None:
        """Takes the place of the one before, and of its category's; an empty one gives way to
        that again. Also hides the events before the revision `truncate_before`, for ever."""
        self._call(
            self._store.SetStreamPolicy,
            api.SetStreamPolicyRequest(
                stream=stream, policy=policy_message(policy), truncate_before=truncate_before
            ),
        )

    def set_category_policy(self, category: str, policy: StreamPolicy = StreamPolicy()) -> None:
        """For each stream of the category that has no policy of its own."""
        self._call(
            self._store.SetStreamPolicy,
            api.SetStreamPolicyRequest(category=category, policy=policy_message(policy)),
        )

    def get_stream_policy(self, stream: str) -> StreamPolicy:
        """As it was set; empty if it never was."""
        request = api.GetStreamPolicyRequest(stream=stream)
        return stream_policy(self._call(self._store.GetStreamPolicy, request).policy)

    def get_category_policy(self, category: str) -> StreamPolicy:
        """As it was set; empty if it never was."""
        request = api.GetStreamPolicyRequest(category=category)
        return stream_policy(self._call(self._store.GetStreamPolicy, request).policy)

    def delete_stream(self, stream: str, *, expected: Expected) -> None:
        """Hides all events that it has. What is appended later goes on behind them."""
        request = api.DeleteStreamRequest(stream=stream, **expected_fields(expected))
        self._call(self._store.DeleteStream, request)

    def tombstone_stream(self, stream: str, *, expected: Expected) -> None:
        """Deletes it for ever: nothing can be appended to it any more."""
        request = api.TombstoneStreamRequest(stream=stream, **expected_fields(expected))
        self._call(self._store.TombstoneStream, request)

    # --- sagas -----------------------------------------------------------------

    def participant(
        self,
        queues: Sequence[str],
        handlers: Mapping[str, Handler],
        *,
        name: str = "",
        max_in_flight: int = 10,
    ) -> Participant:
        """Takes commands from these queues; `run` it. Handlers, by type of command, run on
        threads of their own, at most `max_in_flight` of each queue at once."""
        return Participant(
            self._participants.Work,
            self._retry,
            self._pause,
            queues,
            handlers,
            name,
            max_in_flight,
        )

    # --- the calls -------------------------------------------------------------

    def _call(self, method: Callable, request: Any) -> Any:
        """Repeats what may be repeated: the request, and with it the event ids, stays the same."""
        backoff = Backoff(self._retry)
        while True:
            try:
                with starting():
                    return method(request, timeout=self._timeout, metadata=headers())
            except grpc.RpcError as failed:
                error = self._error_of(failed)
                delay = backoff.next_delay() if isinstance(error, Unavailable) else None
                if delay is None:
                    raise error from failed
            self._pause(delay, threading.Event())

    def _pages(self, method: Callable, request: Any) -> Iterator[Any]:
        while True:
            page = self._call(method, request)
            yield page
            if not page.next_page_token:
                return
            request.page_token = page.next_page_token

    def _pause(self, delay: float, end: threading.Event) -> None:
        """Until `end` is set, at most `delay` seconds. A channel gets on with connecting only
        while a call waits for it. Raises what a closed client does."""
        if self._closed.is_set():
            raise closed()
        with starting():
            waits = self._admin.GetInfo.future(
                admin_pb2.GetInfoRequest(), timeout=delay, wait_for_ready=True
            )
        end.wait(delay)
        waits.cancel()

    def _responses(self, method: Callable, request: Any) -> Iterator[Any]:
        """Of a read, which is not resumed."""
        with starting():
            call = method(request, metadata=headers())
        try:
            yield from call
        except grpc.RpcError as failed:
            raise error_of_read(self._error_of(failed), request) from failed
        finally:
            call.cancel()  # when the reader stops before the end

    def _read(self, method: Callable, request: Any) -> Iterator[RecordedEvent]:
        for page in self._responses(method, request):
            yield from map(recorded, page.events)

    def _error_of(self, failed: grpc.RpcError) -> SagabaseError:
        return closed() if self._closed.is_set() else error_of_call(failed)

    def _last_revision(self, stream: str) -> Union[int, Edge]:
        """Where END is now. A subscription that is resumed has to know where it began."""
        try:
            return self.get_stream(stream).last_revision
        except StreamNotFound:
            return START


def _direction(backwards: bool) -> int:
    return api.DIRECTION_BACKWARDS if backwards else api.DIRECTION_FORWARDS
