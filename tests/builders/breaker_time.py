"""Breakers count seconds of the machine. Where hours pass in a test, they must pass for breakers, too."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from unittest.mock import patch

from domain.clock import Clock
from providers.calling.breaker import Breaker


class BreakerTime:
    """The time of the breakers that are made within `kept`: it stands still until it follows a clock."""

    def __init__(self) -> None:
        self._clock: Clock | None = None

    def follow(self, clock: Clock) -> None:
        self._clock = clock

    @contextmanager
    def kept(self) -> Iterator[None]:
        with patch("providers.calling.guard.Breaker", partial(Breaker, now=self._seconds)):
            yield

    def _seconds(self) -> float:
        return self._clock.now().timestamp() if self._clock is not None else 0.0
