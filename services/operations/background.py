"""What runs beside the requests for as long as the process: begun again where it ends by an error."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

import structlog

from services.incidents import Incidents

_FIRST_PAUSE_S: Final = 0.1
_LAST_PAUSE_S: Final = 60.0
# A task that has run so long is sound again.
_SOUND_AFTER_S: Final = 10.0
_log = structlog.get_logger()


async def look_every(every_s: float, look: Callable[[], Awaitable[object]], incidents: Incidents, *, of: str) -> None:
    """Look again and again until cancelled. An error, such as a database that is away, leaves it to the next look."""
    while True:
        try:
            await look()
        except Exception:
            _log.exception("not_looked", of=of)
            incidents.error()
        await asyncio.sleep(every_s)


class Background:
    """Keeps tasks running. `unsound` names those that have ended lately, for health."""

    def __init__(self, incidents: Incidents) -> None:
        self._incidents = incidents
        self._unsound_until: dict[str, float] = {}

    @property
    def unsound(self) -> Sequence[str]:
        """The names of the tasks that wait to be begun again, or that were begun a moment ago."""
        now = time.monotonic()
        return [name for name, until in self._unsound_until.items() if now < until]

    async def keep(self, name: str, run: Callable[[], Awaitable[None]]) -> None:
        """Run a task until it returns or this is cancelled. After an error, a bug of ours, it is begun again."""
        pause_s = _FIRST_PAUSE_S
        while True:
            begun = time.monotonic()
            try:
                await run()
            except asyncio.CancelledError:
                task = asyncio.current_task()
                if task is None or task.cancelling():
                    raise
                self._ended(name, RuntimeError("cancelled from within"), pause_s)
            except Exception as error:
                self._ended(name, error, pause_s)
            else:
                return
            await asyncio.sleep(pause_s)
            has_run_long = time.monotonic() - begun > pause_s + _SOUND_AFTER_S
            pause_s = _FIRST_PAUSE_S if has_run_long else min(pause_s * 2, _LAST_PAUSE_S)

    def _ended(self, name: str, error: Exception, pause_s: float) -> None:
        self._unsound_until[name] = time.monotonic() + pause_s + _SOUND_AFTER_S
        self._incidents.unhandled(error, where=f"the background: {name}")
