"""Where unforeseen errors are collected."""

from typing import Protocol


class ErrorCapture(Protocol):
    def capture(self, error: BaseException, *, reference: str) -> None:
        """Take an error with the reference that its user was given. Never raises, never waits."""

    async def close(self) -> None:
        """Send what is waiting, for a short time at most. Never raises."""
