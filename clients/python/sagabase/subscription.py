"""Past events, then new ones, over as many connections as it takes."""

import threading
from typing import Any, Callable, Iterator, Union

import grpc

from .errors import SagabaseError, error_of_call, server_ended, starting
from .progress import CaughtUp, Checkpoint, FellBehind, Item, Progress
from .retry import Backoff, Retry

__all__ = ["CaughtUp", "Checkpoint", "FellBehind", "Following", "Item", "Subscription"]


class Following:
    """Iterate over it, on one thread, over as many connections as it takes. `close` ends the
    iteration and may be called by any thread. Who iterates on after an error goes on behind the
    last item."""

    def __init__(
        self,
        start: Callable[[Any], grpc.Call],
        progress: Progress,
        retry: Retry,
        pause: Callable[[float, threading.Event], None],
    ) -> None:
        self._start = start
        self._progress = progress
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
                    self._call = self._start(self._progress.request)
            try:
                for message in self._call:
                    self._backoff.reset()
                    for item in self._progress.items(message):
                        if self._closed.is_set():
                            return
                        yield item
                error: SagabaseError = server_ended("subscription")
            except grpc.RpcError as broken:
                error = error_of_call(broken, self._progress.told_as)
            if self._closed.is_set():
                return
            self._pause(self._backoff.delay_behind(error), self._closed)


class Subscription(Following):
    """After a lost connection it goes on behind the last event or checkpoint that was handed
    out: each event comes once, in order."""

    def __iter__(self) -> Iterator[Item]:
        return self

    def __next__(self) -> Item:
        return next(self._items)

    def __enter__(self) -> "Subscription":
        return self
