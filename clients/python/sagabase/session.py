"""Many appends in flight on one call."""

import threading
from concurrent.futures import Future
from typing import Callable, Iterator, Sequence

import grpc

from .either import Blocking
from .errors import SagabaseError, closed, error_of_call, server_ended
from .in_flight import IN_FLIGHT_MAX, InFlight, ResultOf, SessionMethods
from .retry import Backoff, Retry
from .v1 import event_store_pb2 as api


class AppendSession(SessionMethods, Blocking):
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
        self._in_flight = InFlight()
        self._calls = 0
        self._closed = False
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
            self._changed.wait_for(lambda: self._closed or len(self._in_flight) < IN_FLIGHT_MAX)
            if self._closed:
                raise ValueError("the session is closed")
            future: Future = Future()
            future.set_running_or_notify_cancel()  # an append cannot be taken back
            self._in_flight.add(append, future, result_of)
            self._changed.notify_all()
            return future

    def _requests(self, call_number: int) -> Iterator[api.AppendSessionRequest]:
        """For one call: what has no answer yet, then what is new."""
        sent = 0
        while True:
            with self._changed:
                self._changed.wait_for(
                    lambda: (
                        self._calls != call_number or self._closed or self._in_flight.newest > sent
                    )
                )
                if self._calls != call_number:
                    return
                waiting = self._in_flight.behind(sent)
                if not waiting and self._closed:
                    return
                sent = self._in_flight.newest
            yield from waiting

    def _settle(self, results: Sequence[api.AppendResult]) -> None:
        for result in results:
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
            for response in self._start(self._requests(number)):
                self._backoff.reset()
                self._settle(response.results)
            return server_ended("session")
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
                if self._closed and not self._in_flight:
                    return
            try:
                self._pause(self._backoff.delay_behind(error), threading.Event())
            except SagabaseError as final:
                return self._give_up(final)

    def _give_up(self, error: SagabaseError) -> None:
        with self._changed:
            self._closed = True
            abandoned = self._in_flight.take_all()
            self._changed.notify_all()
        for append in abandoned:
            append.fail(error)
