"""One call that sends while it receives."""

import asyncio
from typing import TYPE_CHECKING, Any, Callable, Iterable

import grpc

from ..errors import SagabaseError, server_ended

if TYPE_CHECKING:
    from .calls import Calls


class Exchange:
    """`close` it when it has ended, too. What waits to be sent is bounded by what its user may have
    in flight."""

    def __init__(self, calls: "Calls", method: Callable) -> None:
        self._calls = calls
        self._call = calls.start(method)
        self._outbox: asyncio.Queue = asyncio.Queue()
        self.is_unexplained = False  # it ended while it sent, and nothing tells why
        self._is_writing = False
        self._sending = asyncio.create_task(self._send(), name="sagabase-exchange")

    def send(self, requests: Iterable[Any]) -> None:
        """In this order, when the server takes them."""
        for request in requests:
            self._outbox.put_nowait(request)

    def end(self) -> None:
        """Nothing more is sent."""
        self._outbox.put_nowait(None)

    async def receive(self) -> Any:
        """The next message, or grpc.aio.EOF."""
        try:
            return await self._calls.receive(self._call)
        except SagabaseError as error:
            if not self._is_writing or error.code is not grpc.StatusCode.INTERNAL:
                raise
            self.is_unexplained = True  # INTERNAL is grpc.aio's own word for it
            raise server_ended("stream") from error

    def close(self) -> None:
        self._call.cancel()
        self._sending.cancel()

    async def _send(self) -> None:
        try:
            while (request := await self._outbox.get()) is not None:
                self._is_writing = True
                await self._call.write(request)
                self._is_writing = False
            await self._call.done_writing()
        except (grpc.RpcError, asyncio.InvalidStateError):
            return  # the call is over: `receive` tells why
