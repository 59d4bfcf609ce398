"""Taking part in sagas: commands in, replies out."""

import concurrent.futures
import contextlib
import threading
from typing import Callable, Iterator, List, Mapping, Sequence, Set, Union

import grpc

from .errors import SagabaseError, error_of_call, server_ended, starting
from .leases import Cancellation
from .retry import Backoff, Retry
from .v1 import participant_pb2 as api
from .work import Command, Done, Ongoing, Refused, Work, command_of, fill, handler_of, replying

__all__ = ["Command", "Done", "Handler", "Ongoing", "Participant", "Refused"]

Handler = Callable[[Command], Union[Done, Ongoing, None]]


class Participant:
    """Takes the commands of some queues and calls a handler for each, by the command's type.
    Replies are kept until the server has taken them, and sent again over a new connection."""

    def __init__(
        self,
        work: Callable[[Iterator], grpc.Call],
        retry: Retry,
        pause: Callable[[float, threading.Event], None],
        queues: Sequence[str],
        handlers: Mapping[str, Handler],
        name: str,
        max_in_flight: int,
    ) -> None:
        self._work = work
        self._backoff = Backoff(retry)
        self._pause = pause
        self._handlers = dict(handlers)
        self._owed = Work(queues, name, max_in_flight)
        self._changed = threading.Condition()
        self._outbox: List[api.WorkRequest] = []  # of the call that is open
        self._calls = 0
        self._is_closing = False
        self._settled = threading.Event()  # it is closing, and owes nothing
        self._idle = threading.Event()
        self._idle.set()
        self._own_threads: Set[int] = set()  # that run it or a handler
        self._call: Union[grpc.Call, None] = None
        self._pool = concurrent.futures.ThreadPoolExecutor(
            max_in_flight * max(len(self._owed.queues), 1), "sagabase-participant"
        )

    def run(self) -> None:
        """Until `close` is called, or the server cannot be reached any more."""
        with self._own_thread():
            self._idle.clear()
            try:
                while not self._settled.is_set():
                    error = self._call_once()
                    if not self._settled.is_set():
                        self._pause(self._backoff.delay_behind(error), self._settled)
            finally:
                self._pool.shutdown(wait=True, cancel_futures=True)
                self._idle.set()

    def close(self) -> None:
        """Takes no more commands, and waits until `run` has replied to those that it has. Any
        thread; called by a handler, or on the thread of `run`, it does not wait."""
        with self._changed:
            if not self._is_closing:
                self._is_closing = True
                self._send(self._owed.drain())
        if threading.get_ident() not in self._own_threads:
            self._idle.wait()

    def __enter__(self) -> "Participant":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @contextlib.contextmanager
    def _own_thread(self) -> Iterator[None]:
        self._own_threads.add(threading.get_ident())
        try:
            yield
        finally:
            self._own_threads.discard(threading.get_ident())

    # --- one connection ----------------------------------------------------------

    def _send(self, requests: List[api.WorkRequest]) -> None:
        """With `_changed` held. Without a connection they are sent when there is one: `Work`
        knows."""
        if self._call is not None:
            self._outbox += requests
        if self._is_closing and self._owed.is_settled():
            self._settled.set()
        else:
            self._settled.clear()  # a command may come while the server is told
        self._changed.notify_all()

    def _requests(self, number: int) -> Iterator[api.WorkRequest]:
        while True:
            with self._changed:
                if self._calls != number:
                    return
                waiting, self._outbox = self._outbox + self._owed.leases.beats(), []
                if not waiting:
                    self._changed.wait(self._owed.leases.beats_in())
            yield from waiting

    def _call_once(self) -> SagabaseError:
        with self._changed:
            self._calls += 1
            number = self._calls
            self._outbox = self._owed.opening()
            with starting():
                self._call = call = self._work(self._requests(number))
        try:
            for message in call:
                self._backoff.reset()
                self._receive(message)
            return server_ended("stream")
        except grpc.RpcError as broken:
            return error_of_call(broken)
        finally:
            call.cancel()
            with self._changed:
                self._calls += 1  # ends this call's requests
                self._call = None
                self._changed.notify_all()

    def _receive(self, message: api.WorkResponse) -> None:
        with self._changed:
            commands, sent = self._owed.receive(message)
            self._send(sent)
            works = [(one, self._owed.leases.cancellation_of(one)) for one in commands]
        for command, cancellation in works:
            self._pool.submit(self._handle, command, cancellation)

    def _handle(self, message: api.Command, cancellation: Cancellation) -> None:
        with self._own_thread(), replying(message) as reply:
            handler: Handler = handler_of(self._handlers, message)
            fill(reply, handler(command_of(message, cancellation)))
        with self._changed:
            self._send(self._owed.reply(message, reply))
