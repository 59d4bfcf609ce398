"""Many appends in flight on one call."""

import asyncio
from typing import TYPE_CHECKING, Any, Callable, List, Union

import grpc

from ..either import Asynchronous
from ..errors import SagabaseError, server_ended
from ..in_flight import IN_FLIGHT_MAX, Append, InFlight, ResultOf, SessionMethods
from ..retry import Backoff
from ..v1 import event_store_pb2 as api
from .exchange import Exchange

if TYPE_CHECKING:
    from .calls import Calls


class AppendSession(SessionMethods, Asynchronous):
    """Appends are committed in the order in which they are made, each at most once; the futures
    tell what became of them. `append` returns its future when there is room: at most 256 are in
    flight. If the connection breaks, what has no answer yet is sent again with the same event ids.
    Any task."""

    def __init__(self, calls: "Calls", method: Callable) -> None:
        self._calls = calls
        self._method = method
        self._backoff = Backoff(calls.retry)
        self._in_flight = InFlight()
        self._room = asyncio.Semaphore(IN_FLIGHT_MAX)
        self._exchange: Union[Exchange, None] = None  # that is open
        self._closed = False
        self._task = asyncio.create_task(self._run(), name="sagabase-session")

    async def close(self) -> None:
        """Waits until every append has its result. If it is cancelled, nobody does any more."""
        self._closed = True
        if self._exchange is not None:
            self._exchange.end()
        try:
            await asyncio.wait([self._task])
        except asyncio.CancelledError:
            self._task.cancel()
            raise

    async def __aenter__(self) -> "AppendSession":
        return self

    async def __aexit__(self, kind: Any, *_: object) -> None:
        if kind is not None and issubclass(kind, asyncio.CancelledError):
            self._task.cancel()
        await self.close()

    async def _submit(self, append: api.AppendRequest, result_of: ResultOf) -> asyncio.Future:
        await self._room.acquire()
        if self._closed:
            self._room.release()
            raise ValueError("the session is closed")
        future = asyncio.get_running_loop().create_future()
        request = self._in_flight.add(append, future, result_of)
        if self._exchange is not None:
            self._exchange.send([request])
        return future

    async def _call_once(self) -> SagabaseError:
        """Runs one call to its end, and says why it ended."""
        try:
            self._exchange = Exchange(self._calls, self._method)
        except SagabaseError as error:
            return error
        self._exchange.send(self._in_flight.behind(0))
        if self._closed:
            self._exchange.end()
        try:
            while (response := await self._exchange.receive()) is not grpc.aio.EOF:
                self._backoff.reset()
                for result in response.results:
                    self._in_flight.take(result).tell(result)
                    self._room.release()
            return server_ended("session")
        except SagabaseError as error:
            return error
        finally:
            self._exchange.close()
            self._exchange = None

    async def _run(self) -> None:
        try:
            while True:
                error = await self._call_once()
                if self._closed and not self._in_flight:
                    return
                await self._calls.pause(self._backoff.delay_behind(error))
        except SagabaseError as final:
            for append in self._give_up():
                append.fail(final)
        finally:
            for append in self._give_up():
                append.future.cancel()

    def _give_up(self) -> List[Append]:
        self._closed = True
        abandoned = self._in_flight.take_all()
        for _ in abandoned:
            self._room.release()
        return abandoned
