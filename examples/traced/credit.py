"""The participant that keeps the customers' credit: python3 credit.py HOST:PORT

The package makes a span for each command, below that of the saga's attempt; what is done for it is
told in spans below that one."""

import random
import sys
import time

import spans
from sagabase import ANY, Done, Event, StreamAppend, connect

tracer = spans.tracer()


def told(command, type):
    """The event that says what was done. It is committed with the reply, or not at all."""
    event = Event(type, {"order": command.saga_id, "cents": command.input["cents"]})
    return Done(appends=[StreamAppend(f"credit-{command.input['customer']}", [event], ANY)])


def charge(command):
    with tracer.start_as_current_span("ask the bank"):
        time.sleep(random.uniform(0.01, 0.06))
    return told(command, "Charged")


handlers = {
    "ReserveCredit": lambda command: told(command, "CreditReserved"),
    "ReleaseCredit": lambda command: told(command, "CreditReleased"),
    "ChargeCustomer": charge,
}
with connect(sys.argv[1]) as store:
    store.participant(["credit"], handlers, name="credit").run()
