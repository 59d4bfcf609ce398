"""Snapshots: states of streams, so that loading one need not read its whole history."""

from typing import AsyncIterator

from ..either import Asynchronous
from ..events import RecordedEvent, recorded
from ..snapshots import Due, SnapshotMethods, snapshot_on
from ..v1 import snapshots_pb2 as api
from .subscription import Following


class DueStreams(Following):
    """Streams that are due, then each that becomes so, without end. After a lost connection what is
    due then is told again."""

    def __aiter__(self) -> AsyncIterator[Due]:
        return self

    async def __aenter__(self) -> "DueStreams":
        return self


class Loaded:
    """As that of the blocking client."""

    def __init__(
        self, first: api.LoadStreamResponse, pages: AsyncIterator[api.LoadStreamResponse]
    ) -> None:
        self.snapshot = snapshot_on(first)
        self.due = first.due
        self._events = self._run(first, pages)

    def __aiter__(self) -> AsyncIterator[RecordedEvent]:
        return self

    async def __anext__(self) -> RecordedEvent:
        return await anext(self._events)

    @staticmethod
    async def _run(
        page: api.LoadStreamResponse, pages: AsyncIterator[api.LoadStreamResponse]
    ) -> AsyncIterator[RecordedEvent]:
        for event in page.events:
            yield recorded(event)
        async for page in pages:
            for event in page.events:
                yield recorded(event)


class Snapshots(SnapshotMethods, Asynchronous):
    """`client.snapshots`. Any number of tasks may share one."""
