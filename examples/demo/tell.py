#!/usr/bin/python3
"""Tells what a subscription delivers: reads COUNT events as JSON lines from stdin, then draws.

Checks on the way what the store promises: positions count up from 0 without a gap, and so do the
revisions of each stream.
"""

import collections
import json
import sys

SHOWN_MAX = 5
BAR_COLUMNS = 36
SIGNS = {"FileAdded": "+", "FileRemoved": "-", "FileRenamed": ">"}


def events(lines, count):
    while count > 0:
        line = lines.readline()
        if not line:
            sys.exit(f"demo: the subscription ended {count} events early")
        event = json.loads(line)
        if "position" in event and "revision" in event:
            yield event
            count -= 1


def draw_bar(value, most):
    return "#" * max(1, round(BAR_COLUMNS * value / most))


def draw_event(event):
    data = event.get("data") or {}
    sign = SIGNS.get(event["type"], "~")
    day = event.get("metadata", {}).get("time", data.get("time", ""))[:10]
    print(f"    {event['position']:>6}  {day:10}  {sign} {data.get('path', '')}")


def main():
    count = int(sys.argv[1])
    newest, types = {}, collections.Counter()
    for position, event in enumerate(events(sys.stdin, count)):
        revision = newest.get(event["stream"], -1) + 1
        if event["position"] != position or event["revision"] != revision:
            sys.exit(f"demo: a gap before {event}")
        newest[event["stream"]] = revision
        types[event["type"]] += 1
        if position == SHOWN_MAX and count > 2 * SHOWN_MAX:
            print("       ...")
        if position < SHOWN_MAX or position >= count - SHOWN_MAX:
            draw_event(event)

    sizes = sorted(((revision + 1, name) for name, revision in newest.items()), reverse=True)
    width = max(len(name) for _, name in sizes)
    print(f"\n    {count} events in order, without a gap, in {len(sizes)} streams:\n")
    for size, name in sizes[: 2 * SHOWN_MAX]:
        print(f"    {name:{width}}  {size:>6}  {draw_bar(size, sizes[0][0])}")
    print("\n    " + ", ".join(f"{number} {name}" for name, number in types.most_common()))


if __name__ == "__main__":
    main()
