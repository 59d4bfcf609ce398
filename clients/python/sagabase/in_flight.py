"""The appends of a session that have no result yet, whatever carries them."""

import asyncio
import concurrent.futures
from typing import Any, Awaitable, Callable, Dict, List, NamedTuple, Sequence, Union

import grpc

from .either import Either, either
from .errors import SagabaseError, Unavailable, error_of_failure
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
from .tracing import mark
from .v1 import event_store_pb2 as api

IN_FLIGHT_MAX = 256  # what the server reads ahead

ResultOf = Callable[[AppendedToMany], Any]


class Append(NamedTuple):
    request: api.AppendSessionRequest
    future: Any  # of concurrent.futures or asyncio
    result_of: ResultOf

    def tell(self, result: api.AppendResult) -> None:
        if self.future.done():
            return  # whoever awaited it was cancelled
        if result.WhichOneof("outcome") == "appended":
            self.future.set_result(self.result_of(appended_to_many(result.appended)))
        else:
            self.future.set_exception(error_of_failure(result.failed))

    def fail(self, error: SagabaseError) -> None:
        if not self.future.done():
            self.future.set_exception(error)


class InFlight:
    """By correlation id, which grows, in the order in which they are to be committed."""

    def __init__(self) -> None:
        self._appends: Dict[int, Append] = {}
        self._newest = 0
        self._alone_until = 0  # up to it one append is sent at a time

    def __len__(self) -> int:
        return len(self._appends)

    def add(self, append: api.AppendRequest, future: Any, result_of: ResultOf) -> None:
        mark(append)
        self._newest += 1
        request = api.AppendSessionRequest(correlation_id=self._newest, append=append)
        self._appends[self._newest] = Append(request, future, result_of)

    def sendable(self, sent: int) -> List[api.AppendSessionRequest]:
        """What can be sent now on a call that has sent so far."""
        oldest = next(iter(self._appends), 0)
        if oldest <= self._alone_until:
            return [self._appends[oldest].request] if oldest > sent else []
        if self._newest <= sent:
            return []
        return [append.request for id, append in self._appends.items() if id > sent]

    def is_sent(self, sent: int) -> bool:
        """All of it, on a call that has sent so far."""
        return next(reversed(self._appends), 0) <= sent

    def send_alone(self) -> bool:
        """All that is in flight now. False: it was already."""
        oldest = next(iter(self._appends), 0)
        if oldest <= self._alone_until:
            return False
        self._alone_until = self._newest
        return True

    def single_out(self) -> Union[Append, None]:
        """An append that the server cannot even read ends the call that it is on: what was in
        flight with it is sent again one by one, and the error met by the one that it is about,
        which is taken."""
        if self.send_alone():
            return None
        return self._appends.pop(next(iter(self._appends)))

    def take(self, result: api.AppendResult) -> Append:
        """That of this result, which is to be told to it."""
        return self._appends.pop(result.correlation_id)

    def take_all(self) -> List[Append]:
        taken = list(self._appends.values())
        self._appends.clear()
        return taken


def is_about_one(error: SagabaseError) -> bool:
    """A call that ended so ended for what was on it, and not for its connection or its client."""
    return not isinstance(error, Unavailable) and error.code is not grpc.StatusCode.CANCELLED


class SessionMethods:
    @either
    def append(
        self, stream: str, events: Sequence[Event], *, expected: Expected
    ) -> "Either[concurrent.futures.Future[Appended], Awaitable[asyncio.Future[Appended]]]":
        return self._submit(append_request([StreamAppend(stream, events, expected)], ()), _of_one)

    @either
    def append_many(
        self,
        appends: Sequence[StreamAppend],
        checks: Sequence[StreamCheck] = (),
        *,
        condition: Union[Condition, None] = None,
    ) -> (
        "Either[concurrent.futures.Future[AppendedToMany], "
        "Awaitable[asyncio.Future[AppendedToMany]]]"
    ):
        return self._submit(append_request(appends, checks, condition), lambda answer: answer)

    def _submit(self, append: api.AppendRequest, result_of: ResultOf) -> Any:
        """The future of its result."""
        raise NotImplementedError


def _of_one(answer: AppendedToMany) -> Appended:
    stream = answer.streams[0]
    return Appended(stream.first_revision, stream.last_revision, answer.position, answer.replayed)
