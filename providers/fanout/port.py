"""Waking the subscribers of a user: hints alone, for the truth is read from the database."""

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from typing import Protocol


class WakeUp(Protocol):
    async def wait(self) -> None:
        """Returns at once where a hint came since the last call, else with the next one."""


class Fanout(Protocol):
    """Channels are named by ids: a user's stream, a session."""

    def publish(self, channel: str) -> None:
        """Tell whoever listens that there is something to look at. May be lost."""

    def wake(self, channel: str) -> None:
        """As `publish`, in this process alone."""

    def channels(self) -> Sequence[str]:
        """What is listened to in this process."""

    async def run(self) -> None:
        """Carry hints to and from other processes, until cancelled."""

    async def close(self) -> None:
        """Let go of connections."""

    def listen(self, *channels: str) -> AbstractAsyncContextManager[WakeUp]:
        """Listen from the moment the context is entered."""
