"""Taking part in sagas: commands in, replies out."""

import asyncio
from typing import TYPE_CHECKING, Any, Awaitable, Callable, List, Mapping, Sequence, Set, Union

import grpc

from ..errors import SagabaseError, server_ended
from ..leases import Cancellation
from ..retry import Backoff
from ..v1 import participant_pb2 as api
from ..work import Command, Done, Ongoing, Work, command_of, fill, handler_of, replying
from .exchange import Exchange

if TYPE_CHECKING:
    from .calls import Calls

Handler = Callable[[Command], Awaitable[Union[Done, Ongoing, None]]]

# Not of the handler's own doing.
_PASSING = (asyncio.CancelledError, GeneratorExit, KeyboardInterrupt)


class Participant:
    """Takes the commands of some queues and calls a handler for each, by the command's type, in a
    task of its own. Replies are kept until the server has taken them, and sent again over a new
    connection."""

    def __init__(
        self,
        calls: "Calls",
        method: Callable,
        queues: Sequence[str],
        handlers: Mapping[str, Handler],
        name: str,
        max_in_flight: int,
    ) -> None:
        self._calls = calls
        self._method = method
        self._backoff = Backoff(calls.retry)
        self._handlers = dict(handlers)
        self._owed = Work(queues, name, max_in_flight)
        self._handling: Set[asyncio.Task] = set()
        self._exchange: Union[Exchange, None] = None  # that is open
        self._beating: Union[asyncio.TimerHandle, None] = None  # on it
        self._closed = False
        self._idle = asyncio.Event()
        self._idle.set()

    async def run(self) -> None:
        """Until `close` is called, or the server cannot be reached any more. If it is cancelled,
        so are the handlers, and what has no reply yet is handed to others."""
        self._idle.clear()
        try:
            while not self._is_done():
                error = await self._call_once()
                if not self._is_done():
                    await self._calls.pause(self._backoff.delay_behind(error))
        finally:
            for handling in self._handling:
                handling.cancel()
            if self._handling:
                await asyncio.wait(self._handling)
            self._owed.give_up()
            self._idle.set()

    async def close(self) -> None:
        """Takes no more commands, and waits until `run` has replied to those that it has. Any
        task; called by a handler it does not wait."""
        self._drain()
        if asyncio.current_task() not in self._handling:
            await self._idle.wait()

    async def __aenter__(self) -> "Participant":
        return self

    async def __aexit__(self, kind: Any, *_: object) -> None:
        self._drain()
        if kind is None or not issubclass(kind, asyncio.CancelledError):
            await self.close()

    def _drain(self) -> None:
        if not self._closed:
            self._closed = True
            self._send(self._owed.drain())

    def _is_done(self) -> bool:
        return self._closed and self._owed.is_settled()

    # --- one connection ----------------------------------------------------------

    async def _call_once(self) -> SagabaseError:
        try:
            self._exchange = Exchange(self._calls, self._method)
        except SagabaseError as error:
            return error
        self._exchange.send(self._owed.opening())
        try:
            while (message := await self._exchange.receive()) is not grpc.aio.EOF:
                self._backoff.reset()
                self._receive(message)
                self._beat()
            return server_ended("stream")
        except SagabaseError as error:
            return error
        finally:
            self._exchange.close()
            self._exchange = None
            if self._beating is not None:
                self._beating.cancel()

    def _beat(self) -> None:
        """Sends the heartbeats that are due, and again when the next is."""
        self._send(self._owed.leases.beats())
        if self._beating is not None:
            self._beating.cancel()
        seconds = self._owed.leases.beats_in()
        if seconds is not None:
            self._beating = asyncio.get_running_loop().call_later(seconds, self._beat)

    def _send(self, requests: List[api.WorkRequest]) -> None:
        """Without a connection they are sent when there is one: `Work` knows."""
        if self._exchange is not None:
            self._exchange.send(requests)

    def _receive(self, message: api.WorkResponse) -> None:
        commands, requests = self._owed.receive(message)
        self._send(requests)
        for command in commands:
            cancellation = self._owed.leases.cancellation_of(command)
            handling = asyncio.create_task(
                self._handle(command, cancellation), name="sagabase-participant"
            )
            self._handling.add(handling)
            handling.add_done_callback(self._handling.discard)

    async def _handle(self, message: api.Command, cancellation: Cancellation) -> None:
        with replying(message, passing=_PASSING) as reply:
            fill(reply, await self._result_of(message, cancellation))
        self._send(self._owed.reply(message, reply))

    async def _result_of(
        self, message: api.Command, cancellation: Cancellation
    ) -> Union[Done, Ongoing, None]:
        handler: Handler = handler_of(self._handlers, message)
        task = asyncio.current_task()
        assert task is not None
        try:
            return await handler(command_of(message, cancellation))
        except asyncio.CancelledError as cancelled:
            if task.cancelling():
                raise
            raise RuntimeError("the handler was cancelled from within") from cancelled
