"""Places orders, each in a trace of its own: python3 shop.py HOST:PORT ORDERS_A_SECOND"""

import itertools
import sys
import time

import spans
from sagabase import NO_STREAM, Event, SagabaseError, connect

# There is no lamp, and the vase breaks when it is first picked.
ITEMS = ("book", "vase", "book", "lamp", "book")
CUSTOMERS = ("ann", "bob", "eve")


def place(store, tracer, number):
    item = ITEMS[number % len(ITEMS)]
    order = {"customer": CUSTOMERS[number % len(CUSTOMERS)], "item": item, "cents": 1200}
    id = f"{time.strftime('%H%M%S')}-{number}"
    about = {"order.id": id, "order.item": item}
    with tracer.start_as_current_span("place order", attributes=about):
        try:
            placed = Event("OrderPlaced", order)
            store.append(f"order-{id}", [placed], expected=NO_STREAM)
        except SagabaseError as failed:  # the next customer comes anyway
            print(f"shop: order {id}: {failed}", flush=True)


def main(address, orders_a_second):
    tracer = spans.tracer()
    with connect(address) as store:
        began = time.monotonic()
        for number in itertools.count():
            place(store, tracer, number)
            time.sleep(max(0, began + (number + 1) / orders_a_second - time.monotonic()))


main(sys.argv[1], float(sys.argv[2]))
