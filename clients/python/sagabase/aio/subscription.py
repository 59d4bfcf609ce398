"""Past events, then new ones, over as many connections as it takes."""

from typing import TYPE_CHECKING, Any, AsyncIterator, Callable, Iterator

import grpc

from ..errors import SagabaseError, server_ended
from ..progress import Item, Progress, SubscriptionProgress
from ..retry import Backoff

if TYPE_CHECKING:
    from .calls import Calls


class Following:
    """Iterate over it, in one task at a time, over as many connections as it takes. If that task
    is cancelled, so is the call; the next iteration goes on behind the last item all the same.
    So it does after an error. `close` ends the iteration and may be called by any task."""

    def __init__(self, calls: "Calls", method: Callable[[Any], Any], progress: Progress) -> None:
        self._calls = calls
        self._method = method
        self._progress = progress
        self._backoff = Backoff(calls.retry)
        self._call: Any = None
        self._underway: Any = None  # the call, or the pause before the next one
        self._items: Iterator[Any] = iter(())
        self._closed = False

    def __aiter__(self) -> AsyncIterator[Any]:
        return self

    async def __anext__(self) -> Any:
        while not self._closed:
            for item in self._items:
                return item
            try:
                self._items = self._progress.items(await self._receive())
                self._backoff.reset()
            except SagabaseError as error:
                if not self._closed:
                    await self._pause(self._delay_behind(error))
        raise StopAsyncIteration

    async def __aenter__(self) -> Any:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        self._closed = True
        if self._underway is not None:
            self._underway.cancel()

    def _delay_behind(self, error: SagabaseError) -> float:
        try:
            return self._backoff.delay_behind(error)
        except SagabaseError:
            self._backoff.reset()  # for whoever iterates on
            raise

    async def _receive(self) -> Any:
        if self._call is None:
            self._call = self._calls.start(self._method, self._progress.request)
            self._underway = self._call
        call, self._call = self._call, None  # it is over, unless a message comes
        message = await self._calls.receive(call, self._progress.told_as)
        if message is grpc.aio.EOF:
            raise server_ended("subscription")
        self._call = call
        return message

    async def _pause(self, delay: float) -> None:
        self._underway = self._calls.start_pause(delay)
        try:
            with self._calls.awaiting(self._underway):
                await self._underway
        except SagabaseError:
            if not self._closed:
                raise


class Subscription(Following):
    """After a lost connection it goes on behind the last event or checkpoint that was handed
    out: each event comes once, in order. It begins with the first iteration, END too."""

    _progress: SubscriptionProgress

    def __aiter__(self) -> AsyncIterator[Item]:
        return self

    async def __anext__(self) -> Item:
        return await super().__anext__()

    async def __aenter__(self) -> "Subscription":
        return self

    async def _receive(self) -> Any:
        if self._progress.lacks_start():
            stream = self._progress.request.stream
            self._progress.starts_behind(await self._calls.last_revision(stream))
        return await super()._receive()
