"""Books what a business trip needs: python3 travel.py HOST:PORT"""

import sys

from sagabase import ANY, Done, Event, Refused, StreamAppend, connect


def handle(command):
    trip = command.input
    print(f"travel: {command.type} of trip {command.saga_id}", flush=True)
    if command.type == "BookHotel" and trip["nights"] > 10:
        raise Refused("FullyBooked", f"no room in {trip['to']} for {trip['nights']} nights")
    happened = Event(command.type, {"to": trip["to"]})
    return Done(
        {"reference": f"{command.type[:4].upper()}-{command.saga_id}"},
        appends=[StreamAppend(f"trip-{command.saga_id}", [happened], ANY)],
    )


COMMANDS = (
    *("RequestTrip", "WithdrawRequest", "BookFlight", "CancelFlight"),
    *("BookHotel", "CancelHotel", "SendItinerary"),
)

with connect(sys.argv[1] if len(sys.argv) > 1 else "127.0.0.1:2113") as store:
    store.participant(["travel"], dict.fromkeys(COMMANDS, handle), name="travel").run()
