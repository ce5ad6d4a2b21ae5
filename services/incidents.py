"""Errors and alerts: counted, captured, and sent to operators in the background, at a limited rate."""

import asyncio
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import Final
from uuid import uuid4

import structlog

from domain.alert import Alert, Severity
from domain.clock import Clock
from domain.errors import DropError
from providers.alerts.port import AlertChannel
from providers.errors.port import ErrorCapture

MANY_ERRORS: Final = 5
WINDOW_S: Final = 60
QUIET_S: Final = 600
DRAIN_S: Final = 5
# More alerts than this are dropped: operators have enough to read.
_WAITING: Final = 100
_log = structlog.get_logger()


class Incidents:
    """Sends one alert per title in ten minutes, by the machine's time: a moved product clock must hide no alert."""

    def __init__(
        self,
        channel: AlertChannel,
        capture: ErrorCapture,
        clock: Clock,
        *,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._channel = channel
        self._capture = capture
        self._clock = clock
        self._monotonic = monotonic
        self._errors: deque[float] = deque()
        self._last_alerts: dict[str, float] = {}
        self._waiting: asyncio.Queue[Alert] = asyncio.Queue(_WAITING)

    def unhandled(self, error: BaseException, *, where: str) -> str:
        """Log and capture a bug, and alert operators. Gives the reference that the client is shown."""
        reference = uuid4().hex
        _log.error("unhandled_exception", reference=reference, path=where, exc_info=error)
        self._capture.capture(error, reference=reference)
        self.alert(Severity.CRITICAL, "Unhandled exception", f"{type(error).__name__} in {where}, {reference}")
        self.error()
        return reference

    def error(self) -> None:
        """Count a failure that should not happen: more than five in a minute alert operators."""
        now = self._monotonic()
        self._errors.append(now)
        while self._errors and self._errors[0] <= now - WINDOW_S:
            self._errors.popleft()
        if len(self._errors) > MANY_ERRORS:
            message = f"{len(self._errors)} errors in the last {WINDOW_S} seconds"
            self.alert(Severity.CRITICAL, "Error spike detected", message)

    def alert(self, severity: Severity, title: str, message: str) -> None:
        """Queue an alert, unless an alert of this title was queued in the last ten minutes."""
        now = self._monotonic()
        last = self._last_alerts.get(title)
        if (last is not None and now < last + QUIET_S) or self._waiting.full():
            return
        self._last_alerts[title] = now
        self._waiting.put_nowait(Alert(severity, title, message, self._clock.now()))

    async def run(self) -> None:
        """Send queued alerts until cancelled. An alert whose sending is cut off is queued again."""
        while True:
            alert = await self._waiting.get()
            try:
                await self._send(alert)
            except asyncio.CancelledError:
                with suppress(asyncio.QueueFull):
                    self._waiting.put_nowait(alert)
                raise

    async def close(self) -> None:
        """Send the waiting alerts and errors, within the time that a stop may take."""
        await self.drain()
        await self._capture.close()

    async def drain(self, within_s: float = DRAIN_S) -> None:
        """Send the alerts that are queued now, for `within_s` seconds at most."""
        with suppress(TimeoutError):
            async with asyncio.timeout(within_s):
                while not self._waiting.empty():
                    await self._send(self._waiting.get_nowait())
                return
        _log.error("alerts_not_sent", waiting=self._waiting.qsize())

    async def _send(self, alert: Alert) -> None:
        try:
            await self._channel.send(alert)
        except DropError as error:
            _log.error(
                "alert_not_sent",
                severity=alert.severity,
                title=alert.title,
                message=alert.message,
                error=type(error).__name__,
            )
