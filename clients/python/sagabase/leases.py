"""The commands that a participant is working on: their leases, heartbeats and cancellations."""

import dataclasses
import time
from typing import Dict, List, Union

from .v1 import participant_pb2 as api

BEATS_PER_TIMEOUT = 3  # so that one may come late


class Cancellation:
    """Whether a command need not be done any more. It is told once, on any thread."""

    is_told = False


@dataclasses.dataclass
class Lease:
    token: int
    cancellation: Cancellation
    details: bytes  # of the last heartbeat: the next one would take them away
    beat_every: float  # seconds; 0: no heartbeats are needed
    beat_at: float = 0.0  # of time.monotonic()


class Leases:
    """Each heartbeat is sent a third of its command's timeout after the one before, but not before
    that was answered: so at most one for each command is underway."""

    def __init__(self) -> None:
        self._leases: Dict[str, Lease] = {}  # by command id
        self._beating: Dict[str, Lease] = {}  # of these: those that need heartbeats
        self._unanswered: Dict[str, int] = {}  # lease tokens by command id, of heartbeats
        self._is_welcome = False

    def __bool__(self) -> bool:
        return bool(self._leases)

    def add(self, command: api.Command) -> None:
        every = command.heartbeat_ms / 1000 / BEATS_PER_TIMEOUT
        lease = Lease(command.lease_token, Cancellation(), command.last_heartbeat_details, every)
        lease.beat_at = time.monotonic() + every
        self._remove(command.command_id)
        self._leases[command.command_id] = lease
        if every > 0:
            self._beating[command.command_id] = lease

    def cancellation_of(self, command: api.Command) -> Cancellation:
        lease = self._leases.get(command.command_id)
        if lease is None or lease.token != command.lease_token:
            return Cancellation()  # lost, or handed out once more
        return lease.cancellation

    def remove(self, command: api.Command) -> None:
        lease = self._leases.get(command.command_id)
        if lease is not None and lease.token == command.lease_token:
            self._remove(command.command_id)

    def clear(self) -> None:
        self._leases.clear()
        self._beating.clear()

    # --- over connections --------------------------------------------------------

    def resume(self) -> List[api.LeaseName]:
        """What a new connection is asked to adopt. No heartbeats until it has answered."""
        self._is_welcome = False
        self._unanswered.clear()
        return [
            api.LeaseName(command_id=id, lease_token=lease.token)
            for id, lease in self._leases.items()
        ]

    def welcomed(self, welcome: api.Welcome) -> None:
        for lost in welcome.lost:
            self._remove(lost)
        for lease in self._beating.values():
            lease.beat_at = 0.0  # nobody knows how many were lost
        self._is_welcome = True

    # --- heartbeats and cancellations --------------------------------------------

    def beats(self) -> List[api.WorkRequest]:
        """Those that are due."""
        now = time.monotonic()
        due = [(id, lease) for id, lease in self._waiting() if lease.beat_at <= now]
        for id, lease in due:
            lease.beat_at = now + lease.beat_every
            self._unanswered[id] = lease.token
        return [
            api.WorkRequest(
                heartbeat=api.CommandHeartbeat(
                    command_id=id, lease_token=lease.token, details=lease.details
                )
            )
            for id, lease in due
        ]

    def beats_in(self) -> Union[float, None]:
        """Seconds until one is due. None: not before something comes from the server."""
        times = [lease.beat_at for _, lease in self._waiting()]
        return max(min(times) - time.monotonic(), 0.0) if times else None

    def answered(self, ack: api.CommandHeartbeatAck) -> None:
        token = self._unanswered.pop(ack.command_id, None)
        lease = self._leases.get(ack.command_id)
        if lease is None or lease.token != token:
            return
        if ack.lost or ack.cancel_requested:
            lease.cancellation.is_told = True
        if ack.lost:
            self._remove(ack.command_id)

    def cancel(self, id: str) -> None:
        lease = self._leases.get(id)
        if lease is not None:
            lease.cancellation.is_told = True

    def _waiting(self) -> List:
        """Those whose last heartbeat was answered."""
        if not self._is_welcome:
            return []
        return [(id, lease) for id, lease in self._beating.items() if id not in self._unanswered]

    def _remove(self, id: str) -> None:
        self._leases.pop(id, None)
        self._beating.pop(id, None)
