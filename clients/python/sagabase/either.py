"""What the blocking client and that of asyncio have in common.

A method that asks the server is written once, in a class that a class of each client inherits. It
makes the request and tells how the answer is read; `self._calls` makes the call, and waits or is
awaited: `calls.py` and `aio/calls.py`. So the rules stand in one place, and what is in here only
tells type checkers what a method gives in which client."""

from typing import (
    TYPE_CHECKING,
    Any,
    AsyncIterator,
    Awaitable,
    Callable,
    Generic,
    Iterator,
    TypeVar,
    overload,
)

T = TypeVar("T")
B = TypeVar("B")
A = TypeVar("A")


class Either(Generic[B, A]):
    """`B` of the blocking client, `A` of that of asyncio."""


Answer = Either[T, Awaitable[T]]
Items = Either[Iterator[T], AsyncIterator[T]]


class Blocking:
    """Its methods return when the server has answered. Any number of threads may share one."""


class Asynchronous:
    """Its methods are awaited, or iterated over with `async for`; by the tasks of one event
    loop."""


if TYPE_CHECKING:
    from typing_extensions import Concatenate, ParamSpec

    P = ParamSpec("P")

    class either(Generic[P, B, A]):
        """A method that returns Either is one of these."""

        def __init__(self, method: Callable[Concatenate[Any, P], Either[B, A]]) -> None: ...

        @overload
        def __get__(self, instance: Blocking, owner: Any) -> Callable[P, B]: ...

        @overload
        def __get__(self, instance: Asynchronous, owner: Any) -> Callable[P, A]: ...

        def __get__(self, instance: Any, owner: Any) -> Any: ...

else:

    def either(method):
        return method
