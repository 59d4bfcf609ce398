"""Runs the conformance script with grpcio and stubs generated on the spot.

usage: run.py SCRIPT PROTO_FOLDER HOST:PORT

Prints `ok - case` or `not ok - case: why` for each case. README.md says what
the script's steps mean.
"""

import importlib
import json
import os
import queue
import re
import sys
import tempfile
import threading

import grpc
from google.protobuf import json_format
from grpc_tools import protoc

SERVICES = ["event_store", "admin", "snapshots", "reducers"]
PROTOS = [f"sagabase/v1/{name}.proto" for name in SERVICES] + ["google/rpc/status.proto"]
PATIENCE_S = 30
VARIABLE = re.compile(r"^\$\{(\*|\w+)([+-]\d+)?\}$")
PLACE = re.compile(r"#+")


class Mismatch(Exception):
    """The server answered something else than the script says."""


def generate_stubs(proto_folder):
    target = tempfile.mkdtemp(prefix="sagabase-stubs.")
    well_known = os.path.join(os.path.dirname(protoc.__file__), "_proto")
    arguments = ["protoc", "-I" + proto_folder, "-I" + well_known]
    arguments += ["--python_out=" + target, "--grpc_python_out=" + target]
    if protoc.main(arguments + PROTOS) != 0:
        sys.exit("protoc failed")
    # google/ must not hide the installed google.protobuf: only its status is wanted.
    sys.path.insert(0, target)
    import google

    google.__path__.append(os.path.join(target, "google"))


# --- the script's notation ---------------------------------------------------


def expand(value, index=None):
    """Writes out $repeat and $list, and an item's index for each run of #."""
    if isinstance(value, dict):
        if "$repeat" in value:
            return value["$repeat"] * value["times"]
        if "$list" in value:
            return [expand(value["of"], i) for i in range(value["$list"])]
        return {key: expand(item, index) for key, item in value.items()}
    if isinstance(value, list):
        return [expand(item, index) for item in value]
    if isinstance(value, str) and index is not None:
        return PLACE.sub(lambda place: str(index).zfill(len(place.group())), value)
    return value


def variable_value(match, variables):
    value = variables[match.group(1)]
    return str(int(value) + int(match.group(2))) if match.group(2) else value


def substitute(value, variables):
    if isinstance(value, dict):
        return {key: substitute(item, variables) for key, item in value.items()}
    if isinstance(value, list):
        return [substitute(item, variables) for item in value]
    match = VARIABLE.match(value) if isinstance(value, str) else None
    return variable_value(match, variables) if match else value


def compare(expected, actual, variables, where):
    """Every expected field has to be there; the answer may hold more. Lists have to be as long."""
    if isinstance(expected, dict):
        if not isinstance(actual, dict):
            raise Mismatch(f"{where}: {actual!r} is no message")
        for key, item in expected.items():
            if key not in actual:
                raise Mismatch(f"{where}.{key}: not set")
            compare(item, actual[key], variables, f"{where}.{key}")
        return
    if isinstance(expected, list):
        if len(expected) != len(actual):
            raise Mismatch(f"{where}: {len(actual)} instead of {len(expected)}")
        for i, item in enumerate(expected):
            compare(item, actual[i], variables, f"{where}[{i}]")
        return
    match = VARIABLE.match(expected) if isinstance(expected, str) else None
    if match and match.group(1) == "*":
        return
    if match and match.group(1) not in variables:
        offset = int(match.group(2) or 0)
        variables[match.group(1)] = str(int(actual) - offset) if offset else actual
        return
    wanted = variable_value(match, variables) if match else expected
    if wanted != actual:
        raise Mismatch(f"{where}: {str(actual)[:200]!r} instead of {str(wanted)[:200]!r}")


# --- the calls ---------------------------------------------------------------


OPTIONS = [("grpc.max_receive_message_length", 16 << 20)]


class Api:
    """Methods, request types and stubs by name, and how they are called."""

    def __init__(self, channel):
        self.channel = channel
        self.methods = {}
        for name in SERVICES:
            module = importlib.import_module(f"sagabase.v1.{name}_pb2")
            stubs = importlib.import_module(f"sagabase.v1.{name}_pb2_grpc")
            for service in module.DESCRIPTOR.services_by_name.values():
                stub = getattr(stubs, service.name + "Stub")(self.channel)
                for method in service.methods:
                    request = getattr(module, method.input_type.name)
                    self.methods[method.name] = (getattr(stub, method.name), request)
        self.messages = importlib.import_module("sagabase.v1.event_store_pb2")

    def parse(self, name, body):
        return json_format.ParseDict(body, self.methods[name][1]())

    def answer(self, name, request):
        return self.methods[name][0](request, timeout=PATIENCE_S)

    def read(self, name, request):
        return list(self.methods[name][0](request, timeout=PATIENCE_S))

    def answers(self, name, requests):
        return list(self.methods[name][0](iter(requests), timeout=PATIENCE_S))

    def raw(self, path, request):
        self.channel.unary_unary(path)(request, timeout=PATIENCE_S)

    def open(self, name, request):
        return ReadAhead(self.methods[name][0](request))


