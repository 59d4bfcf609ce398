"""Client of the Sagabase event store for asyncio. Start with `connect`.

It has the methods of the blocking one: those that return are awaited, those that give an iterator
are iterated over with `async for`. Events, errors and whatever else is handed over are those of
`sagabase`. A task that is cancelled leaves no call behind. It needs Python 3.11."""

import sys

if sys.version_info < (3, 11):
    raise ImportError("sagabase.aio needs Python 3.11")

from .client import Client, Reducers, Sagas, connect
from .participant import Handler, Participant
from .session import AppendSession
from .snapshots import DueStreams, Loaded, Snapshots
from .subscription import Subscription

__all__ = [
    "AppendSession",
    "Client",
    "DueStreams",
    "Handler",
    "Loaded",
    "Participant",
    "Reducers",
    "Sagas",
    "Snapshots",
    "Subscription",
    "connect",
]
