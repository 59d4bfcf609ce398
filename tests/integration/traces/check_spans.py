"""check_spans.py FILE: judges what OpenTelemetry's collector has written, OTLP as JSON lines."""

import collections
import json
import sys

SERVER, CLIENT, INTERNAL = 2, 3, 1
MS = 1000000


class Span:
    def __init__(self, resource, span):
        self.service = resource.get("service.name")
        self.trace, self.id = span["traceId"], span["spanId"]
        self.parent = span.get("parentSpanId", "")
        self.name, self.kind = span["name"], span["kind"]
        self.start, self.end = int(span["startTimeUnixNano"]), int(span["endTimeUnixNano"])
        self.failed = span.get("status", {}).get("code") == 2
        self.links = [(link["traceId"], link["spanId"]) for link in span.get("links", [])]
        self.attributes = values(span)

    def __repr__(self):
        return f"{self.service}: {self.name} {self.id} below {self.parent} {self.attributes}"


def values(holder):
    return {
        one["key"]: next(iter(one["value"].values())) for one in holder.get("attributes", [])
    }


def spans_of(file):
    for line in open(file, encoding="utf-8"):
        for of_resource in json.loads(line)["resourceSpans"]:
            resource = values(of_resource["resource"])
            for of_scope in of_resource["scopeSpans"]:
                yield from (Span(resource, span) for span in of_scope["spans"])


spans = list(spans_of(sys.argv[1]))
by_trace = collections.defaultdict(list)
for one in spans:
    by_trace[one.trace].append(one)
failures = 0


def check(name, holds, *told):
    global failures
    print("ok - " + name if holds else f"not ok - {name}: {told}")
    failures += not holds


def the(among, name, **wanted):
    """The one span of this name."""
    found = [
        one
        for one in among
        if one.name == name
        and all(one.attributes.get(f"sagabase.{key}") == value for key, value in wanted.items())
    ]
    assert len(found) == 1, (name, wanted, found, among)
    return found[0]


def saga_trace(id):
    """Of the saga of this id: all spans of its trace."""
    (saga,) = [
        one
        for one in spans
        if one.name == "saga order" and one.attributes["sagabase.saga.id"] == id
    ]
    return by_trace[saga.trace]


def shape(among, root, depth=0):
    """The tree as lines, in the order of time."""
    below = sorted((one for one in among if one.parent == root.id), key=lambda one: one.start)
    lines = [f"{'  ' * depth}{root.service}: {root.name}"]
    for one in below:
        lines += shape(among, one, depth + 1)
    return lines


# --- a saga that crosses two participants in two languages

good = saga_trace("good")
ids = {one.id for one in good}
check("no two spans have one id", len(ids) == len(good))
check("every span but the first is below another of its trace",
      [one.name for one in good if one.parent not in ids] == ["buy good"])
check("three services share the trace",
      {one.service for one in good} == {"sagabase", "payments", "shipping"})
buy, saga = the(good, "buy good"), the(good, "saga order")
pay, ship = the(good, "step pay"), the(good, "step ship")
taken, shipped = the(good, "handle TakeMoney"), the(good, "handle Ship")
started = the(good, "sagabase.v1.Sagas/StartSaga")
appended = the(good, "sagabase.v1.EventStore/AppendToStream")
check("the call that starts it is below the starter's span", started.parent == buy.id)
check("the saga is below its starter's span", saga.parent == buy.id)
check("each attempt is below its saga", (pay.parent, ship.parent) == (saga.id, saga.id))
check("... and linked to it", pay.links == ship.links == [(saga.trace, saga.id)])
check("the participant in Python works below its attempt", taken.parent == pay.id)
check("the participant in Node works below its attempt", shipped.parent == ship.id)
check("what a handler calls is below its span", appended.parent == shipped.id)
commits = [one for one in spans if one.name == "commit"]  # perhaps with another saga's changes
for one in (started, pay, ship, appended):
    linked = [commit for commit in commits if (one.trace, one.id) in commit.links]
    check(f"a commit is linked to {one.name}", len(linked) == 1, linked)
