"""When to try again, and when to give up."""

import dataclasses
import random

from .errors import SagabaseError, Unavailable


@dataclasses.dataclass(frozen=True)
class Retry:
    """A call that is UNAVAILABLE or has no answer in time is made again, `attempts` times in all.
    The delay between two attempts doubles from `delay` up to `delay_max` seconds, and a random
    part of up to half of it is taken off, so that many clients do not come back at once. Where
    calls last, in sessions and subscriptions, whatever arrives starts the count again."""

    attempts: int = 10
    delay: float = 0.05
    delay_max: float = 2.0

    def __post_init__(self) -> None:
        if self.attempts < 1 or not 0 < self.delay <= self.delay_max:
            raise ValueError("Retry: at least 1 attempt, and 0 < delay <= delay_max")


class Backoff:
    """Counts the attempts of one call."""

    def __init__(self, retry: Retry) -> None:
        self._retry = retry
        self._failed = 0

    def reset(self) -> None:
        self._failed = 0

    def delay_behind(self, error: SagabaseError) -> float:
        """Seconds to wait before the next attempt. Raises the error if there is none."""
        self._failed += 1
        if not isinstance(error, Unavailable) or self._failed >= self._retry.attempts:
            raise error
        doublings = min(self._failed - 1, 30)
        delay = min(self._retry.delay * 2**doublings, self._retry.delay_max)
        return delay * random.uniform(0.5, 1.0)
