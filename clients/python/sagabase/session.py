"""Many appends in flight on one call."""

import threading
from concurrent.futures import Future
from typing import Any, Callable, Dict, Iterator, List, NamedTuple, Sequence, Union

import grpc

from .errors import SagabaseError, Unavailable, error_of_call, error_of_failure, starting
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
    the same event ids. At most 256 are in flight: the next one waits. Any thread. What a future
    calls when it is done runs on the session's own thread."""

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
        self._alone_until = 0  # correlation id: up to it one append is in flight at a time
        self._calls = 0
        self._closed = False
        self._failure: Union[SagabaseError, None] = None
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
            self._changed.wait_for(lambda: self._closed or self._has_room())
            if self._failure is not None:
                raise self._failure
            if self._closed:
                raise ValueError("the session is closed")
            self._newest += 1
            request = api.AppendSessionRequest(correlation_id=self._newest, append=append)
            future: Future = Future()
            future.set_running_or_notify_cancel()  # it is on its way: nobody can take it back
            self._pending[self._newest] = _Pending(request, future, result_of)
            self._changed.notify_all()
            return future

    def _has_room(self) -> bool:
        """The session's own thread cannot wait for what it alone brings about."""
        within = threading.current_thread() is self._thread
        return within or len(self._pending) < IN_FLIGHT_MAX

    def _sendable(self, sent: int) -> List[int]:
        """What can be sent now on a call that has sent so far."""
        oldest = next(iter(self._pending), 0)
        if oldest <= self._alone_until:
            return [oldest] if oldest > sent else []
        return [id for id in self._pending if id > sent] if self._newest > sent else []

    def _has_ended(self, sent: int) -> bool:
        return self._closed and next(reversed(self._pending), 0) <= sent

    def _requests(self, call_number: int) -> Iterator[api.AppendSessionRequest]:
        """For one call: what has no answer yet, then what is new."""
        sent = 0
        while True:
            with self._changed:
                self._changed.wait_for(
                    lambda: self._calls != call_number
                    or self._has_ended(sent)
                    or self._sendable(sent)
                )
                if self._calls != call_number or self._has_ended(sent):
                    return
                ids = self._sendable(sent)
                sent = ids[-1]
                waiting = [self._pending[id].request for id in ids]
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
            with starting():
                call = self._start(self._requests(number))
            for response in call:
                self._backoff.reset()
                for result in response.results:
                    self._settle(result)
            return Unavailable(grpc.StatusCode.UNAVAILABLE, "the session ended early")
        except SagabaseError as closing:
            return closing
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
            if isinstance(error, Unavailable):
                delay = self._backoff.next_delay()
                if delay is None:
                    return self._give_up(error)
                try:
                    self._pause(delay, threading.Event())
                except SagabaseError as closing:
                    return self._give_up(closing)
            elif error.code is grpc.StatusCode.CANCELLED or not self._single_out(error):
                return self._give_up(error)

    def _single_out(self, error: SagabaseError) -> bool:
        """An append that the server cannot even read ends the call that it is on: what was in
        flight with it is sent again one by one, and the error met by the one that it is about."""
        with self._changed:
            oldest = next(iter(self._pending), None)
            if oldest is None:
                return False
            if oldest > self._alone_until:
                self._alone_until = self._newest
                return True
            pending = self._pending.pop(oldest)
            self._changed.notify_all()
        pending.future.set_exception(error)
        return True

    def _give_up(self, error: SagabaseError) -> None:
        with self._changed:
            self._closed = True
            self._failure = error
            abandoned = list(self._pending.values())
            self._pending.clear()
            self._changed.notify_all()
        for pending in abandoned:
            pending.future.set_exception(error)
