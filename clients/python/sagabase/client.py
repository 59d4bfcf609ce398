"""The door to a server."""

from typing import Any, List, Mapping, Sequence, Tuple, Union

import grpc

from .calls import Calls
from .either import Blocking
from .participant import Handler, Participant
from .reducers import Reducers
from .retry import Retry
from .sagas import Sagas
from .session import AppendSession
from .snapshots import Snapshots
from .store import StoreMethods
from .v1 import participant_pb2_grpc

MESSAGE_BYTES_MAX = 16 << 20
PING_MS = 20_000  # how soon a subscription learns that its connection is dead


def channel_options(retry: Retry, options: Union[Mapping[str, Any], None]) -> List[Tuple[str, Any]]:
    """What a channel needs; `options` go before it."""
    every = {
        "grpc.max_receive_message_length": MESSAGE_BYTES_MAX,
        "grpc.keepalive_time_ms": PING_MS,
        "grpc.initial_reconnect_backoff_ms": int(retry.delay * 1000) or 1,
        "grpc.max_reconnect_backoff_ms": int(retry.delay_max * 1000) or 1,
        **(options or {}),
    }
    return list(every.items())


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
    every = channel_options(retry, options)
    if credentials is None:
        channel = grpc.insecure_channel(address, options=every)
    else:
        channel = grpc.secure_channel(address, credentials, options=every)
    return Client(channel, retry, timeout)


class Client(StoreMethods, Blocking):
    """Any number of threads may share one."""

    def __init__(self, channel: grpc.Channel, retry: Retry, timeout: float) -> None:
        calls = Calls(channel, retry, timeout)
        super().__init__(channel, calls)
        # Here, as all stubs: gRPC crashes when one is made of a closed channel.
        self._participants = participant_pb2_grpc.ParticipantStub(channel)
        self._retry = retry
        self.sagas = Sagas(channel, calls)
        self.snapshots = Snapshots(channel, calls)
        self.reducers = Reducers(channel, calls)

    def close(self) -> None:
        """Ends its calls, too."""
        self._calls.close()

    def __enter__(self) -> "Client":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def append_session(self) -> AppendSession:
        """For many appends one after another that need not wait for each other."""
        return AppendSession(self._store.AppendSession, self._retry, self._calls.pause)

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
            self._calls.pause,
            queues,
            handlers,
            name,
            max_in_flight,
        )
