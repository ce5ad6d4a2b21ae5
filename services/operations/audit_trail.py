"""The audit trail: sealed each minute in a chain of hashes, read by operators, dropped month by month."""

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final

import prometheus_client
import structlog
from sqlalchemy.exc import IntegrityError

from db.unit_of_work import Read, Work
from domain.audit import Anomaly, AuditEntry
from domain.clock import Clock
from domain.errors import InvalidInput
from domain.retention import start_of_month, years_before
from services.incidents import Incidents
from services.operations.background import look_every

_SEAL_EVERY_S: Final = 60.0
_AT_ONCE: Final = 500
# Sealing has stopped where so many minutes have brought no seal for what waits.
_STOPPED_AFTER: Final = timedelta(minutes=10)
_ANOMALIES: Final = prometheus_client.Counter(
    "drop_anomalies_total", "Failed sign-ins, forged webhooks, operators refused.", ["what"]
)
_SEALED: Final = prometheus_client.Counter("drop_audit_sealed_total", "Entries of the audit trail that were sealed.")
_log = structlog.get_logger()


class AuditTrail:
    """Seals, counts, reads and drops. `machine_clock` dates it: a product clock that is moved changes no seal."""

    def __init__(self, work: Work, read: Read, machine_clock: Clock, *, years: int) -> None:
        self._work = work
        self._read = read
        self._clock = machine_clock
        self._years = years
        self._anomalies: Counter[tuple[Anomaly, str]] = Counter()
        self._read_lately: dict[tuple[str, str, str], datetime] = {}

    def count(self, what: Anomaly, source: str = "") -> None:
        """Count what a stranger has caused. `source` is one of few names; the trail has a row for each a minute."""
        _ANOMALIES.labels(what).inc()
        self._anomalies[what, source] += 1

    async def run(self, incidents: Incidents) -> None:
        """Write down what was counted and, where this process is the first, seal; each minute, until cancelled."""
        await look_every(_SEAL_EVERY_S, self.look, incidents, of="the audit trail")

    async def look(self) -> None:
        """Write down what was counted, and seal what has come since."""
        await self.flush()
        await self.seal()

    async def flush(self) -> None:
        """Write a row for each kind of anomaly since the last time. Commits."""
        if not self._anomalies:
            return
        counted, self._anomalies = self._anomalies, Counter()
        try:
            async with self._work() as work:
                for (what, source), times in counted.items():
                    work.audit.record(what, self._clock.now(), detail={"times": times, "source": source})
                await work.commit()
        except BaseException:
            self._anomalies.update(counted)
            raise

    async def seal(self) -> None:
        """Append to the chain what waits for it, up to 500 entries in a transaction. Commits. Safe to repeat."""
        try:
            sealed = _AT_ONCE
            while sealed == _AT_ONCE:
                sealed = await self._seal_some()
        except IntegrityError:
            _log.info("audit_sealed_elsewhere")

    async def _seal_some(self) -> int:
        async with self._work() as work:
            entries = await work.audit_seals.awaiting(_AT_ONCE)
            if not entries:
                return 0
            end = await work.audit_seals.seal(entries, self._clock.now())
            await work.commit()
        _SEALED.inc(len(entries))
        # Who keeps the logs elsewhere can hold the chain against them.
        _log.info("audit_sealed", number=end.number, hash=end.hash)
        return len(entries)

    async def unsealed(self) -> timedelta:
        """For how long entries have waited while nothing was sealed; zero where none waits."""
        async with self._read() as read:
            since = await read.audit_seals.unsealed_since()
        return max(self._clock.now() - since, timedelta()) if since is not None else timedelta()

    async def is_sealing(self) -> bool:
        """Whether the chain goes on: what waits is sealed within minutes."""
        return await self.unsealed() < _STOPPED_AFTER

    async def operator_asked(self, operator: str, route: str, object_id: str | None, *, acts: bool) -> None:
        """Record that an operator reads or acts. Commits. What is read again within a minute is one read."""
        now, key = self._clock.now(), (operator, route, object_id or "")
        self._read_lately = {one: at for one, at in self._read_lately.items() if now - at < timedelta(minutes=1)}
        if not acts and key in self._read_lately:
            return
        async with self._work() as work:
            action = "operator_acts" if acts else "operator_reads"
            work.audit.record(action, now, object_id=object_id, detail={"route": route})
            await work.commit()
        self._read_lately[key] = now

    async def page(self, about: Mapping[str, str], before: str | None, limit: int) -> Sequence[AuditEntry]:
        """The entries about one `user` or `object`, newest first. Raises InvalidInput where both or none is given."""
        given = {name: value for name, value in about.items() if name in ("user", "object") and value}
        if len(given) != 1:
            raise InvalidInput("USER_OR_OBJECT", "Give one `user` or one `object`.", field=("user",))
        async with self._read() as read:
            if "user" in given:
                return await read.audit.of_user(given["user"], before, limit)
            return await read.audit.of_object(given["object"], before, limit)

    async def drop(self, within_s: float) -> bool:
        """Drop whole months that are past their time, and keep the last hash. Commits by 500 entries.

        Gives False where the time was over before all were gone.
        """
        now = self._clock.now()
        loop = asyncio.get_running_loop()
        ends_at = loop.time() + within_s
        async with self._read() as read:
            upto = await read.audit_seals.last_before(start_of_month(years_before(now, self._years)))
        while upto is not None:
            async with self._work() as work:
                gone = await work.audit_seals.drop(upto, now, _AT_ONCE)
                await work.commit()
            if gone < _AT_ONCE:
                break
            if loop.time() > ends_at:
                return False
        return True
