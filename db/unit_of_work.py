"""One transaction: rows, their history and the work that follows commit together or not at all."""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from typing import Final, Self, TypeVar

import stamina
from sqlalchemy.exc import DBAPIError, IntegrityError, SQLAlchemyError
from sqlalchemy.ext.asyncio import async_sessionmaker
from sqlmodel.ext.asyncio.session import AsyncSession

from db.audit import AuditQueries
from db.audit_seals import AuditSealQueries
from db.bank_accounts import BankAccountQueries
from db.bank_links import BankLinkQueries, ConsentQueries
from db.bank_returns import BankReturnQueries
from db.cards import CardQueries
from db.events import NewEvent, UserEventQueries
from db.files import DataExportQueries, UploadQueries
from db.gauges import GaugeQueries
from db.idempotency import IdempotencyQueries
from db.jobs import JobQueries
from db.kyc import KycQueries
from db.ledger import LedgerQueries
from db.ledger_gaps import LedgerGapQueries
from db.locks import WRITES
from db.notifications import NotificationQueries
from db.operators import OperatorQueries
from db.orphans import OrphanQueries
from db.outage import raise_if_away
from db.payment_search import PaymentSearchQueries
from db.payments import PaymentQueries
from db.personal_data import PersonalDataQueries
from db.plans import PlanQueries
from db.provider_pins import ProviderPinQueries
from db.purge import PurgeQueries
from db.reconciliation import ReconciliationQueries
from db.refunds import AttemptQueries, RefundQueries
from db.resolutions import ResolutionQueries
from db.selection import SelectionQueries
from db.sessions import LoginAttemptQueries, SessionQueries
from db.snapshot import Snapshot, current_snapshot, let_go
from db.statement_links import StatementLinkQueries
from db.statements import StatementQueries
from db.timeline import TimelineQueries
from db.transaction_search import TransactionSearchQueries
from db.trusted_documents import TrustedDocumentQueries
from db.users import UserQueries
from db.vendor_migrations import VendorMigrationQueries
from db.webhooks import WebhookQueries
from db.worker_heartbeats import WorkerHeartbeatQueries
from domain.errors import DatabaseAway, StaleVersion
from domain.event import EventKind
from domain.ids import PaymentId, UserId
from domain.timeline import TimelineKind, about, record

Result = TypeVar("Result")
# About three seconds in all: twelve writers of one row have had their turn by then.
_RACE_TRIES = 12
_OUTAGE_TRIES = 6
_DEADLOCK = "40P01"
_AUDITED: Final = frozenset(
    {
        EventKind.PAYMENT,
        EventKind.BANK_LINK,
        EventKind.PLAN_SUBSCRIPTION,
        EventKind.DATA_EXPORT,
        EventKind.KYC,
        EventKind.CARD,
        EventKind.UPLOAD,
    }
)


class Queries:
    """Every query of the product over one database session, and so in one transaction."""

    def __init__(self, session: AsyncSession) -> None:
        self.session = session
        self.users = UserQueries(session)
        self.sessions = SessionQueries(session)
        self.login_attempts = LoginAttemptQueries(session)
        self.kyc = KycQueries(session)
        self.bank_links = BankLinkQueries(session)
        self.consents = ConsentQueries(session)
        self.bank_returns = BankReturnQueries(session)
        self.accounts = BankAccountQueries(session)
        self.statements = StatementQueries(session)
        self.statement_links = StatementLinkQueries(session)
        self.transaction_search = TransactionSearchQueries(session)
        self.payments = PaymentQueries(session)
        self.payment_search = PaymentSearchQueries(session)
        self.attempts = AttemptQueries(session)
        self.refunds = RefundQueries(session)
        self.resolutions = ResolutionQueries(session)
        self.ledger = LedgerQueries(session)
        self.ledger_gaps = LedgerGapQueries(session)
        self.reconciliation = ReconciliationQueries(session)
        self.plans = PlanQueries(session)
        self.cards = CardQueries(session)
        self.uploads = UploadQueries(session)
        self.exports = DataExportQueries(session)
        self.personal_data = PersonalDataQueries(session)
        self.purge = PurgeQueries(session)
        self.notifications = NotificationQueries(session)
        self.pins = ProviderPinQueries(session)
        self.vendor_migrations = VendorMigrationQueries(session)
        self.idempotency = IdempotencyQueries(session)
        self.events = UserEventQueries(session)
        self.jobs = JobQueries(session)
        self.orphans = OrphanQueries(session)
        self.gauges = GaugeQueries(session)
        self.heartbeats = WorkerHeartbeatQueries(session)
        self.webhooks = WebhookQueries(session)
        self.traces = TimelineQueries(session)
        self.operators = OperatorQueries(session)
        self.audit = AuditQueries(session)
        self.audit_seals = AuditSealQueries(session)
        self.documents = TrustedDocumentQueries(session)
        self.selections = SelectionQueries(session)


class Reading(Queries):
    """One read transaction, which sees a single state of the database. Use it as an async context manager."""

    def __init__(self, sessions: async_sessionmaker[AsyncSession]) -> None:
        super().__init__(sessions())

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        """Raises DatabaseAway where the database could not be read."""
        await self.session.close()
        raise_if_away(error)


