"""Errors go to the log alone."""


class NoCapture:
    def capture(self, error: BaseException, *, reference: str) -> None:
        """The log has it already."""

    async def close(self) -> None:
        """Nothing waits."""
