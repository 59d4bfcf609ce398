"""Sagas: defining, starting, watching and steering them."""

import dataclasses
import enum
import json
import threading
import uuid
from typing import Any, Callable, Dict, Iterator, List, Mapping, Sequence, Union

import grpc
from google.protobuf import json_format

from .errors import SagabaseError, SagaNotFound, Unavailable, error_of_call, starting, told_as
from .events import JSON, StreamAppend, append_request, written
from .retry import Backoff, Retry
from .tracing import headers
from .v1 import saga_definition_pb2 as definitions
from .v1 import saga_definition_pb2_grpc as definitions_grpc
from .v1 import sagas_pb2 as api
from .v1 import sagas_pb2_grpc

PAGE_SIZE = 1000


class SagaStatus(enum.Enum):
    """Where a saga stands."""

    RUNNING = api.SAGA_STATUS_RUNNING
    COMPENSATING = api.SAGA_STATUS_COMPENSATING
    PARKED = api.SAGA_STATUS_PARKED
    COMPLETED = api.SAGA_STATUS_COMPLETED
    COMPENSATED = api.SAGA_STATUS_COMPENSATED
    TERMINATED = api.SAGA_STATUS_TERMINATED


@dataclasses.dataclass(frozen=True)
class Saga:
    """A saga without its steps. `error` says why it turned backward or is parked; None: it did
    not."""

    type: str
    id: str
    run: int
    status: SagaStatus
    version: int
    error: Union[str, None]
    attributes: Mapping[str, str]
    waiting_for: Sequence[str]
    position: int


@dataclasses.dataclass(frozen=True)
class SagaStarted:
    """`attached`: there was one with this id already, and nothing was appended."""

    attached: bool
    status: SagaStatus
    run: int
    position: int


def payload(value: Any, content_type: Union[str, None] = None) -> api.Payload:
    """What is not bytes is written as JSON; None is no bytes."""
    if value is None:
        return api.Payload()
    data, content_type = written(value, content_type)
    return api.Payload(data=data, content_type=content_type)


def value_of(message: api.Payload) -> Any:
    """The other way round."""
    if message.content_type == JSON and message.data:
        return json.loads(message.data)
    return message.data or None


def attributes_of(messages: Sequence[api.Attribute]) -> Dict[str, str]:
    return {one.name: one.value for one in messages}


def attribute_messages(attributes: Mapping[str, str]) -> List[api.Attribute]:
    return [api.Attribute(name=name, value=value) for name, value in attributes.items()]


def _saga(summary: api.SagaSummary) -> Saga:
    return Saga(
        type=summary.type,
        id=summary.id,
        run=summary.run,
        status=SagaStatus(summary.status),
        version=summary.version,
        error=f"{summary.cause.type}: {summary.cause.message}".rstrip(": ")
        if summary.HasField("cause")
        else None,
        attributes=attributes_of(summary.attributes),
        waiting_for=list(summary.waiting_for),
        position=summary.position,
    )


