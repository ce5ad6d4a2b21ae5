"""Errors go to the log alone."""

from typing import Final

from providers.declaration import NoSettings, Tools, Vendor


class NoCapture:
    """Collects no errors, for installations without an error service: the log alone has them."""

    def capture(self, error: BaseException, *, reference: str) -> None:
        """Do nothing: the caller has logged the error."""

    async def close(self) -> None:
        """Do nothing: no event waits to be sent."""


def _build(settings: NoSettings, tools: Tools) -> NoCapture:
    return NoCapture()


VENDOR: Final = Vendor("off", NoSettings, _build)
