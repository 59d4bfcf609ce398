"""Many appends in flight on one call."""

import asyncio
from typing import TYPE_CHECKING, Any, Callable, List, Union

import grpc

from ..either import Asynchronous
from ..errors import SagabaseError, server_ended
from ..in_flight import IN_FLIGHT_MAX, Append, InFlight, ResultOf, SessionMethods, is_about_one
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
        self._sent = 0  # on it: the correlation id of the newest
        self._closed = False
        self._failure: Union[SagabaseError, None] = None
        self._task = asyncio.create_task(self._run(), name="sagabase-session")

    async def close(self) -> None:
        """Waits until every append has its result. If it is cancelled, nobody does any more."""
        self._closed = True
        self._send()
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
            raise self._failure or ValueError("the session is closed")
        future = asyncio.get_running_loop().create_future()
        self._in_flight.add(append, future, result_of)
        self._send()
        return future

    def _send(self) -> None:
        """On the call that is open: what has no answer yet, then what is new."""
        if self._exchange is None:
            return
        requests = self._in_flight.sendable(self._sent)
        if requests:
            self._exchange.send(requests)
            self._sent = requests[-1].correlation_id
        if self._closed and self._in_flight.is_sent(self._sent):
            self._exchange.end()

    async def _call_once(self) -> SagabaseError:
        """Runs one call to its end, and says why it ended."""
        try:
            self._exchange = Exchange(self._calls, self._method)
        except SagabaseError as error:
            return error
        self._sent = 0
        self._send()
        was_answered = False
        try:
            while (response := await self._exchange.receive()) is not grpc.aio.EOF:
                self._backoff.reset()
                was_answered = True
                for result in response.results:
                    self._in_flight.take(result).tell(result)
                    self._room.release()
                self._send()
            return server_ended("session")
        except SagabaseError as error:
            if self._exchange.is_unexplained and not was_answered:
                self._in_flight.send_alone()  # it may be about one of them
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
                if is_about_one(error) and self._in_flight:
                    self._single_out(error)
                else:
                    await self._calls.pause(self._backoff.delay_behind(error))
        except SagabaseError as final:
            self._failure = final
            for append in self._give_up():
                append.fail(final)
        finally:
            for append in self._give_up():
                append.future.cancel()

    def _single_out(self, error: SagabaseError) -> None:
        append = self._in_flight.single_out()
        if append is not None:
            append.fail(error)
            self._room.release()

    def _give_up(self) -> List[Append]:
        self._closed = True
        abandoned = self._in_flight.take_all()
        for _ in abandoned:
            self._room.release()
        return abandoned