def reading(sessions: async_sessionmaker[AsyncSession]) -> AbstractAsyncContextManager[Queries]:
    """A read transaction: the operation's own, which its reads use in turn, where it has one; else a new one.

    Leaving it raises DatabaseAway where the database could not be read.
    """
    snapshot = current_snapshot()
    return Reading(sessions) if snapshot is None else _in_turn(snapshot, sessions)


@asynccontextmanager
async def _in_turn(snapshot: Snapshot, sessions: async_sessionmaker[AsyncSession]) -> AsyncIterator[Queries]:
    async with snapshot.turn(sessions) as session:
        yield Queries(session)


def _wake_none(*_: object) -> None:
    """The wake-ups of a unit of work in a process without streams and worker."""


@dataclass(frozen=True, slots=True)
class CommitWakeUps:
    """Who is woken after a commit. A wake-up may be lost: readers look into the database from time to time, too.

    `on_events` is given the users whose streams have grown, `on_jobs` is called where a job is due at once.
    """

    on_events: Callable[[Sequence[UserId]], None] = _wake_none
    on_jobs: Callable[[], None] = _wake_none


class UnitOfWork(Queries):
    """One transaction that writes.

    Without `commit` it is rolled back at the end of its block, so forgetting is harmless.

    Call no vendor within it: a transaction that waits keeps others waiting. What `get` reads within it is locked
    (`db/locks.py`).
    """

    def __init__(self, sessions: async_sessionmaker[AsyncSession], wake_ups: CommitWakeUps) -> None:
        super().__init__(sessions(info={WRITES: True}))
        self._wake_ups = wake_ups
        self._events: list[NewEvent] = []

    def publish(self, event: NewEvent) -> None:
        """Append an event to the user's stream, and so to subscriptions, when this transaction commits."""
        self._events.append(event)

    async def commit(self) -> None:
        """Number the events, commit, and wake the subscriptions and workers that wait. Call it once, at the end."""
        if self._events:
            self._audit_transitions()
            await self.events.append(self._events)
        await self.session.commit()
        self._record_transitions()
        if self._events:
            self._wake_ups.on_events([event.user_id for event in self._events])
        if self.jobs.has_due:
            self._wake_ups.on_jobs()
        self._events = []

    def _audit_transitions(self) -> None:
        """What moves money, is consented to, issued or handed in stands in the audit trail with the change itself."""
        for event in self._events:
            if event.kind in _AUDITED:
                action = f"{event.kind}_{event.fields['status']}".lower()
                detail = {"version": event.fields["version"]}
                self.audit.record(action, event.at, user_id=event.user_id, object_id=event.object_id, detail=detail)

    def _record_transitions(self) -> None:
        """After the commit, so that the timeline has no change that was rolled back."""
        for event in self._events:
            if event.kind is EventKind.PAYMENT:
                about(PaymentId(event.object_id), event.user_id)
                fields = event.fields
                failure = f", {fields['failure']['code']}" if fields["failure"] else ""
                doubt = ", in doubt" if fields["in_doubt"] else ""
                record(TimelineKind.TRANSITION, f"version {fields['version']}", f"{fields['status']}{failure}{doubt}")

    async def __aenter__(self) -> Self:
        # What the operation has read so far is older than this, and one that waits must hold no second connection.
        await let_go()
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        """Raises StaleVersion where another transaction and this one waited for each other, and DatabaseAway."""
        await self.session.close()
        raise_if_deadlocked(error)
        raise_if_away(error)


def raise_if_deadlocked(error: BaseException | None) -> None:
    """Raises StaleVersion where another transaction and this one waited for each other. Else does nothing."""
    if isinstance(error, DBAPIError) and getattr(error.orig, "sqlstate", None) == _DEADLOCK:
        raise StaleVersion from error


Work = Callable[[], UnitOfWork]
Read = Callable[[], AbstractAsyncContextManager[Queries]]


async def retry_on_stale(attempt: Callable[[], Awaitable[Result]]) -> Result:
    """Run `attempt` (load, apply, save) again while another transaction was first, for about three seconds.

    Each run sees what the winner wrote. Raises StaleVersion, or what its last run raised.
    """
    races = stamina.retry_context(
        on=_is_lost_race, attempts=_RACE_TRIES, timeout=None, wait_initial=0.01, wait_max=0.4, wait_jitter=0.05
    )
    async for again in races:
        with again:
            return await attempt()
    raise AssertionError("stamina ends with a result or an exception")


def _is_lost_race(error: Exception) -> bool:
    """Whether another transaction wrote the same row first, or both waited for each other."""
    return isinstance(error, IntegrityError | StaleVersion)


async def retry_on_outage(attempt: Callable[[], Awaitable[Result]]) -> Result:
    """Run a transaction again where the database fails, for about ten seconds: for an answer that comes only once.

    The attempt must be safe to repeat. Raises what its last run raised.
    """
    async for again in stamina.retry_context(
        on=(DatabaseAway, SQLAlchemyError), attempts=_OUTAGE_TRIES, timeout=None, wait_initial=0.1, wait_max=5
    ):
        with again:
            return await attempt()
    raise AssertionError("stamina ends with a result or an exception")
