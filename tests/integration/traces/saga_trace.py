"""What the test of traces of sagas does in Python, with OpenTelemetry's SDK:

saga_trace.py serve ADDRESS READY     takes part in the saga until SIGTERM
saga_trace.py start ADDRESS ID=KIND...  starts sagas; KIND: traced, unsampled, untraced
saga_trace.py wait ADDRESS ID...      until they have ended; prints their statuses
saga_trace.py metadata ADDRESS STREAM...  the traceparents of their newest events
"""

import signal
import sys

from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

from sagabase import ANY, Done, Event, StreamAppend, connect

TYPE = "order"
SOON = {"initial_interval_ms": 1, "maximum_attempts": 2}
DEFINITION = {
    "type": TYPE,
    "nodes": [
        {
            "name": "pay",
            "step": {
                "action": {"queue": "payments", "type": "TakeMoney"},
                "compensation": {"queue": "payments", "type": "ReturnMoney"},
                "timeouts": {"start_to_close_ms": 60000},
            },
        },
        {
            "name": "ship",
            "step": {
                "action": {"queue": "shipping", "type": "Ship"},
                "nothing_to_undo": True,
                "idempotent": True,
                "timeouts": {"start_to_close_ms": 60000},
                "retry": SOON,
            },
        },
    ],
}

provider = TracerProvider()
provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(insecure=True)))
trace.set_tracer_provider(provider)
tracer = trace.get_tracer("saga_trace")


def serve(client, ready):
    def take_money(command):
        paid = StreamAppend(f"payment-{command.saga_id}", [Event("Paid", {})], ANY)
        return Done(appends=[paid])

    participant = client.participant(
        ["payments"], {"TakeMoney": take_money, "ReturnMoney": lambda command: None}
    )
    signal.signal(signal.SIGTERM, lambda *_: participant.close())
    with open(ready, "w", encoding="utf-8"):
        pass
    participant.run()


def start(client, *sagas):
    client.sagas.define(DEFINITION)
    for saga in sagas:
        start_one(client, *saga.split("="))


def start_one(client, id, kind):
    if kind == "untraced":
        client.sagas.start(TYPE, id)
        return
    if kind == "traced":
        with tracer.start_as_current_span(f"buy {id}"):
            client.sagas.start(TYPE, id)
        return
    unsampled = trace.SpanContext(0x0AF7651916CD43DD8448EB211C80319C, 0xB7AD6B7169203331, False)
    with trace.use_span(trace.NonRecordingSpan(unsampled)):
        client.sagas.start(TYPE, id)


def wait(client, *ids):
    for id in ids:
        print(id, client.sagas.wait(TYPE, id).status.name)


def metadata(client, *streams):
    for stream in streams:
        (event,) = client.read_stream(stream, backwards=True, count=1)
        print(event.metadata.get("traceparent", ""))


verb, address, *arguments = sys.argv[1:]
with connect(address) as opened:
    {"serve": serve, "start": start, "wait": wait, "metadata": metadata}[verb](opened, *arguments)
provider.shutdown()
