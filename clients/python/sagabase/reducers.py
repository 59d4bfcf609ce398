"""Reducers and upcasters: states that the server computes, events in their newest form."""

import dataclasses
import datetime
import json
from typing import Any, List, Sequence, Union

import grpc

from .either import Answer, Blocking, either
from .errors import NoState
from .events import moment
from .v1 import reducers_pb2 as api
from .v1 import reducers_pb2_grpc

_EVENT = object()  # the event's own data


@dataclasses.dataclass(frozen=True)
class MergePatch:
    """Events of this type change the state, a JSON object, by `patch` (RFC 7396), or by their own
    data if there is none. `at` names the part of the state that is patched, outermost first."""

    event_type: str
    at: Sequence[str] = ()
    patch: Any = _EVENT


# What folds events: Lua, or rules of merge patches.
Folding = Union[str, Sequence[MergePatch]]


@dataclasses.dataclass(frozen=True)
class Disabled:
    """Why and at which event something failed, so that it does not run any more."""

    error: str
    stream: str
    revision: int
    failed: datetime.datetime


@dataclasses.dataclass(frozen=True)
class Reducer:
    """What folds the streams of a category. `disabled` None: it runs."""

    category: str
    folding: Folding
    hash: str
    put: datetime.datetime
    disabled: Union[Disabled, None]


@dataclasses.dataclass(frozen=True)
class Upcaster:
    """What shows events of a type in their newest form. `disabled` None: it runs."""

    event_type: str
    source: str
    hash: str
    put: datetime.datetime
    disabled: Union[Disabled, None]


@dataclasses.dataclass(frozen=True)
class State:
    """What a reducer made of the events up to `revision`; `folded` of them for this answer, those
    behind the snapshot that it began with."""

    value: Any
    revision: int
    reducer_hash: str
    folded: int


def _rule(rule: MergePatch) -> api.MergePatchRule:
    patch = "" if rule.patch is _EVENT else json.dumps(rule.patch, ensure_ascii=False)
    return api.MergePatchRule(event_type=rule.event_type, at=rule.at, patch=patch)


def _merge_patch(rule: api.MergePatchRule) -> MergePatch:
    patch = json.loads(rule.patch) if rule.patch else _EVENT
    return MergePatch(rule.event_type, tuple(rule.at), patch)


def _disabled(info: Union[api.ReducerInfo, api.UpcasterInfo]) -> Union[Disabled, None]:
    if not info.HasField("disabled"):
        return None
    why = info.disabled
    return Disabled(why.error, why.stream, why.revision, moment(why.failed_us))


def _reducer(info: api.ReducerInfo) -> Reducer:
    if info.reducer.WhichOneof("kind") == "lua":
        folding: Folding = info.reducer.lua.source
    else:
        folding = [_merge_patch(rule) for rule in info.reducer.merge_patch.rules]
    return Reducer(info.reducer.category, folding, info.hash, moment(info.put_us), _disabled(info))


def _upcaster(info: api.UpcasterInfo) -> Upcaster:
    return Upcaster(
        info.upcaster.event_type,
        info.upcaster.source,
        info.hash,
        moment(info.put_us),
        _disabled(info),
    )


def _state(answer: api.GetStateResponse) -> State:
    return State(json.loads(answer.state), answer.revision, answer.reducer_hash, answer.folded)


class ReducerMethods:
    """`client.reducers`."""

    def __init__(self, channel: Any, calls: Any) -> None:
        self._calls = calls
        self._reducers = reducers_pb2_grpc.ReducersStub(channel)

    @either
    def put(self, category: str, folding: Folding) -> Answer[str]:
        """Registers what folds the streams of a category, in place of the one before: the source
        of Lua that returns a function of state and event that returns the next state, or rules.
        Returns its hash. InvalidRequest if it does not compile."""
        reducer = api.Reducer(category=category)
        if isinstance(folding, str):
            reducer.lua.source = folding
        else:
            reducer.merge_patch.CopyFrom(api.MergePatchReducer(rules=map(_rule, folding)))
        request = api.PutReducerRequest(reducer=reducer)
        return self._calls.unary(self._reducers.PutReducer, request, lambda answer: answer.hash)

    @either
    def delete(self, category: str) -> Answer[bool]:
        """Whether there was one."""
        request = api.DeleteReducerRequest(category=category)
        return self._calls.unary(
            self._reducers.DeleteReducer, request, lambda answer: answer.deleted
        )

    @either
    def list(self) -> Answer[List[Reducer]]:
        """All, by category."""
        request = api.ListReducersRequest()
        return self._calls.unary(
            self._reducers.ListReducers,
            request,
            lambda answer: list(map(_reducer, answer.reducers)),
        )

    @either
    def state(self, stream: str, *, at: Union[int, None] = None) -> Answer[State]:
        """As of now, or after the event of the revision `at`. NoState if the stream's category
        has no reducer that runs, StreamNotFound, RevisionNotFound."""
        request = api.GetStateRequest(stream=stream, revision=at)
        told_as = {grpc.StatusCode.FAILED_PRECONDITION: NoState}
        return self._calls.unary(self._reducers.GetState, request, _state, told_as)

    @either
    def put_upcaster(self, event_type: str, source: str) -> Answer[str]:
        """Registers the source of Lua that returns a function of an event, stored with this type,
        that returns it in its newest form. Returns its hash."""
        upcaster = api.Upcaster(event_type=event_type, source=source)
        request = api.PutUpcasterRequest(upcaster=upcaster)
        return self._calls.unary(self._reducers.PutUpcaster, request, lambda answer: answer.hash)

    @either
    def delete_upcaster(self, event_type: str) -> Answer[bool]:
        """Whether there was one."""
        request = api.DeleteUpcasterRequest(event_type=event_type)
        return self._calls.unary(
            self._reducers.DeleteUpcaster, request, lambda answer: answer.deleted
        )

    @either
    def list_upcasters(self) -> Answer[List[Upcaster]]:
        """All, by type of event."""
        request = api.ListUpcastersRequest()
        return self._calls.unary(
            self._reducers.ListUpcasters,
            request,
            lambda answer: list(map(_upcaster, answer.upcasters)),
        )


class Reducers(ReducerMethods, Blocking):
    """`client.reducers`. Any number of threads may share one."""
