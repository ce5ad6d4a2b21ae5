"""Tells operators of certificates that end soon: without a new one, banks refuse every call from that day on."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import ClassVar, Final

from db.unit_of_work import Work
from domain.alert import Severity
from domain.clock import Clock
from domain.errors import Unavailable
from domain.job import Job
from services.incidents import Incidents

Ask = Callable[[], Awaitable[None]]
_EVERY: Final = timedelta(days=1)
_JOB_ID: Final = "job_certificate_ends"


@dataclass(frozen=True, slots=True)
class WatchCertificates(Job):
    """Look at the ends of our certificates, once a day."""

    kind: ClassVar[str] = "watch_certificates"


class CertificateEnds:
    """The daily look at our certificates.

    `ask` raises Unavailable for one that ends soon, OSError or ValueError for one that cannot be read. It is None where
    no certificate is set.
    """

    def __init__(
        self, work: Work, incidents: Incidents, clock: Clock, ask: Callable[[], Awaitable[None]] | None
    ) -> None:
        self._work = work
        self._incidents = incidents
        self._clock = clock
        self._ask = ask

    async def schedule(self) -> None:
        """Queue the first look, for now, unless one is queued. Commits. Safe to repeat, from any process."""
        if self._ask is not None:
            now = self._clock.now()
            async with self._work() as work:
                await work.jobs.enqueue_once(_JOB_ID, WatchCertificates(), due_at=now, now=now)
                await work.commit()

    async def look(self) -> None:
        """Alert if a certificate ends soon or cannot be read, and queue the next look. Commits."""
        if self._ask is None:
            return
        try:
            await self._ask()
        except Unavailable as error:
            self._incidents.alert(Severity.CRITICAL, "Certificate ends soon", error.message)
        except (OSError, ValueError) as error:
            message = f"A certificate cannot be read ({type(error).__name__}). gateway doctor names it."
            self._incidents.alert(Severity.CRITICAL, "Certificate cannot be read", message)
        now = self._clock.now()
        async with self._work() as work:
            work.jobs.enqueue(WatchCertificates(), due_at=now + _EVERY, now=now)
            await work.commit()
