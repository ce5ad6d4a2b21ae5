"""Error capture: a service that collects unforeseen errors for the developers."""

from typing import Protocol


class ErrorCapture(Protocol):
    """Collects unforeseen errors, with their stack and without personal data. Source: docs/vendors/sentry.md."""

    def capture(self, error: BaseException, *, reference: str) -> None:
        """Collect an error. `reference` is the id that the user was shown. Never raises and never waits."""

    async def close(self) -> None:
        """Send the errors that still wait, for two seconds at most. Never raises. Safe to repeat."""
