"""The door to a server."""

import asyncio
from typing import Any, Mapping, Sequence, Union

import grpc

from ..client import channel_options
from ..either import Asynchronous
from ..reducers import ReducerMethods
from ..retry import Retry
from ..sagas import SagaMethods
from ..store import StoreMethods
from ..v1 import participant_pb2_grpc
from .calls import Calls
from .participant import Handler, Participant
from .session import AppendSession
from .snapshots import Snapshots


def connect(
    address: str,
    *,
    credentials: Union[grpc.ChannelCredentials, None] = None,
    retry: Union[Retry, None] = None,
    timeout: float = 10.0,
    options: Union[Mapping[str, Any], None] = None,
) -> "Client":
    """As `sagabase.connect`, where an event loop runs: the client belongs to it."""
    asyncio.get_running_loop()
    retry = retry or Retry()
    every = channel_options(retry, options)
    if credentials is None:
        channel = grpc.aio.insecure_channel(address, options=every)
    else:
        channel = grpc.aio.secure_channel(address, credentials, options=every)
    return Client(channel, retry, timeout)


class Client(StoreMethods, Asynchronous):
    """Any number of tasks may share one."""

    def __init__(self, channel: grpc.aio.Channel, retry: Retry, timeout: float) -> None:
        calls = Calls(channel, retry, timeout)
        super().__init__(channel, calls)
        self._participant = participant_pb2_grpc.ParticipantStub(channel)
        self.sagas = Sagas(channel, calls)
        self.snapshots = Snapshots(channel, calls)
        self.reducers = Reducers(channel, calls)

    async def close(self) -> None:
        """Ends its calls, too."""
        await self._calls.close()

    async def __aenter__(self) -> "Client":
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    def append_session(self) -> AppendSession:
        """For many appends one after another that need not wait for each other."""
        return AppendSession(self._calls, self._store.AppendSession)

    # --- sagas -----------------------------------------------------------------

    def participant(
        self,
        queues: Sequence[str],
        handlers: Mapping[str, Handler],
        *,
        name: str = "",
        max_in_flight: int = 10,
    ) -> Participant:
        """Takes commands from these queues; `run` it. Handlers, by type of command, run in tasks
        of their own, at most `max_in_flight` of each queue at once."""
        return Participant(
            self._calls, self._participant.Work, queues, handlers, name, max_in_flight
        )


class Sagas(SagaMethods, Asynchronous):
    """`client.sagas`. Any number of tasks may share one."""


class Reducers(ReducerMethods, Asynchronous):
    """`client.reducers`. Any number of tasks may share one."""
