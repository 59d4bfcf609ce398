"""What can go wrong, one class for each thing that a program would do about it."""

import contextlib
from typing import Any, Iterator, Type, Union

import grpc
from google.rpc import status_pb2

from .events import StreamState
from .v1 import event_store_pb2 as api

_DETAILS = "grpc-status-details-bin"


class SagabaseError(Exception):
    """Any answer of the server that is not the wished one. `code` is the gRPC status code."""

    def __init__(self, code: grpc.StatusCode, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


class WrongRevision(SagabaseError):
    """A stream is not in the expected state: read again, decide again. `expected` and `actual`
    are a revision or a StreamState."""

    def __init__(
        self,
        message: str,
        stream: str,
        expected: Union[int, StreamState],
        actual: Union[int, StreamState],
    ) -> None:
        super().__init__(grpc.StatusCode.ABORTED, message)
        self.stream = stream
        self.expected = expected
        self.actual = actual


class ConditionFailed(SagabaseError):
    """An event that the append's condition forbids is there: read again, decide again. `position`
    is that of one such event."""

    def __init__(self, message: str, position: int) -> None:
        super().__init__(grpc.StatusCode.ABORTED, message)
        self.position = position


class InvalidRequest(SagabaseError):
    """The request is wrong whatever the store holds; the message names field and rule."""


class StreamNotFound(SagabaseError):
    """There is no such stream."""


class SagaNotFound(SagabaseError):
    """There is no such saga, or no such type of sagas."""


class SnapshotNotFound(SagabaseError):
    """There is no such stream, or it has no such snapshot."""


class NewerSnapshot(SagabaseError):
    """The stream has a newer snapshot than the one that was put, or than it was to replace."""


class RevisionNotFound(SagabaseError):
    """The stream has no such revision."""


class NoState(SagabaseError):
    """The stream's category has no reducer, or it is disabled, or it fails at this stream; the
    message tells where."""


class UpcasterFailed(SagabaseError):
    """A read that shows events in their newest form met an upcaster that fails or is disabled."""


class PartlyStored(SagabaseError):
    """Only part of the append was stored before, so it is no repetition: an id was used twice."""


class LimitExceeded(SagabaseError):
    """A limit was hit; the message names it."""


class Unavailable(SagabaseError):
    """The server could not be reached, or ended while it worked on the call. The outcome of an
    append is unknown: appending the same Event objects again is safe."""


class TimedOut(Unavailable):
    """No answer came in time. As with Unavailable, the outcome of an append is unknown."""


_CLASSES = {
    grpc.StatusCode.INVALID_ARGUMENT: InvalidRequest,
    grpc.StatusCode.NOT_FOUND: StreamNotFound,
    grpc.StatusCode.ALREADY_EXISTS: PartlyStored,
    grpc.StatusCode.OUT_OF_RANGE: RevisionNotFound,
    grpc.StatusCode.RESOURCE_EXHAUSTED: LimitExceeded,
    grpc.StatusCode.UNAVAILABLE: Unavailable,
    grpc.StatusCode.DEADLINE_EXCEEDED: TimedOut,
}
_CODES = {code.value[0]: code for code in grpc.StatusCode}


def _either(message: api.RevisionConflict, which: str) -> Union[int, StreamState]:
    name = message.WhichOneof(which)
    value = getattr(message, name)
    return StreamState(value) if name.endswith("_state") else value


_Conflict = Union[api.RevisionConflict, api.ConditionConflict, None]


def _conflict_of(error: grpc.RpcError) -> _Conflict:
    for key, value in error.trailing_metadata() or ():
        if key == _DETAILS:
            for detail in status_pb2.Status.FromString(value).details:
                for conflict in (api.RevisionConflict(), api.ConditionConflict()):
                    if detail.Unpack(conflict):
                        return conflict
    return None


def _typed(code: grpc.StatusCode, message: str, conflict: _Conflict) -> SagabaseError:
    if isinstance(conflict, api.ConditionConflict):
        return ConditionFailed(message, conflict.position)
    if conflict is not None:
        return WrongRevision(
            message, conflict.stream, _either(conflict, "expected"), _either(conflict, "actual")
        )
    return _CLASSES.get(code, SagabaseError)(code, message)


def error_of_call(error: grpc.RpcError) -> SagabaseError:
    """Of a call that we have not cancelled: CANCELLED is how gRPC's core resets one that arrives
    in the very moment in which its server ends."""
    code = error.code()
    if code is grpc.StatusCode.CANCELLED:
        code = grpc.StatusCode.UNAVAILABLE
    return _typed(code, error.details() or "", _conflict_of(error))


def closed() -> SagabaseError:
    """Of a call that its own client ended."""
    return SagabaseError(grpc.StatusCode.CANCELLED, "the client is closed")


@contextlib.contextmanager
def starting() -> Iterator[None]:
    """gRPC refuses calls of a closed channel with a ValueError."""
    try:
        yield
    except ValueError as refused:
        if "closed" not in str(refused):
            raise
        raise closed() from refused


@contextlib.contextmanager
def told_as(kind: Type[SagabaseError], code: grpc.StatusCode) -> Iterator[None]:
    """What this code means where it stands."""
    try:
        yield
    except SagabaseError as error:
        if error.code is not code:
            raise
        raise kind(code, error.message) from error


def error_of_failure(failure: api.AppendFailure) -> SagabaseError:
    """Of one append of a session."""
    conflict: _Conflict = None
    for name in ("conflict", "condition"):
        if failure.HasField(name):
            conflict = getattr(failure, name)
    return _typed(_CODES.get(failure.code, grpc.StatusCode.UNKNOWN), failure.message, conflict)


def error_of_read(error: SagabaseError, request: Any) -> SagabaseError:
    """Of one that may show events in their newest form."""
    if request.upcast and error.code is grpc.StatusCode.FAILED_PRECONDITION:
        return UpcasterFailed(error.code, error.message)
    return error
