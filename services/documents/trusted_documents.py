"""The documents that front ends may send: looked up in memory, kept in a table that all processes share."""

import asyncio
import re
import time
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Final

import structlog
from prometheus_client import Gauge

from db.unit_of_work import Read, Work, retry_on_stale
from domain.alert import Severity
from domain.clock import Clock
from domain.errors import InvalidInput, NotFound
from domain.trusted_document import (
    MAX_CHARACTERS,
    MAX_DOCUMENTS,
    NOTED_WITHIN,
    DocumentMode,
    KeptDocument,
    TrustedDocument,
)
from providers.fanout.port import Fanout
from services.incidents import Incidents

_CHANNEL: Final = "documents"
# Between two looks at what other processes have pushed, where no wake-up tells of it.
_LOOK_EVERY_S: Final = 5.0
_NOTE_EVERY_S: Final = 60.0
_ALERT_EVERY_S: Final = 24 * 3600.0
# Untrusted documents that are named in the log, each once: what strangers send must not fill it.
_NAMED_AT_MOST: Final = 1_000
# GraphQL, 2.1.9, as long as names in logs may be.
_NAME: Final = re.compile("[A-Za-z_][A-Za-z0-9_]{0,99}")
_KNOWN: Final = Gauge("drop_trusted_documents", "Documents that front ends may send.")
_AWAITED: Final = Gauge(
    "drop_trusted_documents_awaited", "1 where any document is answered since none was pushed, though it is enforced."
)
_log = structlog.get_logger()


def _shown(operation_name: str | None) -> str | None:
    """A name as GraphQL spells it; anything else may be any text, such as an address or a forged line of the log."""
    if operation_name is None:
        return None
    return operation_name if _NAME.fullmatch(operation_name) else "(no name)"