check("... and below one that it is linked to",
      all((one.trace, one.parent) in one.links for one in commits), commits)
check("an attempt tells what it is about",
      {key: value for key, value in pay.attributes.items() if key != "sagabase.command.id"} == {
          "sagabase.saga.type": "order", "sagabase.saga.id": "good", "sagabase.step": "pay",
          "sagabase.queue": "payments", "sagabase.command.type": "TakeMoney",
          "sagabase.operation": "action", "sagabase.attempt": "1", "sagabase.deliveries": "1",
          "sagabase.outcome": "success"}, pay)
check("participant and server name the same command",
      taken.attributes["sagabase.command.id"] == pay.attributes["sagabase.command.id"])
check("the saga tells how it ended", saga.attributes["sagabase.outcome"] == "completed", saga)
check("an attempt lasts as long as its handler and more",
      pay.start <= taken.start + MS and taken.end <= pay.end + MS, pay, taken)
check("a saga lasts as long as its attempts",
      saga.start <= pay.start + MS and pay.end <= ship.start + MS and ship.end <= saga.end + MS,
      good)
check("kinds pair the server's attempts with the participants' work",
      (pay.kind, ship.kind, taken.kind, shipped.kind, saga.kind)
      == (CLIENT, CLIENT, SERVER, SERVER, INTERNAL))

# --- one that is retried, then refused, then undone

bad = saga_trace("bad")
saga = the(bad, "saga order")
attempts = sorted((one for one in bad if one.name.startswith(("step ", "undo "))),
                  key=lambda one: one.start)
told = [(one.name, one.attributes["sagabase.operation"],
         one.attributes["sagabase.attempt"], one.attributes["sagabase.outcome"], one.failed,
         one.attributes.get("error.type")) for one in attempts]
check("a span for each attempt, also of the compensation", told == [
    ("step pay", "action", "1", "success", False, None),
    ("step ship", "action", "1", "error", True, "Error"),
    ("step ship", "action", "2", "failure", False, "NoSuchAddress"),
    ("undo pay", "compensation", "1", "success", False, None)], told)
handlers = [one for one in bad if one.name.startswith("handle ")]
check("each attempt has its handler", sorted(one.parent for one in handlers)
      == sorted(one.id for one in attempts), bad)
check("what a handler throws fails its span, a refusal does not",
      sorted(one.failed for one in handlers) == [False, False, False, True], handlers)
check("the saga tells that it went back", saga.attributes["sagabase.outcome"] == "compensated"
      and saga.attributes["error.type"] == "NoSuchAddress", saga)

# --- one that outlives its server

kept = saga_trace("kept")
check("after a restart spans are where they belong",
      shape([one for one in kept if one.name != "commit"], the(kept, "buy kept")) == [
          "payments: buy kept", "  sagabase: sagabase.v1.Sagas/StartSaga",
          "  sagabase: saga order", "    sagabase: step pay", "      payments: handle TakeMoney",
          "    sagabase: step ship", "      shipping: handle Ship",
          "        sagabase: sagabase.v1.EventStore/AppendToStream"], kept)

# --- one whose starter knows nothing of traces, and one that nobody samples

alone = saga_trace("alone")
check("without a starter's span a saga is below the call that started it",
      the(alone, "saga order").parent == the(alone, "sagabase.v1.Sagas/StartSaga").id
      and the(alone, "sagabase.v1.Sagas/StartSaga").parent == "")
check("... and its participants belong to it, too",
      {one.service for one in alone} == {"sagabase", "payments", "shipping"})
check("what its starter does not sample has no spans",
      not any("unsampled" in one.attributes.values() for one in spans)
      and "0af7651916cd43dd8448eb211c80319c" not in by_trace)
sys.exit(1 if failures else 0)
