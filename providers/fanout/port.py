"""Waking the subscribers of a user: hints alone, for the truth is read from the database."""

from contextlib import AbstractAsyncContextManager
from typing import Protocol


class Hint(Protocol):
    async def wait(self) -> None:
        """Returns at once where a hint came since the last call, else with the next one."""


class Fanout(Protocol):
    """Channels are named by ids: a user's stream, a session."""

    def publish(self, channel: str) -> None:
        """Tell whoever listens that there is something to look at. May be lost."""

    async def run(self) -> None:
        """Carry hints to and from other processes, until cancelled."""

    async def close(self) -> None:
        """Let go of connections."""

    def listen(self, *channels: str) -> AbstractAsyncContextManager[Hint]:
        """Listen from the moment the context is entered."""
