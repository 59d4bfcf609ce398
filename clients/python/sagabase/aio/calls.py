"""How the client of asyncio makes its calls."""

import asyncio
import contextlib
import weakref
from typing import Any, AsyncIterator, Callable, Iterable, Iterator, TypeVar, Union

import grpc

from ..errors import (
    SagabaseError,
    StreamNotFound,
    ToldAs,
    closed,
    error_of_call,
    server_ended,
    told_of_read,
)
from ..progress import Progress, SubscriptionProgress
from ..retry import Backoff, Retry
from ..tracing import headers
from ..v1 import event_store_pb2, event_store_pb2_grpc, snapshots_pb2
from .snapshots import DueStreams, Loaded
from .subscription import Subscription

T = TypeVar("T")


class Calls:
    """Of one client. `sagabase.calls.Calls` has the same methods."""

    def __init__(self, channel: grpc.aio.Channel, retry: Retry, timeout: float) -> None:
        self._channel = channel
        self.retry = retry
        self._timeout = timeout
        self._closed = False
        self._underway: weakref.WeakSet = weakref.WeakSet()  # calls and pauses
        self._store = event_store_pb2_grpc.EventStoreStub(channel)

    async def close(self) -> None:
        self._closed = True
        for underway in list(self._underway):
            underway.cancel()
        await self._channel.close()

    async def unary(
        self, method: Callable, request: Any, read: Callable[[Any], T], told_as: ToldAs = {}
    ) -> T:
        """Repeats what may be repeated: the request, and with it the event ids, stays the same."""
        backoff = Backoff(self.retry)
        while True:
            call = self.start(method, request, timeout=self._timeout, metadata=headers())
            try:
                with self.awaiting(call, told_as):
                    return read(await call)
            except SagabaseError as error:
                delay = backoff.delay_behind(error)
            await self.pause(delay)

    async def pages(
        self, method: Callable, request: Any, read: Callable[[Any], Iterable[T]]
    ) -> AsyncIterator[T]:
        while True:
            page = await self.unary(method, request, lambda answer: answer)
            for item in read(page):
                yield item
            if not page.next_page_token:
                return
            request.page_token = page.next_page_token

    async def read(
        self, method: Callable, request: Any, read: Callable[[Any], Iterable[T]]
    ) -> AsyncIterator[T]:
        """A read is not resumed."""
        call = self.start(method, request, metadata=headers())
        told_as = told_of_read(request)
        try:
            while (message := await self.receive(call, told_as)) is not grpc.aio.EOF:
                for item in read(message):
                    yield item
        finally:
            call.cancel()  # when the reader stops before the end

    async def load(self, method: Callable, request: Any) -> Loaded:
        pages = self.read(method, request, lambda page: (page,))
        return Loaded(await anext(pages, snapshots_pb2.LoadStreamResponse()), pages)

    async def last(
        self, method: Callable, request: Any, read: Callable[[Any], T], told_as: ToldAs = {}
    ) -> T:
        """Of a call's messages, over as many connections as it takes."""
        backoff = Backoff(self.retry)
        while True:
            newest = None
            call = self.start(method, request, metadata=headers())
            try:
                while (message := await self.receive(call, told_as)) is not grpc.aio.EOF:
                    backoff.reset()
                    newest = message
                if newest is not None:
                    return read(newest)
                delay = backoff.delay_behind(server_ended("call"))
            except SagabaseError as error:
                delay = backoff.delay_behind(error)
            await self.pause(delay)

    def subscribe(self, method: Callable, progress: SubscriptionProgress) -> Subscription:
        return Subscription(self, method, progress)

    def due(self, method: Callable, progress: Progress) -> DueStreams:
        return DueStreams(self, method, progress)

    async def last_revision(self, stream: str) -> Union[int, None]:
        request = event_store_pb2.GetStreamRequest(stream=stream)
        try:
            return await self.unary(
                self._store.GetStream, request, lambda answer: answer.stream.last_revision
            )
        except StreamNotFound:
            return None

    # --- what all of them are made of ------------------------------------------

    def start(self, method: Callable, *request: Any, **options: Any) -> Any:
        """A call, which `close` ends, too."""
        if self._closed:
            raise closed()
        call = method(*request, **options)
        self._underway.add(call)
        return call

    async def receive(self, call: Any, told_as: ToldAs = {}) -> Any:
        """The next message, or grpc.aio.EOF."""
        with self.awaiting(call, told_as):
            return await call.read()

    async def pause(self, delay: float) -> None:
        """So many seconds. Raises what a closed client does."""
        pause = self.start_pause(delay)
        with self.awaiting(pause):
            await pause

    def start_pause(self, delay: float) -> asyncio.Future:
        """In the meantime the channel gets on with connecting."""
        if self._closed:
            raise closed()
        self._channel.get_state(try_to_connect=True)
        pause = asyncio.ensure_future(asyncio.sleep(delay))
        self._underway.add(pause)
        return pause

    @contextlib.contextmanager
    def awaiting(self, underway: Any, told_as: ToldAs = {}) -> Iterator[None]:
        """A call or a pause. One that is ended from elsewhere looks like one whose task was
        cancelled: the task's own count tells them apart."""
        task = asyncio.current_task()
        assert task is not None
        cancelled = task.cancelling()
        try:
            yield
        except grpc.RpcError as failed:
            if self._closed:
                raise closed() from failed
            raise error_of_call(failed, told_as) from failed
        except asyncio.CancelledError:
            underway.cancel()
            if task.cancelling() > cancelled:
                raise
            raise closed() from None
