"""Many appends in flight on one call."""

import threading
from concurrent.futures import Future
from typing import Callable, Iterator, Union

import grpc

from .either import Blocking
from .errors import SagabaseError, error_of_call, server_ended, starting
from .in_flight import IN_FLIGHT_MAX, InFlight, ResultOf, SessionMethods, is_about_one
from .retry import Backoff, Retry
from .v1 import event_store_pb2 as api


class AppendSession(SessionMethods, Blocking):
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
        self._in_flight = InFlight()
        self._calls = 0
        self._closed = False
        self._failure: Union[SagabaseError, None] = None
        self._thread = threading.Thread(target=self._run, name="sagabase-session", daemon=True)
        self._thread.start()

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

    def _submit(self, append: api.AppendRequest, result_of: ResultOf) -> Future:
        with self._changed:
            self._changed.wait_for(lambda: self._closed or self._has_room())
            if self._failure is not None:
                raise self._failure
            if self._closed:
                raise ValueError("the session is closed")
            future: Future = Future()
            future.set_running_or_notify_cancel()  # it is on its way: nobody can take it back
            self._in_flight.add(append, future, result_of)
            self._changed.notify_all()
            return future

    def _has_room(self) -> bool:
        """The session's own thread cannot wait for what it alone brings about."""
        within = threading.current_thread() is self._thread
        return within or len(self._in_flight) < IN_FLIGHT_MAX

    def _has_ended(self, sent: int) -> bool:
        return self._closed and self._in_flight.is_sent(sent)

    def _requests(self, call_number: int) -> Iterator[api.AppendSessionRequest]:
        """For one call: what has no answer yet, then what is new."""
        sent = 0
        while True:
            with self._changed:
                self._changed.wait_for(
                    lambda: (
                        self._calls != call_number
                        or self._has_ended(sent)
                        or self._in_flight.sendable(sent)
                    )
                )
                if self._calls != call_number or self._has_ended(sent):
                    return
                waiting = self._in_flight.sendable(sent)
                sent = waiting[-1].correlation_id
            yield from waiting

    def _settle(self, result: api.AppendResult) -> None:
        with self._changed:
            append = self._in_flight.take(result)
            self._changed.notify_all()
        append.tell(result)

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
            return server_ended("session")
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
                if self._closed and not self._in_flight:
                    return
            try:
                if is_about_one(error) and self._in_flight:
                    self._single_out(error)
                else:
                    self._pause(self._backoff.delay_behind(error), threading.Event())
            except SagabaseError as final:
                return self._give_up(final)

    def _single_out(self, error: SagabaseError) -> None:
        with self._changed:
            append = self._in_flight.single_out()
            self._changed.notify_all()
        if append is not None:
            append.fail(error)

    def _give_up(self, error: SagabaseError) -> None:
        with self._changed:
            self._closed = True
            self._failure = error
            abandoned = self._in_flight.take_all()
            self._changed.notify_all()
        for append in abandoned:
            append.fail(error)
