"""Taking part in sagas: commands in, replies out."""

import concurrent.futures
import dataclasses
import logging
import threading
from typing import Any, Callable, Dict, Iterator, List, Mapping, Sequence, Union

import grpc

from . import tracing
from .errors import SagabaseError, Unavailable, closed, error_of_call, starting
from .events import StreamAppend, append_request, texts
from .retry import Backoff, Retry
from .sagas import attribute_messages, attributes_of, payload, value_of
from .v1 import participant_pb2 as api
from .v1 import sagas_pb2

REPLY_BYTES_MAX = (4 << 20) - 1024  # the server takes messages of 4 MiB

_log = logging.getLogger("sagabase")


@dataclasses.dataclass(frozen=True)
class Command:
    """What a participant is asked to do. `id` is the same for all attempts: the key for being
    idempotent outside of the store. Of a compensation: `action_output` is what the action gave,
    None if it did not succeed; then there may be nothing to undo, which is a success.
    `traceparent` and `tracestate` tell the trace that it belongs to (W3C); calls of its handler
    belong to it, too."""

    id: str
    type: str
    saga_type: str
    saga_id: str
    step: str
    attempt: int
    is_compensation: bool
    input: Any
    inputs: Mapping[str, Any]
    attributes: Mapping[str, str]
    action_output: Any
    traceparent: str = ""
    tracestate: str = ""


class Done:
    """The reply of a command that is done. `appends` are committed together with it."""

    def __init__(
        self,
        output: Any = None,
        *,
        code: str = "",
        attributes: Union[Mapping[str, str], None] = None,
        appends: Sequence[StreamAppend] = (),
    ) -> None:
        self.output = output
        self.code = code
        self.attributes = attributes or {}
        self.appends = appends


class Refused(Exception):
    """Raise it when the command will not be done, for a reason of the business: the saga turns
    backward. Any other exception means: could not be done now, try again."""

    def __init__(self, type: str, message: str = "", *, appends: Sequence[StreamAppend] = ()):
        super().__init__(message or type)
        self.type = type
        self.message = message
        self.appends = appends


@dataclasses.dataclass(frozen=True)
class Ongoing:
    """The command was taken on and goes on elsewhere: ask again after so many seconds."""

    check_after: float


Handler = Callable[[Command], Union[Done, Ongoing, None]]


def _command(message: api.Command) -> Command:
    undoes = message.operation == sagas_pb2.OPERATION_COMPENSATION
    return Command(
        id=message.command_id,
        type=message.type,
        saga_type=message.saga_type,
        saga_id=message.saga_id,
        step=message.step,
        attempt=message.attempt,
        is_compensation=undoes,
        input=value_of(message.input),
        inputs={one.step: value_of(one.output) for one in message.inputs},
        attributes=attributes_of(message.attributes),
        action_output=value_of(message.action_output) if undoes else None,
        traceparent=message.traceparent,
        tracestate=message.tracestate,
    )


def _text(value: Any, bytes_max: int) -> str:
    """As much of it as the server takes."""
    text = str(value).replace("\0", "\ufffd").encode(errors="replace")
    return text[:bytes_max].decode(errors="ignore")


