"""A circuit breaker: it opens after failures in a row, and after a time one single call finds out whether it may close.

Source: Nygard, Release It!, 5.2.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import Enum, auto


class BreakerOpen(Exception):
    """Calls are refused: the breaker is open, or its probe is under way. Nothing was sent."""


class Outcome(Enum):
    """What a call says about the counterpart. A call that ended for our own reasons says nothing."""

    ANSWERED = auto()
    FAILED = auto()
    NOTHING = auto()


class Breaker:
    """Counts failures in a row, in this process. Times are in seconds of the clock `now`.

    `failures` in a row open it for `open_s`. Then it is half open: one call goes through as a probe, whose outcome
    closes it or opens it again. `on_opened` is called when calls of this process open it, not for `open`.
    """

    def __init__(
        self,
        failures: int,
        open_s: float,
        *,
        on_opened: Callable[[], None] | None = None,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._failures = failures
        self._open_s = open_s
        self._on_opened = on_opened
        self._now = now
        self._failed = 0
        self._open_until: float | None = None
        self._is_probing = False
        # A call that began before the last change must not close or open the breaker by its late outcome.
        self._era = 0

    @property
    def is_open(self) -> bool:
        """Whether a call would be refused now."""
        return self._open_until is not None and (self._is_probing or self._now() < self._open_until)

    def open(self, for_s: float) -> None:
        """Open it because another process has found the counterpart away. Safe to repeat; a closed one alone opens."""
        if self._open_until is None:
            self._change(self._now() + for_s)

    @contextmanager
    def attempt(self, outcome_of: Callable[[BaseException | None], Outcome]) -> Iterator[None]:
        """Let one call through, and count its outcome; `outcome_of` judges what it raised. Raises BreakerOpen."""
        if self.is_open:
            raise BreakerOpen
        era, is_probe = self._era, self._open_until is not None
        self._is_probing = is_probe
        try:
            yield
        except BaseException as error:
            self._count(outcome_of(error), era)
            raise
        else:
            self._count(outcome_of(None), era)
        finally:
            if is_probe and era == self._era:
                # The probe said nothing: the next call is the probe.
                self._is_probing = False

    def _count(self, outcome: Outcome, era: int) -> None:
        if era != self._era or outcome is Outcome.NOTHING:
            return
        if outcome is Outcome.ANSWERED:
            self._failed = 0
            if self._open_until is not None:
                self._change(None)
            return
        self._failed += 1
        if self._open_until is not None or self._failed >= self._failures:
            self._change(self._now() + self._open_s)
            if self._on_opened is not None:
                self._on_opened()

    def _change(self, open_until: float | None) -> None:
        self._open_until = open_until
        self._failed = 0
        self._is_probing = False
        self._era += 1
