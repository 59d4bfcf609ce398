"""The participant in Python where OpenTelemetry is not installed, until SIGTERM:
plain_participant.py ADDRESS READY"""

import signal
import sys

sys.modules["opentelemetry"] = None  # importing it fails

from sagabase import ANY, Event, connect  # noqa: E402

address, ready = sys.argv[1:]
with connect(address) as client, client.append_session() as session:

    def take_money(command):
        client.append("called-python", [Event("Paid", {})], expected=ANY)
        session.append("sent-python", [Event("Paid", {})], expected=ANY).result()

    participant = client.participant(["payments"], {"TakeMoney": take_money})
    signal.signal(signal.SIGTERM, lambda *_: participant.close())
    with open(ready, "w", encoding="utf-8"):
        pass
    participant.run()
