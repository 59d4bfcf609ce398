"""The participant that keeps the customers' credit: python3 credit.py HOST:PORT"""

import sys

from sagabase import ANY, Done, Event, Refused, StreamAppend, connect

LIMIT = 100


def balance(store, customer):
    """What is reserved or spent, and the revision that this is known from."""
    used, revision = 0, None
    stream = f"credit-{customer}"
    if any(one.name == stream for one in store.list_streams(stream)):
        for event in store.read_stream(stream):
            used += {"CreditReserved": 1, "CreditReleased": -1}.get(event.type, 0) * event.json()[
                "cents"
            ]
            revision = event.revision
    return used, revision


def event(command, type, expected=ANY):
    order = command.input
    stream = f"credit-{order['customer']}"
    return StreamAppend(stream, [Event(type, {"order": command.saga_id, "cents": order["cents"]})], expected)


def participant(store):
    def reserve(command):
        order = command.input
        used, revision = balance(store, order["customer"])
        if used + order["cents"] > LIMIT * 100:
            raise Refused("CreditLimit", f"{order['customer']} has {LIMIT * 100 - used} left")
        # Committed only if nobody changed the balance since: else the command comes again.
        expected = ANY if revision is None else revision
        return Done({"left": LIMIT * 100 - used - order["cents"]}, appends=[event(command, "CreditReserved", expected)])

    def release(command):
        return Done(appends=[event(command, "CreditReleased")])

    def charge(command):
        return Done({"receipt": f"R-{command.saga_id}"}, appends=[event(command, "Charged")])

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
