"""Many appends in flight on one call."""

import threading
from concurrent.futures import Future
from typing import Any, Callable, Dict, Iterator, NamedTuple, Sequence, Union

import grpc

from .errors import SagabaseError, Unavailable, closed, error_of_call, error_of_failure
from .events import (
    Appended,
    AppendedToMany,
    Condition,
    Event,
    Expected,
    StreamAppend,
    StreamCheck,
    append_request,
    appended_to_many,
)
from .retry import Backoff, Retry
from .tracing import mark
from .v1 import event_store_pb2 as api

IN_FLIGHT_MAX = 256  # what the server reads ahead


class _Pending(NamedTuple):
    request: api.AppendSessionRequest
    future: Future
    result_of: Callable[[AppendedToMany], Any]


def _of_one(answer: AppendedToMany) -> Appended:
    stream = answer.streams[0]
    return Appended(
        stream.first_revision, stream.last_revision, answer.position, answer.replayed
    )


class AppendSession:
    """Appends are committed in the order in which they are made, each at most once; the futures
    tell what became of them. If the connection breaks, what has no answer yet is sent again with
    the same event ids. At most 256 are in flight: the next one waits. Any thread."""

    def __init__(
        self,
        start: Callable[[Iterator], grpc.Call],
        retry: Retry,
        pause: Callable[[float, threading.Event], None],
    ) -> None:
        self._start = start
        self._backoff = Backoff(retry)
        self._pause = pause
        self._changed = threading.Condition()
        self._pending: Dict[int, _Pending] = {}  # by correlation id, in order
        self._newest = 0  # correlation id
        self._calls = 0
        self._closed = False
        self._thread = threading.Thread(target=self._run, name="sagabase-session", daemon=True)
        self._thread.start()

    def append(
        self, stream: str, events: Sequence[Event], *, expected: Expected
    ) -> "Future[Appended]":
        return self._submit(append_request([StreamAppend(stream, events, expected)], ()), _of_one)

    def append_many(
        self,
        appends: Sequence[StreamAppend],
        checks: Sequence[StreamCheck] = (),
        *,
        condition: Union[Condition, None] = None,
    ) -> "Future[AppendedToMany]":
        return self._submit(append_request(appends, checks, condition), lambda answer: answer)

    def close(self) -> None:
        """Waits until every append has its result."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        self._thread.join()

    def __enter__(self) -> "AppendSession":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _submit(self, append: api.AppendRequest, result_of: Callable) -> Future:
        mark(append)
        with self._changed:
            self._changed.wait_for(lambda: self._closed or len(self._pending) < IN_FLIGHT_MAX)
            if self._closed:
                raise ValueError("the session is closed")
            self._newest += 1
            request = api.AppendSessionRequest(correlation_id=self._newest, append=append)
            future: Future = Future()
            self._pending[self._newest] = _Pending(request, future, result_of)
            self._changed.notify_all()
            return future

    def _requests(self, call_number: int) -> Iterator[api.AppendSessionRequest]:
        """For one call: what has no answer yet, then what is new."""
        sent = 0
        while True:
            with self._changed:
                self._changed.wait_for(
                    lambda: self._calls != call_number or self._closed or self._newest > sent
                )
                if self._calls != call_number:
                    return
                waiting = [one.request for id, one in self._pending.items() if id > sent]
                if not waiting and self._closed:
                    return
                sent = self._newest
            yield from waiting

    def _settle(self, result: api.AppendResult) -> None:
        with self._changed:
            pending = self._pending.pop(result.correlation_id)
            self._changed.notify_all()
        if result.WhichOneof("outcome") == "appended":
            pending.future.set_result(pending.result_of(appended_to_many(result.appended)))
        else:
            pending.future.set_exception(error_of_failure(result.failed))

    def _call_once(self) -> SagabaseError:
        """Runs one call to its end, and says why it ended."""
        with self._changed:
            self._calls += 1
            number = self._calls
        try:
            for response in self._start(self._requests(number)):
                self._backoff.reset()
                for result in response.results:
                    self._settle(result)
            return Unavailable(grpc.StatusCode.UNAVAILABLE, "the session ended early")
        except ValueError:  # what gRPC says of a closed channel
            return closed()
        except grpc.RpcError as error:
            return error_of_call(error)
        finally:
            with self._changed:
                self._calls += 1  # ends this call's requests
                self._changed.notify_all()

    def _run(self) -> None:
        while True:
            error = self._call_once()
            with self._changed:
                if self._closed and not self._pending:
                    return
            delay = self._backoff.next_delay() if isinstance(error, Unavailable) else None
            if delay is None:
                return self._give_up(error)
            try:
                self._pause(delay, threading.Event())
            except SagabaseError as closing:
                return self._give_up(closing)

    def _give_up(self, error: SagabaseError) -> None:
        with self._changed:
            self._closed = True
            abandoned = list(self._pending.values())
            self._pending.clear()
            self._changed.notify_all()
        for pending in abandoned:
            pending.future.set_exception(error)