class TrustedDocuments:
    """What was pushed, in memory. `chosen` is what the settings want: with none pushed, nothing is enforced.

    `machine_clock` counts how long a document was not used, since that is about the age of apps.
    """

    def __init__(
        self,
        work: Work,
        read: Read,
        fanout: Fanout,
        incidents: Incidents,
        machine_clock: Clock,
        chosen: DocumentMode,
    ) -> None:
        self._work = work
        self._read = read
        self._fanout = fanout
        self._incidents = incidents
        self._clock = machine_clock
        self._chosen = chosen
        self._texts: Mapping[str, str] = {}
        self._state: tuple[int, datetime | None] | None = None
        self._used: set[str] = set()
        self._noted: dict[str, datetime] = {}
        self._named: set[str] = set()

    @property
    def mode(self) -> DocumentMode:
        """What is done with an untrusted document. An empty list would refuse everybody, so it enforces nothing."""
        return DocumentMode.LOG if self._is_awaited else self._chosen

    @property
    def _is_awaited(self) -> bool:
        return self._chosen is DocumentMode.ENFORCE and not self._texts

    def text_of(self, document_hash: str) -> str | None:
        """The document with this hash, and a use of it; None where it was not pushed."""
        text = self._texts.get(document_hash)
        if text is not None:
            self._used.add(document_hash)
        return text

    def tell_of_untrusted(self, document_hash: str, operation_name: str | None) -> None:
        """Name a document in the log that would be refused, once."""
        if document_hash not in self._named and len(self._named) < _NAMED_AT_MOST:
            self._named.add(document_hash)
            _log.info("document_not_trusted", hash=document_hash, operation_name=_shown(operation_name))

    async def push(self, documents: Sequence[TrustedDocument]) -> int:
        """Let in these documents, which have been validated, in every process. Gives how many are new. Commits.

        Safe to repeat. Raises InvalidInput where there would be too many.
        """
        new = await retry_on_stale(lambda: self._push(documents))
        await self._tell_all()
        return new

    async def _push(self, documents: Sequence[TrustedDocument]) -> int:
        now = self._clock.now()
        async with self._work() as work:
            new = await work.documents.push(documents, now)
            count, _ = await work.documents.state()
            characters = await work.documents.characters()
            if count > MAX_DOCUMENTS or characters > MAX_CHARACTERS:
                message = (
                    f"{MAX_DOCUMENTS} documents of {MAX_CHARACTERS} characters can be kept, and these would make it "
                    f"{count} of {characters}. Remove old ones with gateway documents remove, or lower "
                    "GRAPHQL_DOCUMENTS_KEPT_DAYS."
                )
                raise InvalidInput("TOO_MANY_DOCUMENTS", message, field=("documents",))
            work.audit.record("documents_pushed", now, detail={"documents": len(documents), "new": new})
            await work.commit()
        return new

    async def remove(self, document_hash: str) -> None:
        """Refuse this document from now on, in every process. Commits. Raises NotFound."""
        now = self._clock.now()
        async with self._work() as work:
            if not await work.documents.remove(document_hash):
                raise NotFound("There is no such document. gateway documents list shows all.", field=("document",))
            work.audit.record("document_removed", now, object_id=document_hash)
            await work.commit()
        await self._tell_all()

    async def all(self) -> list[KeptDocument]:
        """Every document, by name."""
        async with self._read() as read:
            return await read.documents.all()

    async def get(self, document_hash: str) -> KeptDocument:
        """Raises NotFound."""
        async with self._read() as read:
            found = await read.documents.get(document_hash)
        if found is None:
            raise NotFound("There is no such document. gateway documents list shows all.", field=("document",))
        return found

    async def _tell_all(self) -> None:
        await self.look()
        self._fanout.publish(_CHANNEL)

    async def look(self) -> None:
        """Read the documents anew where some have come or gone."""
        async with self._read() as read:
            state = await read.documents.state()
            if state == self._state:
                return
            kept = await read.documents.all()
        self._texts = {one.document.hash: one.document.text for one in kept}
        self._noted = {one.document.hash: one.last_used_at for one in kept}
        self._state = state
        _KNOWN.set(len(self._texts))
        _AWAITED.set(self._is_awaited)

    async def note_uses(self) -> None:
        """Write which documents were used, once an hour for each. Commits where there is anything to write."""
        now = self._clock.now()
        used, self._used = self._used, set()
        due = sorted(one for one in used if one in self._noted and now - self._noted[one] >= NOTED_WITHIN)
        if not due:
            return
        try:
            await retry_on_stale(lambda: self._note(due, now))
        except BaseException:
            self._used |= used
            raise
        self._noted |= dict.fromkeys(due, now)

    async def _note(self, due: Collection[str], now: datetime) -> None:
        async with self._work() as work:
            await work.documents.used(due, now)
            await work.commit()

    async def run(self) -> None:
        """Follow what other processes push, write uses, and alert while nothing is enforced; until cancelled."""
        note_at = time.monotonic() + _NOTE_EVERY_S
        alert_at = time.monotonic()
        async with self._fanout.listen(_CHANNEL) as pushed:
            while True:
                try:
                    await self.look()
                    if time.monotonic() >= note_at:
                        note_at = time.monotonic() + _NOTE_EVERY_S
                        await self.note_uses()
                except Exception:
                    _log.exception("documents_not_followed")  # the database is away: the next look finds the same
                if self._is_awaited and time.monotonic() >= alert_at:
                    alert_at = time.monotonic() + _ALERT_EVERY_S
                    self.alert_if_awaited()
                with suppress(TimeoutError):
                    async with asyncio.timeout(_LOOK_EVERY_S):
                        await pushed.wait()

    def alert_if_awaited(self) -> None:
        """Tell operators that any document is answered, though only trusted ones should be."""
        if self._is_awaited:
            message = (
                "No trusted document was pushed, so GraphQL answers any document. Push those of each front end: "
                "gateway documents push FILE"
            )
            self._incidents.alert(Severity.WARNING, "Any GraphQL document is answered", message)