def to_json(message):
    options = {"preserving_proto_field_name": True}
    try:
        return json_format.MessageToDict(
            message, always_print_fields_with_no_presence=True, **options
        )
    except TypeError:  # protobuf before 5.26
        return json_format.MessageToDict(message, including_default_value_fields=True, **options)


def detail_of(api, error, name):
    from google.rpc import status_pb2

    for key, value in error.trailing_metadata() or ():
        if key == "grpc-status-details-bin":
            conflict = getattr(api.messages, name)()
            for detail in status_pb2.Status.FromString(value).details:
                if detail.Unpack(conflict):
                    return to_json(conflict)
    return None


def check_error(api, expected, error, variables):
    compare(expected["code"], error.code().name, variables, f"code ({error.details()})")
    if expected["message"] not in error.details():
        raise Mismatch(f"message: {error.details()!r} without {expected['message']!r}")
    for key, name in [("conflict", "RevisionConflict"), ("condition", "ConditionConflict")]:
        if key in expected:
            compare(expected[key], detail_of(api, error, name), variables, key)


class ReadAhead:
    """Reads a call on a thread of its own, so that a step can wait with patience."""

    def __init__(self, call):
        self.call = call
        self.received = queue.Queue()
        threading.Thread(target=self.run, daemon=True).start()

    def run(self):
        try:
            for message in self.call:
                self.received.put(message)
        except grpc.RpcError as error:
            self.received.put(error)

    def next(self):
        """Its next message or its error. TimeoutError: neither came."""
        try:
            return self.received.get(timeout=PATIENCE_S)
        except queue.Empty:
            raise TimeoutError from None

    def cancel(self):
        self.call.cancel()


class Subscription:
    def __init__(self, call):
        self.call = call
        self.pending = []  # events that came behind what a step waited for

    def next(self):
        try:
            message = self.call.next()
        except TimeoutError:
            raise Mismatch("subscription: nothing more came") from None
        if isinstance(message, grpc.RpcError):
            raise Mismatch(f"subscription ended: {message.code().name} {message.details()}")
        return message

    def receive(self, step, variables):
        events, self.pending = self.pending, []
        until, wanted = step.get("until"), step.get("events")
        while until or len(events) < len(wanted):
            message = self.next()
            kind = message.WhichOneof("message")
            if kind == "events":
                events += [to_json(event) for event in message.events.events]
            if kind == until:
                if "message" in step:
                    compare(step["message"], to_json(getattr(message, kind)), variables, kind)
                break
        if wanted is not None:
            if not until:
                events, self.pending = events[: len(wanted)], events[len(wanted) :]
            compare(wanted, events, variables, "events")


def loaded(responses):
    answer = to_json(responses[0])
    answer["events"] = [to_json(event) for response in responses for event in response.events]
    return answer


def run_call(api, step, variables):
    """What a call answered: its message, or its messages' repeated field joined."""
    name = step["call"]
    if name == "AppendSession":
        items = substitute(expand(step["requests"]), variables)
        requests = [api.parse(name, item) for item in items]
        responses = api.answers(name, requests)
        return "results", [to_json(item) for response in responses for item in response.results]
    request = api.parse(name, substitute(expand(step["request"]), variables))
    if name in ("ReadStream", "ReadAll", "Subscribe"):
        responses = api.read(name, request)
        return "events", [to_json(event) for response in responses for event in response.events]
    if name == "LoadStream":
        return "loaded", loaded(api.read(name, request))
    return "response", to_json(api.answer(name, request))


def run_raw(api, step):
    api.raw(step["raw"], bytes.fromhex(step["request_hex"]))
    return "response", None


def run_step(api, step, variables, subscriptions):
    if "open" in step:
        request = api.parse(step["open"], substitute(expand(step["request"]), variables))
        subscriptions[step["as"]] = Subscription(api.open(step["open"], request))
    elif "receive" in step:
        subscriptions[step["receive"]].receive(expand(step), variables)
    elif "cancel" in step:
        subscriptions.pop(step["cancel"]).call.cancel()
    else:
        try:
            part, answer = run_raw(api, step) if "raw" in step else run_call(api, step, variables)
        except grpc.RpcError as error:
            if "error" not in step:
                raise Mismatch(f"{error.code().name}: {error.details()}") from None
            check_error(api, step["error"], error, variables)
            return
        if "error" in step:
            raise Mismatch(f"no {step['error']['code']}")
        compare(expand(step[part]), answer, variables, part)


def run_case(api, case):
    variables, subscriptions = {}, {}
    try:
        for number, step in enumerate(case["steps"], 1):
            try:
                run_step(api, step, variables, subscriptions)
            except Mismatch as mismatch:
                return f"step {number}: {mismatch}"
    finally:
        for subscription in subscriptions.values():
            subscription.call.cancel()
    return None


def run_script(script, api):
    with open(script, encoding="utf-8") as file:
        cases = json.load(file)["cases"]
    failures = 0
    for case in cases:
        why = run_case(api, case)
        failures += why is not None
        print(f"not ok - {case['name']}: {why}" if why else f"ok - {case['name']}", flush=True)
    return 1 if failures else 0


def main():
    script, proto_folder, address = sys.argv[1:]
    generate_stubs(proto_folder)
    return run_script(script, Api(grpc.insecure_channel(address, options=OPTIONS)))


if __name__ == "__main__":
    sys.exit(main())
