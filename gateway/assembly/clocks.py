"""The product's clock and the machine's."""

from datetime import UTC, datetime, timedelta
from typing import Protocol


class SystemClock:
    """The machine's own time: sessions, leases, and the product's clock in production."""

    def now(self) -> datetime:
        return datetime.now(UTC)


class BaseClock(Protocol):
    """The time that an offset is added to."""

    def now(self) -> datetime: ...


class OffsetClock:
    """The product's clock in mock mode: the base's time and an offset, which every process reads from the database."""

    def __init__(self, base: BaseClock) -> None:
        self._base = base
        self.offset = timedelta()

    def now(self) -> datetime:
        return self._base.now() + self.offset
