"""A collector for tests, on OpenTelemetry's published packages: otlp_receiver.py FOLDER [BEHAVIOUR]

Listens on a free port (written to FOLDER/port) or on that of $RECEIVER_PORT, and appends what it
gets to FOLDER/spans, one JSON object for each span.

BEHAVIOUR: take (default); slow: answers nothing until it is killed; refuse: INVALID_ARGUMENT;
busy: UNAVAILABLE to the first three requests; partial: rejects one span of each request.
With $RECEIVER_TLS, a folder with cert.pem and key.pem, it speaks TLS and asks for that certificate.
Each request is a line in FOLDER/requests.
"""

import json
import os
import sys
import threading
from concurrent import futures

import grpc
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2 as service

folder = sys.argv[1]
behaviour = sys.argv[2] if len(sys.argv) > 2 else "take"
EXPORT = "/opentelemetry.proto.collector.trace.v1.TraceService/Export"
requests = 0
lock = threading.Lock()


def value_of(value):
    return getattr(value, value.WhichOneof("value"))


def attributes_of(attributes):
    return {pair.key: value_of(pair.value) for pair in attributes}


def spans_of(request):
    for resource_spans in request.resource_spans:
        for scope_spans in resource_spans.scope_spans:
            for span in scope_spans.spans:
                yield {
                    "resource": attributes_of(resource_spans.resource.attributes),
                    "scope": scope_spans.scope.name,
                    "trace": span.trace_id.hex(),
                    "span": span.span_id.hex(),
                    "parent": span.parent_span_id.hex(),
                    "name": span.name,
                    "kind": span.kind,
                    "start": span.start_time_unix_nano,
                    "end": span.end_time_unix_nano,
                    "attributes": attributes_of(span.attributes),
                    "links": [[link.trace_id.hex(), link.span_id.hex()] for link in span.links],
                    "dropped_links": span.dropped_links_count,
                    "status": span.status.code,
                }


def export(request, context):
    global requests
    with lock:
        requests += 1
        number = requests
        with open(f"{folder}/requests", "a", encoding="utf-8") as file:
            file.write(json.dumps(dict(context.invocation_metadata())) + "\n")
    if behaviour == "slow":
        threading.Event().wait()
    if behaviour == "refuse":
        context.abort(grpc.StatusCode.INVALID_ARGUMENT, "not today")
    if behaviour == "busy" and number <= 3:
        context.abort(grpc.StatusCode.UNAVAILABLE, "come back")
    with lock, open(f"{folder}/spans", "a", encoding="utf-8") as file:
        for span in spans_of(request):
            file.write(json.dumps(span) + "\n")
    response = service.ExportTraceServiceResponse()
    if behaviour == "partial":
        response.partial_success.rejected_spans = 1
    return response


class Handler(grpc.GenericRpcHandler):
    def service(self, call):
        if call.method != EXPORT:
            return None
        return grpc.unary_unary_rpc_method_handler(
            export,
            service.ExportTraceServiceRequest.FromString,
            service.ExportTraceServiceResponse.SerializeToString,
        )


server = grpc.server(futures.ThreadPoolExecutor(4), options=[("grpc.so_reuseport", 0)])
server.add_generic_rpc_handlers([Handler()])
address = f"127.0.0.1:{os.environ.get('RECEIVER_PORT', '0')}"


def pem(name):
    with open(f"{os.environ['RECEIVER_TLS']}/{name}.pem", "rb") as file:
        return file.read()


if "RECEIVER_TLS" in os.environ:
    credentials = grpc.ssl_server_credentials(
        [(pem("key"), pem("cert"))], root_certificates=pem("cert"), require_client_auth=True
    )
    port = server.add_secure_port(address, credentials)
else:
    port = server.add_insecure_port(address)
server.start()
with open(f"{folder}/port.new", "w", encoding="utf-8") as file:
    file.write(str(port))
os.rename(f"{folder}/port.new", f"{folder}/port")
server.wait_for_termination()
