"""Starts a saga for each order that is placed: python3 orders.py HOST:PORT"""

import sys

import spans
from opentelemetry import propagate
from opentelemetry.trace import SpanKind
from sagabase import QueryItem, RecordedEvent, connect

tracer = spans.tracer()


def take(store, event):
    """In the trace of the event. Doing it again, after a restart, attaches to the saga there is."""
    with tracer.start_as_current_span(
        "take order", propagate.extract(event.metadata), SpanKind.CONSUMER
    ):
        store.sagas.start("order", event.stream[len("order-") :], event.json())


with connect(sys.argv[1]) as store:
    for item in store.subscribe(query=[QueryItem(types=["OrderPlaced"])]):
        if isinstance(item, RecordedEvent):
            take(store, item)
