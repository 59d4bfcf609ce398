"""How the blocking client makes its calls."""

import threading
from typing import Any, Callable, Iterable, Iterator, TypeVar, Union

import grpc

from .errors import (
    SagabaseError,
    StreamNotFound,
    ToldAs,
    closed,
    error_of_call,
    server_ended,
    starting,
    told_of_read,
)
from .progress import Progress, SubscriptionProgress
from .retry import Backoff, Retry
from .snapshots import DueStreams, Loaded
from .subscription import Subscription
from .tracing import headers
from .v1 import admin_pb2, admin_pb2_grpc, event_store_pb2, event_store_pb2_grpc

T = TypeVar("T")


class Calls:
    """Of one client. `aio.calls.Calls` has the same methods."""

    def __init__(self, channel: grpc.Channel, retry: Retry, timeout: float) -> None:
        self._channel = channel
        self._retry = retry
        self._timeout = timeout
        self._closed = threading.Event()
        self._store = event_store_pb2_grpc.EventStoreStub(channel)
        self._admin = admin_pb2_grpc.AdminStub(channel)

    def close(self) -> None:
        self._closed.set()
        self._channel.close()

    def unary(
        self, method: Callable, request: Any, read: Callable[[Any], T], told_as: ToldAs = {}
    ) -> T:
        """Repeats what may be repeated: the request, and with it the event ids, stays the same."""
        backoff = Backoff(self._retry)
        while True:
            try:
                with starting():
                    answer = method(request, timeout=self._timeout, metadata=headers())
                return read(answer)
            except grpc.RpcError as failed:
                error = self._error_of(failed, told_as)
            self.pause(backoff.delay_behind(error))

    def pages(
        self, method: Callable, request: Any, read: Callable[[Any], Iterable[T]]
    ) -> Iterator[T]:
        while True:
            page = self.unary(method, request, lambda answer: answer)
            yield from read(page)
            if not page.next_page_token:
                return
            request.page_token = page.next_page_token

    def read(
        self, method: Callable, request: Any, read: Callable[[Any], Iterable[T]]
    ) -> Iterator[T]:
        """A read is not resumed."""
        for message in self._messages(method, request):
            yield from read(message)

    def load(self, method: Callable, request: Any) -> Loaded:
        return Loaded(self._messages(method, request))

    def last(
        self, method: Callable, request: Any, read: Callable[[Any], T], told_as: ToldAs = {}
    ) -> T:
        """Of a call's messages, over as many connections as it takes."""
        backoff = Backoff(self._retry)
        while True:
            newest = None
            with starting():
                call = method(request, metadata=headers())
            try:
                for newest in call:
                    backoff.reset()
                if newest is not None:
                    return read(newest)
                error: SagabaseError = server_ended("call")
            except grpc.RpcError as broken:
                error = error_of_call(broken, told_as)
            self.pause(backoff.delay_behind(error))

    def subscribe(self, method: Callable, progress: SubscriptionProgress) -> Subscription:
        if progress.lacks_start():
            progress.starts_behind(self._last_revision(progress.request.stream))
        return Subscription(method, progress, self._retry, self.pause)

    def due(self, method: Callable, progress: Progress) -> DueStreams:
        return DueStreams(method, progress, self._retry, self.pause)

    def pause(self, delay: float, end: Union[threading.Event, None] = None) -> None:
        """Until `end` is set, at most `delay` seconds. A channel gets on with connecting only
        while a call waits for it. Raises what a closed client does."""
        if self._closed.is_set():
            raise closed()
        with starting():
            waits = self._admin.GetInfo.future(
                admin_pb2.GetInfoRequest(), timeout=delay, wait_for_ready=True
            )
        (end or threading.Event()).wait(delay)
        waits.cancel()

    def _messages(self, method: Callable, request: Any) -> Iterator[Any]:
        with starting():
            call = method(request, metadata=headers())
        try:
            yield from call
        except grpc.RpcError as failed:
            raise self._error_of(failed, told_of_read(request)) from failed
        finally:
            call.cancel()  # when the reader stops before the end

    def _error_of(self, failed: grpc.RpcError, told_as: ToldAs) -> SagabaseError:
        return closed() if self._closed.is_set() else error_of_call(failed, told_as)

    def _last_revision(self, stream: str) -> Union[int, None]:
        request = event_store_pb2.GetStreamRequest(stream=stream)
        try:
            return self.unary(
                self._store.GetStream, request, lambda answer: answer.stream.last_revision
            )
        except StreamNotFound:
            return None
