"""Waking the subscribers of a user. A wake-up carries no data: what happened is read from the database."""

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from typing import Protocol


class WakeUp(Protocol):
    """The wake-ups of one listener. Wake-ups that come while the listener is busy count as one."""

    async def wait(self) -> None:
        """Return at once if a wake-up came since the last call, else when the next one comes."""


class Fanout(Protocol):
    """Wakes listeners in all processes. A channel is named by an id: that of a user or of a session.

    A wake-up may be lost or come twice, so a listener also reads the database from time to time.
    """

    def publish(self, channel: str) -> None:
        """Wake the channel's listeners in every process. Never waits and never raises. Safe to repeat."""

    def wake(self, channel: str) -> None:
        """Wake the channel's listeners in this process alone. Never waits and never raises. Safe to repeat."""

    def channels(self) -> Sequence[str]:
        """The channels that have a listener in this process."""

    async def run(self) -> None:
        """Carry wake-ups to and from other processes until cancelled. Trouble on the line is logged, not raised."""

    async def close(self) -> None:
        """Close the connections. Call it after `run` has ended."""

    def listen(self, *channels: str) -> AbstractAsyncContextManager[WakeUp]:
        """Listen to the channels for as long as the context is open: no wake-up after its start is missed here."""
