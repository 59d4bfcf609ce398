"""How far a subscription has come, whatever carries it."""

import dataclasses
from typing import Any, Iterator, Union

from .errors import ToldAs, told_of_read
from .events import RecordedEvent, recorded
from .v1 import event_store_pb2 as api


@dataclasses.dataclass(frozen=True)
class CaughtUp:
    """Everything committed so far was handed out; what follows is live. `position` is that of
    the newest event, None if the store is empty."""

    position: Union[int, None]


@dataclasses.dataclass(frozen=True)
class Checkpoint:
    """Every event up to `position` was looked at: a position to resume from."""

    position: int


@dataclasses.dataclass(frozen=True)
class FellBehind:
    """The reader is slower than the writers: past events follow until the next CaughtUp."""

    position: int


Item = Union[RecordedEvent, CaughtUp, Checkpoint, FellBehind]


class Progress:
    """`request` asks for what is still to come."""

    told_as: ToldAs = {}

    def __init__(self, request: Any) -> None:
        self.request = request

    def items(self, message: Any) -> Iterator[Any]:
        """The items of a message. Each moves the place to resume from when it leaves."""
        raise NotImplementedError


class SubscriptionProgress(Progress):
    """Each event comes once, in order: it goes on behind the last event or checkpoint."""

    def __init__(self, request: api.SubscribeRequest) -> None:
        super().__init__(request)
        self.told_as = told_of_read(request)

    def lacks_start(self) -> bool:
        """At the end of a stream: what is resumed has to know where it began."""
        return bool(self.request.stream) and self.request.edge == api.EDGE_END

    def starts_behind(self, revision: Union[int, None]) -> None:
        """None: there is no such stream yet."""
        if revision is None:
            self.request.edge = api.EDGE_START
        else:
            self.request.after_revision = revision

    def items(self, message: api.SubscribeResponse) -> Iterator[Item]:
        kind = message.WhichOneof("message")
        if kind == "events":
            for event in message.events.events:
                if self.request.stream:
                    self.request.after_revision = event.revision
                else:
                    self.request.after_position = event.position
                yield recorded(event)
        elif kind == "checkpoint":
            self._looked_at(message.checkpoint.position)
            yield Checkpoint(message.checkpoint.position)
        elif kind == "caught_up":
            position = message.caught_up.position if message.caught_up.has_position else None
            self._looked_at(position)
            yield CaughtUp(position)
        elif kind == "fell_behind":
            self._looked_at(message.fell_behind.position)
            yield FellBehind(message.fell_behind.position)

    def _looked_at(self, position: Union[int, None]) -> None:
        if self.request.stream:
            return  # a stream is resumed by revision
        if position is None:
            self.request.edge = api.EDGE_START  # the store is empty: all that comes is new
        else:
            self.request.after_position = position
