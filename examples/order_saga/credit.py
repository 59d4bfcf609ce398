"""The participant that keeps the customers' credit: python3 credit.py HOST:PORT"""

import sys

from sagabase import ANY, NO_STREAM, Done, Event, Refused, StreamAppend, StreamNotFound, connect

LIMIT_CENTS = 10_000


SIGNS = {"CreditReserved": 1, "CreditReleased": -1}


def balance(store, customer):
    """What is reserved or spent, and the state of the stream that this is known from."""
    used, known = 0, NO_STREAM
    try:
        for event in store.read_stream(f"credit-{customer}"):
            used += SIGNS.get(event.type, 0) * event.json()["cents"]
            known = event.revision
    except StreamNotFound:
        pass
    return used, known


def happened(command, type, expected=ANY):
    order = command.input
    event = Event(type, {"order": command.saga_id, "cents": order["cents"]})
    return StreamAppend(f"credit-{order['customer']}", [event], expected)


def participant(store):
    def reserve(command):
        order = command.input
        used, known = balance(store, order["customer"])
        if used + order["cents"] > LIMIT_CENTS:
            raise Refused("CreditLimit", f"{order['customer']} has {LIMIT_CENTS - used} left")
        # Committed only if nobody changed the balance since: else the command comes again.
        left = LIMIT_CENTS - used - order["cents"]
        return Done({"left": left}, appends=[happened(command, "CreditReserved", known)])

    def release(command):
        return Done(appends=[happened(command, "CreditReleased")])

    def charge(command):
        return Done({"receipt": f"R-{command.saga_id}"}, appends=[happened(command, "Charged")])

    def told(handler):
        def handle(command):
            print(f"credit: {command.type} of order {command.saga_id}", flush=True)
            return handler(command)

        return handle

    handlers = {"ReserveCredit": reserve, "ReleaseCredit": release, "ChargeCustomer": charge}
    return store.participant(
        ["credit"], {type: told(handler) for type, handler in handlers.items()}, name="credit"
    )


with connect(sys.argv[1] if len(sys.argv) > 1 else "127.0.0.1:2113") as store:
    participant(store).run()