class Sagas:
    """`client.sagas`. Any number of threads may share one."""

    def __init__(
        self,
        channel: grpc.Channel,
        call: Callable[[Callable, Any], Any],
        pages: Callable[[Callable, Any], Iterator[Any]],
        retry: Retry,
        pause: Callable[[float, threading.Event], None],
    ) -> None:
        self._call = call
        self._pages = pages
        self._retry = retry
        self._pause = pause
        self._sagas = sagas_pb2_grpc.SagasStub(channel)
        self._definitions = definitions_grpc.SagaDefinitionsStub(channel)

    def define(self, definition: Union[Mapping[str, Any], str]) -> int:
        """Registers a definition, in the JSON form of sagabase.v1.SagaDefinition (text, or what
        it was read to), and returns its version. The same again: the version it has."""
        parsed = definitions.SagaDefinition()
        try:
            if isinstance(definition, str):
                json_format.Parse(definition, parsed)
            else:
                json_format.ParseDict(definition, parsed)
        except json_format.ParseError as wrong:
            raise ValueError(f"definition: {wrong}") from wrong
        request = definitions.PutDefinitionRequest(definition=parsed)
        return self._call(self._definitions.PutDefinition, request).version

    def start(
        self,
        type: str,
        id: str,
        input: Any = None,
        *,
        attributes: Union[Mapping[str, str], None] = None,
        version: int = 0,
        appends: Sequence[StreamAppend] = (),
    ) -> SagaStarted:
        """Starts a saga, and commits `appends` in the same write. Repeating it with the same id
        and input attaches to the one there is. SagaNotFound: no such type."""
        request = api.StartSagaRequest(
            type=type,
            id=id,
            version=version,
            input=payload(input),
            attributes=attribute_messages(attributes or {}),
            appends=append_request(appends, ()).appends,
        )
        answer = self._call_named(self._sagas.StartSaga, request)
        attached = answer.outcome == api.START_OUTCOME_ATTACHED
        return SagaStarted(attached, SagaStatus(answer.status), answer.run, answer.position)

    def get(self, type: str, id: str) -> Saga:
        """Its newest run. SagaNotFound if there is none."""
        request = api.GetSagaRequest(saga=api.SagaName(type=type, id=id))
        return _saga(self._call_named(self._sagas.GetSaga, request).summary)

    def wait(self, type: str, id: str) -> Saga:
        """Until it has ended or is parked, over as many connections as it takes."""
        request = api.WaitSagaRequest(saga=api.SagaName(type=type, id=id))
        backoff = Backoff(self._retry)
        while True:
            newest = None
            with starting():
                call = self._sagas.WaitSaga(request, metadata=headers())
            try:
                for answer in call:
                    backoff.reset()
                    newest = answer.summary
                if newest is not None:
                    return _saga(newest)
                error: SagabaseError = Unavailable(
                    grpc.StatusCode.UNAVAILABLE, "the server ended the call"
                )
            except grpc.RpcError as broken:
                error = error_of_call(broken)
            delay = backoff.next_delay() if isinstance(error, Unavailable) else None
            if delay is None:
                with told_as(SagaNotFound, grpc.StatusCode.NOT_FOUND):
                    raise error
            self._pause(delay, threading.Event())

    def list(
        self,
        type: str = "",
        *,
        statuses: Sequence[SagaStatus] = (),
        attributes: Union[Mapping[str, str], None] = None,
        page_size: int = PAGE_SIZE,
    ) -> Iterator[Saga]:
        """Newest first, as many pages as there are."""
        request = api.ListSagasRequest(
            type=type,
            statuses=[status.value for status in statuses],
            attributes=attribute_messages(attributes or {}),
            page_size=page_size,
        )
        for page in self._pages(self._sagas.ListSagas, request):
            yield from map(_saga, page.sagas)

    def signal(
        self,
        type: str,
        id: str,
        name: str,
        value: Any = None,
        *,
        key: str = "",
        attributes: Union[Mapping[str, str], None] = None,
        signal_id: Union[str, None] = None,
    ) -> None:
        """For a wait_event. Choose `signal_id` to make a repetition harmless."""
        signal = api.Signal(
            name=name,
            key=key,
            signal_id=signal_id or str(uuid.uuid4()),
            payload=payload(value),
            attributes=attribute_messages(attributes or {}),
        )
        self._signal(type, id, signal)

    def decide(self, type: str, id: str, node: str, *, approved: bool, principal: str = "") -> None:
        """For an approval."""
        self._signal(
            type,
            id,
            api.Signal(
                name=node, signal_id=str(uuid.uuid4()), approved=approved, principal=principal
            ),
        )

    def cancel(self, type: str, id: str, reason: str = "") -> SagaStatus:
        """Turns it backward."""
        request = api.CancelSagaRequest(saga=api.SagaName(type=type, id=id), reason=reason)
        return SagaStatus(self._call_named(self._sagas.CancelSaga, request).status)

    def _signal(self, type: str, id: str, signal: api.Signal) -> None:
        request = api.SignalSagaRequest(saga=api.SagaName(type=type, id=id), signal=signal)
        self._call_named(self._sagas.SignalSaga, request)

    def _call_named(self, method: Callable, request: Any) -> Any:
        """One that names a saga, or a type."""
        with told_as(SagaNotFound, grpc.StatusCode.NOT_FOUND):
            return self._call(method, request)
