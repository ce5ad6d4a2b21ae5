"""Errors go to the log alone."""


class NoCapture:
    """Collects no errors, for installations without an error service: the log alone has them."""

    def capture(self, error: BaseException, *, reference: str) -> None:
        """Do nothing: the caller has logged the error."""

    async def close(self) -> None:
        """Do nothing: no event waits to be sent."""