def _error(type: str, message: Any) -> sagas_pb2.SagaError:
    return sagas_pb2.SagaError(type=_text(type, 128), message=_text(message, 1024))


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
        self._queues = texts("queues", queues)
        self._handlers = dict(handlers)
        self._name = name
        if max_in_flight < 1:
            raise ValueError("max_in_flight: at least 1")
        self._credit = max_in_flight
        self._in_flight = dict.fromkeys(self._queues, 0)
        self._changed = threading.Condition()
        self._outbox: List[api.WorkRequest] = []  # of the call that is open
        self._replies: Dict[str, api.Reply] = {}  # without an ack
        self._leases: Dict[str, int] = {}  # of commands being worked on
        self._calls = 0
        self._closed = threading.Event()
        self._call: Union[grpc.Call, None] = None
        self._pool = concurrent.futures.ThreadPoolExecutor(
            max_in_flight * max(len(self._queues), 1), "sagabase-participant"
        )

    def run(self) -> None:
        """Until `close` is called, or the server cannot be reached any more."""
        try:
            while not self._closed.is_set():
                error = self._call_once()
                if self._closed.is_set():
                    return
                delay = self._backoff.next_delay() if isinstance(error, Unavailable) else None
                if delay is None:
                    raise error
                self._pause(delay, self._closed)
        finally:
            self._pool.shutdown(wait=True, cancel_futures=True)

    def close(self) -> None:
        """Any thread. What has no reply yet is handed to others."""
        self._closed.set()
        with self._changed:
            if self._call is not None:
                self._call.cancel()
            self._changed.notify_all()

    def __enter__(self) -> "Participant":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # --- one connection ----------------------------------------------------------

    def _hello(self) -> api.WorkRequest:
        queues = [
            api.QueueSubscription(queue=queue, credit=self._credit - self._in_flight[queue])
            for queue in self._queues
        ]
        resume = [
            api.LeaseName(command_id=id, lease_token=token) for id, token in self._leases.items()
        ]
        return api.WorkRequest(
            hello=api.Hello(participant=self._name, queues=queues, resume=resume)
        )

    def _requests(self, number: int) -> Iterator[api.WorkRequest]:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._calls != number or self._outbox)
                if self._calls != number:
                    return
                waiting, self._outbox = self._outbox, []
            yield from waiting

    def _call_once(self) -> SagabaseError:
        with self._changed:
            if self._closed.is_set():
                return closed()
            self._calls += 1
            number = self._calls
            self._outbox = [self._hello()]
            self._outbox += [api.WorkRequest(reply=reply) for reply in self._replies.values()]
            with starting():
                self._call = call = self._work(self._requests(number))
        try:
            for message in call:
                self._backoff.reset()
                self._receive(message)
            return Unavailable(grpc.StatusCode.UNAVAILABLE, "the server ended the stream")
        except grpc.RpcError as broken:
            return error_of_call(broken)
        finally:
            call.cancel()
            with self._changed:
                self._calls += 1  # ends this call's requests
                self._call = None
                self._changed.notify_all()

    def _receive(self, message: api.WorkResponse) -> None:
        kind = message.WhichOneof("message")
        if kind == "commands":
            for command in message.commands.commands:
                with self._changed:
                    self._leases[command.command_id] = command.lease_token
                    self._in_flight[command.queue] += 1
                self._pool.submit(self._handle, command)
        elif kind == "acks":
            for ack in message.acks.acks:
                self._acked(ack)
        elif kind == "welcome":
            with self._changed:
                for lost in message.welcome.lost:
                    self._leases.pop(lost, None)

    def _acked(self, ack: api.ReplyAck) -> None:
        with self._changed:
            reply = self._replies.get(ack.command_id)
            if reply is None:
                return
            if ack.outcome == api.REPLY_OUTCOME_UNAVAILABLE:
                self._outbox.append(api.WorkRequest(reply=reply))
                self._changed.notify_all()
                return
            del self._replies[ack.command_id]
            refused = ack.outcome in (
                api.REPLY_OUTCOME_WRONG_EXPECTED_REVISION,
                api.REPLY_OUTCOME_INVALID,
            )
        if refused:  # the command is still open
            _log.warning("the reply to command %s was refused: %s", ack.command_id, ack.message)
            failed = api.Error(error=_error("ReplyRefused", ack.message))
            with self._changed:
                self._send(
                    api.Reply(command_id=ack.command_id, attempt=reply.attempt, error=failed)
                )

    # --- one command -------------------------------------------------------------

    def _handle(self, message: api.Command) -> None:
        with tracing.handling(message):
            reply = self._answer(message)
        with self._changed:
            if self._leases.get(message.command_id) == message.lease_token:
                del self._leases[message.command_id]
            self._in_flight[message.queue] -= 1
            self._send(reply)
            if self._call is not None:
                credit = api.Credit(queue=message.queue, count=1)
                self._outbox.append(api.WorkRequest(credit=credit))

    def _answer(self, message: api.Command) -> api.Reply:
        """Whatever goes wrong is an answer, too: above a thread of the pool is nobody who would
        see it."""
        named = dict(
            command_id=message.command_id, attempt=message.attempt, **tracing.current()
        )
        reply = api.Reply(**named)
        try:
            self._fill(reply, self._result_of(message))
            if reply.ByteSize() > REPLY_BYTES_MAX:
                raise ValueError(f"the reply is larger than {REPLY_BYTES_MAX} bytes")
            return reply
        except BaseException as failed:
            _log.warning("command %s (%s) failed", message.command_id, message.type, exc_info=True)
            tracing.failed(failed)
            return api.Reply(**named, error=api.Error(error=_error(type(failed).__name__, failed)))

    def _result_of(self, message: api.Command) -> Union[Done, Ongoing, Refused, None]:
        handler = self._handlers.get(message.type)
        if handler is None:
            raise LookupError(f"no handler for commands of type {message.type}")
        try:
            return handler(_command(message))
        except Refused as refused:
            return refused

    @staticmethod
    def _fill(reply: api.Reply, result: Union[Done, Ongoing, Refused, None]) -> None:
        if result is None:
            result = Done()
        if isinstance(result, Ongoing):
            reply.ongoing.check_after_ms = int(result.check_after * 1000)
        elif isinstance(result, Refused):
            reply.failure.error.CopyFrom(_error(result.type, result.message))
            reply.appends.extend(append_request(result.appends, ()).appends)
        elif isinstance(result, Done):
            reply.success.output.CopyFrom(payload(result.output))
            reply.success.code = result.code
            reply.success.attributes.extend(attribute_messages(result.attributes))
            reply.appends.extend(append_request(result.appends, ()).appends)
        else:
            kind = type(result).__name__
            raise TypeError(f"a handler returns Done, Ongoing or None, not {kind}")

    def _send(self, reply: api.Reply) -> None:
        """`_changed` is held."""
        self._replies[reply.command_id] = reply
        if self._call is not None:
            self._outbox.append(api.WorkRequest(reply=reply))
        self._changed.notify_all()
