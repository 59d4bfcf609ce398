"""Past events, then new ones, over as many connections as it takes."""

import dataclasses
import threading
from typing import Any, Callable, Iterator, Union

import grpc

from .errors import SagabaseError, Unavailable, error_of_call, error_of_read, starting
from .events import RecordedEvent, recorded
from .retry import Backoff, Retry
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


class Following:
    """Iterate over it, on one thread, over as many connections as it takes. `close` ends the
    iteration and may be called by any thread. Who iterates on after an error goes on behind the
    last item."""

    def __init__(
        self,
        start: Callable[[Any], grpc.Call],
        request: Any,
        retry: Retry,
        pause: Callable[[float, threading.Event], None],
    ) -> None:
        self._start = start
        self._request = request
        self._backoff = Backoff(retry)
        self._pause = pause
        self._lock = threading.Lock()
        self._closed = threading.Event()
        self._call: Union[grpc.Call, None] = None
        self._items = self._run()

    def __iter__(self) -> Iterator[Any]:
        return self

    def __next__(self) -> Any:
        return next(self._items)

    def __enter__(self) -> Any:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        with self._lock:
            self._closed.set()
            if self._call is not None:
                self._call.cancel()

    def _run(self) -> Iterator[Any]:
        try:
            yield from self._follow()
        except SagabaseError:  # a generator that raised has ended
            self._backoff.reset()
            self._items = self._run()
            raise

    def _follow(self) -> Iterator[Any]:
        while True:
            with self._lock:
                if self._closed.is_set():
                    return
                with starting():
                    self._call = self._start(self._request)
            try:
                for message in self._call:
                    self._backoff.reset()
                    yield from self._hand_out(message)
                    if self._closed.is_set():
                        return
                error: SagabaseError = Unavailable(
                    grpc.StatusCode.UNAVAILABLE, "the server ended the subscription"
                )
            except grpc.RpcError as broken:
                error = error_of_call(broken)
            if self._closed.is_set():
                return
            delay = self._backoff.next_delay() if isinstance(error, Unavailable) else None
            if delay is None:
                raise self._error_of(error)
            self._pause(delay, self._closed)

    def _hand_out(self, message: Any) -> Iterator[Any]:
        """The items of a message."""
        raise NotImplementedError

    def _error_of(self, error: SagabaseError) -> SagabaseError:
        return error


class Subscription(Following):
    """After a lost connection it goes on behind the last event or checkpoint that was handed
    out: each event comes once, in order."""

    def __iter__(self) -> Iterator[Item]:
        return self

    def __next__(self) -> Item:
        return next(self._items)

    def __enter__(self) -> "Subscription":
        return self

    def _error_of(self, error: SagabaseError) -> SagabaseError:
        return error_of_read(error, self._request)

    def _hand_out(self, message: api.SubscribeResponse) -> Iterator[Item]:
        """Each item moves the place to resume from when it leaves."""
        kind = message.WhichOneof("message")
        if kind == "events":
            for event in message.events.events:
                if self._closed.is_set():
                    return
                if self._request.stream:
                    self._request.after_revision = event.revision
                else:
                    self._request.after_position = event.position
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
        if self._request.stream:
            return  # a stream is resumed by revision
        if position is None:
            self._request.edge = api.EDGE_START  # the store is empty: all that comes is new
        else:
            self._request.after_position = position
