"""Traces: where the work at hand belongs, in the words of https://www.w3.org/TR/trace-context/.

With the package opentelemetry-api that is its current span, and each command is handled in a span
of its own. Without it, calls that a handler makes belong where its command does."""

import contextlib
import contextvars
from typing import Dict, Iterator, Mapping, Sequence, Tuple, Union

from .v1 import event_store_pb2 as api
from .v1 import participant_pb2

try:
    from opentelemetry import trace
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

    _w3c = TraceContextTextMapPropagator()
except ImportError:
    trace = None

METADATA_ENTRIES_MAX = 64  # of an event

_handled: "contextvars.ContextVar[Mapping[str, str]]" = contextvars.ContextVar(
    "sagabase_handled", default={}
)


def current() -> Mapping[str, str]:
    """"traceparent" and perhaps "tracestate"; empty: there is no trace."""
    if trace is None:
        return _handled.get()
    carrier: Dict[str, str] = {}
    _w3c.inject(carrier)
    return carrier


def headers() -> Union[Sequence[Tuple[str, str]], None]:
    """The same for a call."""
    return tuple(current().items()) or None


def mark(append: api.AppendRequest) -> None:
    """The same for events that share a call with events of other traces."""
    entries = current()
    for one in append.appends:
        for event in one.events:
            if "traceparent" in event.metadata or "tracestate" in event.metadata:
                continue
            if len(event.metadata) + len(entries) <= METADATA_ENTRIES_MAX:
                event.metadata.update(entries)


@contextlib.contextmanager
def handling(command: participant_pb2.Command) -> Iterator[None]:
    """What happens within belongs to this command."""
    given = {"traceparent": command.traceparent, "tracestate": command.tracestate}
    given = {name: value for name, value in given.items() if value}
    if trace is None:
        token = _handled.set(given)
        try:
            yield
        finally:
            _handled.reset(token)
        return
    with trace.get_tracer("sagabase").start_as_current_span(
        f"handle {command.type}",
        context=_w3c.extract(given),
        kind=trace.SpanKind.SERVER,
        attributes={
            "sagabase.command.id": command.command_id,
            "sagabase.saga.type": command.saga_type,
            "sagabase.saga.id": command.saga_id,
            "sagabase.step": command.step,
            "sagabase.queue": command.queue,
            "sagabase.attempt": command.attempt,
        },
    ):
        yield


def failed(error: BaseException) -> None:
    """The command that is being handled could not be done."""
    if trace is not None:
        span = trace.get_current_span()
        span.record_exception(error)
        span.set_status(trace.StatusCode.ERROR, str(error)[:200])
