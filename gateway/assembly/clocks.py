"""The product's clock and the machine's."""

from datetime import UTC, datetime
from typing import Protocol

from db.clock_offset import ClockOffset


class SystemClock:
    """The machine's own time: sessions, leases, and the product's clock in production."""

    def now(self) -> datetime:
        return datetime.now(UTC)


class BaseClock(Protocol):
    """The time that an offset is added to."""

    def now(self) -> datetime:
        """The present moment as aware UTC, before the offset."""


class OffsetClock:
    """The product's clock in mock mode: the base's time and an offset, which every process reads from the database."""

    def __init__(self, base: BaseClock) -> None:
        self._base = base
        self._offset = ClockOffset()

    @property
    def offset(self) -> ClockOffset:
        """How far this clock is ahead of its base; it shrinks at a reset alone."""
        return self._offset

    def now(self) -> datetime:
        return self.base_now() + self._offset.ahead

    def base_now(self) -> datetime:
        """The time without the offset."""
        return self._base.now()

    def follow(self, offset: ClockOffset) -> None:
        """Take over an offset from the database. A lesser offset is older and is ignored."""
        self._offset = max(self._offset, offset)
