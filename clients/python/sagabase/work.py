"""What a participant hears and says on Participant.Work, whatever carries it."""

import contextlib
import dataclasses
import logging
from typing import Any, Dict, Iterator, List, Mapping, Sequence, Tuple, Type, Union

from . import tracing
from .events import StreamAppend, append_request, texts
from .leases import Cancellation, Leases
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
    _cancellation: Cancellation = dataclasses.field(
        default_factory=Cancellation, repr=False, compare=False
    )

    @property
    def cancelled(self) -> bool:
        """It need not be done any more, because the saga has turned backward or the command's time
        is over: reply soon, with whatever has become of it. From then on it stays true. Any
        thread."""
        return self._cancellation.is_told


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


def command_of(message: api.Command, cancellation: Cancellation) -> Command:
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
        _cancellation=cancellation,
    )


def _text(value: Any, bytes_max: int) -> str:
    """As much of it as the server takes."""
    text = str(value).replace("\0", "\ufffd").encode(errors="replace")
    return text[:bytes_max].decode(errors="ignore")


def _error(type: str, message: Any) -> sagas_pb2.SagaError:
    return sagas_pb2.SagaError(type=_text(type, 128), message=_text(message, 1024))


def handler_of(handlers: Mapping[str, Any], message: api.Command) -> Any:
    handler = handlers.get(message.type)
    if handler is None:
        raise LookupError(f"no handler for commands of type {message.type}")
    return handler


@contextlib.contextmanager
def replying(
    message: api.Command, passing: Tuple[Type[BaseException], ...] = ()
) -> Iterator[api.Reply]:
    """The reply to a command that is handled within; `fill` it with what the handler returns.
    Whatever goes wrong there is an answer, too, but for what is `passing`: above a handler is
    nobody who would see it."""
    with tracing.handling(message):
        named = api.Reply(
            command_id=message.command_id, attempt=message.attempt, **tracing.current()
        )
        reply = api.Reply()
        reply.CopyFrom(named)
        try:
            try:
                yield reply
            except Refused as refused:
                fill(reply, refused)
            if reply.ByteSize() > REPLY_BYTES_MAX:
                raise ValueError(f"the reply is larger than {REPLY_BYTES_MAX} bytes")
        except passing:
            raise
        except BaseException as failed:
            _log.warning("command %s (%s) failed", message.command_id, message.type, exc_info=True)
            tracing.failed(failed)
            reply.CopyFrom(named)
            reply.error.error.CopyFrom(_error(type(failed).__name__, failed))


def fill(reply: api.Reply, result: Union[Done, Ongoing, Refused, None]) -> None:
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


class Work:
    """Commands are kept until they are replied to, replies until the server has taken them, both
    over as many connections as it takes. `max_in_flight` is for each queue."""

    def __init__(self, queues: Sequence[str], name: str, max_in_flight: int) -> None:
        self.queues = texts("queues", queues)
        self._name = name
        if max_in_flight < 1:
            raise ValueError("max_in_flight: at least 1")
        self._credit = max_in_flight
        self._in_flight = dict.fromkeys(self.queues, 0)
        self.leases = Leases()
        self._replies: Dict[str, api.Reply] = {}  # without an ack
        self._draining = False

    def opening(self) -> List[api.WorkRequest]:
        """What a new connection begins with."""
        queues = [
            api.QueueSubscription(
                queue=queue,
                credit=0 if self._draining else self._credit - self._in_flight[queue],
            )
            for queue in self.queues
        ]
        hello = api.Hello(participant=self._name, queues=queues, resume=self.leases.resume())
        replies = [api.WorkRequest(reply=reply) for reply in self._replies.values()]
        return [api.WorkRequest(hello=hello), *replies, *(self.drain() if self._draining else [])]

    def drain(self) -> List[api.WorkRequest]:
        """From now on no new commands; the server ends the stream when it has all replies."""
        self._draining = True
        return [api.WorkRequest(drain=api.Drain())]

    def is_settled(self) -> bool:
        """Nothing is owed to the server."""
        return not self.leases and not self._replies

    def receive(
        self, message: api.WorkResponse
    ) -> Tuple[Sequence[api.Command], List[api.WorkRequest]]:
        """Commands to be handled, and what is to be sent."""
        kind = message.WhichOneof("message")
        if kind == "commands":
            for command in message.commands.commands:
                self.leases.add(command)
                self._in_flight[command.queue] += 1
            return message.commands.commands, []
        if kind == "acks":
            return (), [again for ack in message.acks.acks for again in self._acked(ack)]
        if kind == "welcome":
            self.leases.welcomed(message.welcome)
        if kind == "heartbeat_ack":
            self.leases.answered(message.heartbeat_ack)
        if kind == "cancel":
            self.leases.cancel(message.cancel.command_id)
        return (), []

    def reply(self, command: api.Command, reply: api.Reply) -> List[api.WorkRequest]:
        """What is to be sent now, if there is a connection: the reply, and room for another
        command."""
        self.leases.remove(command)
        self._in_flight[command.queue] -= 1
        self._replies[reply.command_id] = reply
        credit = api.Credit(queue=command.queue, count=1)
        return [api.WorkRequest(reply=reply), api.WorkRequest(credit=credit)]

    def give_up(self) -> None:
        """No command is worked on any more: others are handed them when their leases have ended."""
        self.leases.clear()
        self._in_flight = dict.fromkeys(self.queues, 0)

    def _acked(self, ack: api.ReplyAck) -> List[api.WorkRequest]:
        reply = self._replies.get(ack.command_id)
        if reply is None:
            return []
        if ack.outcome == api.REPLY_OUTCOME_UNAVAILABLE:
            return [api.WorkRequest(reply=reply)]
        del self._replies[ack.command_id]
        if ack.outcome not in (
            api.REPLY_OUTCOME_WRONG_EXPECTED_REVISION,
            api.REPLY_OUTCOME_INVALID,
        ):
            return []
        # The command is still open.
        _log.warning("the reply to command %s was refused: %s", ack.command_id, ack.message)
        failed = api.Error(error=_error("ReplyRefused", ack.message))
        reply = api.Reply(command_id=ack.command_id, attempt=reply.attempt, error=failed)
        self._replies[ack.command_id] = reply
        return [api.WorkRequest(reply=reply)]
