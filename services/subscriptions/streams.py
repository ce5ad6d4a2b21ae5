"""Following a user's stream: the current state first, then each change, resumable from a cursor."""

import asyncio
import base64
import binascii
from collections.abc import AsyncIterator, Awaitable, Callable, Collection
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Final, Generic, TypeVar

from prometheus_client import Gauge

from db.unit_of_work import Queries, Read
from domain.bank_account import BankAccount
from domain.card import Card
from domain.consent import BankLink
from domain.data_export import DataExport
from domain.error_code import ErrorCode
from domain.errors import DatabaseAway, InvalidInput, NotFound, Unauthenticated
from domain.event import ChangeKind, EventKind, Position, StreamItemKind, UserEvent, ViewerEventType
from domain.ids import AccountId, BankLinkId, CardId, DataExportId, PaymentId, PlanSubscriptionId, UploadId, UserId
from domain.kyc import Kyc
from domain.page import Keyset
from domain.payment import Payment
from domain.plan import PlanSubscription
from domain.snapshot import account_at, bank_link_at, card_at, export_at, kyc_at, payment_at, plan_at, upload_at
from domain.upload import Upload
from domain.user import SignIn, User
from providers.fanout.port import Fanout, WakeUp
from services.timeline import Timeline
from services.users.sessions import Sessions

Value = TypeVar("Value")
Result = TypeVar("Result")
Subject = User | Payment | Kyc | BankLink | BankAccount | PlanSubscription | Upload | DataExport | Card
# Between two looks at a database that is away.
_FIRST_PAUSE_S: Final = 0.25
_LAST_PAUSE_S: Final = 5.0
_BATCH: Final = 100
_BANK_LINKS: Final = 100
SUBSCRIPTIONS: Final = Gauge("drop_subscriptions", "Open subscriptions of this process.")


@dataclass(frozen=True, slots=True)
class StreamItem(Generic[Value]):
    """One item of a subscription. A client resumes after it with `cursor`."""

    kind: StreamItemKind
    cursor: str
    value: Value


@dataclass(frozen=True, slots=True)
class ViewerChange:
    """What an item of the viewer's stream is about. At a change `change` is set; a REMOVED object is None."""

    type: ViewerEventType
    object_id: str
    change: ChangeKind | None
    subject: Subject | None


Load = Callable[[Queries], Awaitable[Value]]
AtEvent = Callable[[Queries, UserEvent], Awaitable[Value | None]]


def cursor_of(position: Position) -> str:
    return base64.urlsafe_b64encode(f"{position.epoch}:{position.seq}".encode()).decode()


def position_of(cursor: str) -> Position:
    """Read a cursor that a client sent. Raises InvalidInput if it is not a cursor of Drop's."""
    with suppress(binascii.Error, UnicodeError, ValueError):
        epoch, _, seq = base64.b64decode(cursor.encode("ascii"), altchars=b"-_", validate=True).decode().partition(":")
        if epoch and seq.isascii() and seq.isdigit() and len(seq) <= 18:
            return Position(epoch, int(seq))
    raise InvalidInput(ErrorCode.INVALID_CURSOR, "Not a cursor of this subscription.", field=("after",))


class Streams:
    """A user's stream for GraphQL subscriptions: the state first, then each change, resumable by cursor.

    One read transaction gives state and position together, so that no change falls between them.
    """

    def __init__(self, read: Read, fanout: Fanout, sessions: Sessions, timeline: Timeline) -> None:
        self._read = read
        self._fanout = fanout
        self._sessions = sessions
        self._timeline = timeline
        self._places: dict[WakeUp, tuple[UserId, Position]] = {}

    def places(self) -> Collection[tuple[UserId, Position]]:
        """How far each subscription of this process that waits for a change has come."""
        return list(self._places.values())

    def payment(self, sign_in: SignIn, payment_id: PaymentId, after: str | None) -> AsyncIterator[StreamItem[Payment]]:
        """One payment's changes. Raises NotFound, InvalidInput, Unauthenticated when the session ends."""

        async def load(read: Queries) -> Payment:
            payment = await read.payments.get(sign_in.user_id, payment_id)
            if payment is None:
                raise NotFound("There is no such payment.", field=("id",))
            return payment

        async def at_event(read: Queries, event: UserEvent) -> Payment | None:
            if event.object_id != payment_id:
                return None
            return payment_at(await load(read), event.fields)

        return self._follow(sign_in, after, load, at_event)

    def kyc(self, sign_in: SignIn, after: str | None) -> AsyncIterator[StreamItem[Kyc]]:
        """The changes of the user's verification. Raises as `payment`."""

        async def load(read: Queries) -> Kyc:
            return await read.kyc.of_user(sign_in.user_id)

        async def at_event(read: Queries, event: UserEvent) -> Kyc | None:
            return kyc_at(await load(read), event.fields) if event.kind is EventKind.KYC else None

        return self._follow(sign_in, after, load, at_event)

    def bank_links(self, sign_in: SignIn, after: str | None) -> AsyncIterator[StreamItem[list[BankLink]]]:
        """The changes of the user's bank links, one per item; a snapshot has all of them. Raises as `payment`."""

        async def load(read: Queries) -> list[BankLink]:
            return await read.bank_links.page(sign_in.user_id, Keyset(None, None, _BANK_LINKS))

        async def at_event(read: Queries, event: UserEvent) -> list[BankLink] | None:
            if event.kind is not EventKind.BANK_LINK:
                return None
            now = await read.bank_links.get(sign_in.user_id, BankLinkId(event.object_id))
            return [bank_link_at(now, event.fields)] if now else None

        return self._follow(sign_in, after, load, at_event)

    def viewer(self, sign_in: SignIn, after: str | None) -> AsyncIterator[StreamItem[ViewerChange]]:
        """All changes of the user's objects: first the user, then each object as it changed. Raises as `payment`."""

        async def load(read: Queries) -> ViewerChange:
            user = await read.users.get(sign_in.user_id)
            if user is None:
                raise Unauthenticated
            return ViewerChange(ViewerEventType.VIEWER, user.id, None, user)

        async def at_event(read: Queries, event: UserEvent) -> ViewerChange:
            subject = await _subject_at(read, event)
            change = event.change if subject is not None else ChangeKind.REMOVED
            return ViewerChange(ViewerEventType(event.kind), event.object_id, change, subject)

        return self._follow(sign_in, after, load, at_event)

    def upload(self, sign_in: SignIn, upload_id: UploadId, after: str | None) -> AsyncIterator[StreamItem[Upload]]:
        """One upload's changes. Raises as `payment`."""

        async def load(read: Queries) -> Upload:
            upload = await read.uploads.get(sign_in.user_id, upload_id)
            if upload is None:
                raise NotFound("There is no such upload.", field=("id",))
            return upload

        async def at_event(read: Queries, event: UserEvent) -> Upload | None:
            return upload_at(await load(read), event.fields) if event.object_id == upload_id else None

        return self._follow(sign_in, after, load, at_event)

    async def _follow(
        self, sign_in: SignIn, after: str | None, load: Load[Value], at_event: AtEvent[Value]
    ) -> AsyncIterator[StreamItem[Value]]:
        # Listen first: a change that is written from here on wakes this stream, however long the read below takes.
        async with self._fanout.listen(sign_in.user_id, sign_in.session_id) as wake_up:
            with SUBSCRIPTIONS.track_inprogress():
                try:
                    async for item in self._followed(wake_up, sign_in, after, load, at_event):
                        yield item
                finally:
                    self._places.pop(wake_up, None)

    async def _followed(
        self, wake_up: WakeUp, sign_in: SignIn, after: str | None, load: Load[Value], at_event: AtEvent[Value]
    ) -> AsyncIterator[StreamItem[Value]]:
        if after is None:
            # What begins anew is somebody at work; what is resumed, a client that connects by itself.
            await self._sessions.note_use(sign_in)
        position, first = await _answered(lambda: self._begin(sign_in, after, load))
        if first is not None:
            yield first
        while True:
            changes, left_s = await _answered(partial(self._look, sign_in, position, load, at_event))
            for at, item in changes:
                position = at
                if item is not None:
                    yield item
                    payment = _payment_in(item.value)
                    if payment is not None:
                        self._timeline.pushed(payment.id, payment.version, sign_in.session_id)
            if len(changes) < _BATCH:
                self._places[wake_up] = sign_in.user_id, position
                # A session that runs out wakes nobody.
                with suppress(TimeoutError):
                    async with asyncio.timeout(left_s):
                        await wake_up.wait()

    async def _begin(
        self, sign_in: SignIn, after: str | None, load: Load[Value]
    ) -> tuple[Position, StreamItem[Value] | None]:
        wanted = position_of(after) if after is not None else None
        # One read transaction: the state and its place in the stream belong together.
        async with self._read() as read:
            end = await read.events.position(sign_in.user_id)
            value = await load(read)
            if wanted is None:
                return end, StreamItem(StreamItemKind.SNAPSHOT, cursor_of(end), value)
            if await _is_resumable(read, sign_in, wanted, end):
                return wanted, None
            return end, StreamItem(StreamItemKind.RESUME_GAP, cursor_of(end), value)

    async def _look(
        self, sign_in: SignIn, position: Position, load: Load[Value], at_event: AtEvent[Value]
    ) -> tuple[list[tuple[Position, StreamItem[Value] | None]], float]:
        """The next events after `position`, a batch at most; None stands for an event that is not shown here.

        And for how many seconds the session lasts unless it is used.
        """
        async with self._read() as read:
            left_s = await self._sessions.left_s(sign_in, read)
            if left_s == 0:
                raise Unauthenticated("The session has ended. Sign in again.")
            end = await read.events.position(sign_in.user_id)
            if end.epoch != position.epoch or end.seq < position.seq:
                # The stream was reset while this subscription was open.
                return [(end, StreamItem(StreamItemKind.RESUME_GAP, cursor_of(end), await load(read)))], left_s
            if end.seq == position.seq:
                return [], left_s
            found: list[tuple[Position, StreamItem[Value] | None]] = []
            for event in await read.events.after(sign_in.user_id, position.seq, _BATCH):
                at = Position(end.epoch, event.seq)
                value = await at_event(read, event)
                item = StreamItem(StreamItemKind.CHANGE, cursor_of(at), value) if value is not None else None
                found.append((at, item))
            return found, left_s


async def _answered(look: Callable[[], Awaitable[Result]]) -> Result:
    """Look again until the database answers: a subscription waits for an outage to end, as for anything else."""
    pause_s = _FIRST_PAUSE_S
    while True:
        try:
            return await look()
        except DatabaseAway:
            await asyncio.sleep(pause_s)
            pause_s = min(pause_s * 2, _LAST_PAUSE_S)


def _payment_in(value: object) -> Payment | None:
    shown = value.subject if isinstance(value, ViewerChange) else value
    return shown if isinstance(shown, Payment) else None


async def _is_resumable(read: Queries, sign_in: SignIn, wanted: Position, end: Position) -> bool:
    if wanted.epoch != end.epoch or wanted.seq > end.seq:
        return False
    oldest = await read.events.oldest_seq(sign_in.user_id)
    return wanted.seq >= (oldest - 1 if oldest is not None else end.seq)


async def _subject_at(read: Queries, event: UserEvent) -> Subject | None:
    match event.kind:
        case EventKind.PAYMENT:
            payment = await read.payments.get(event.user_id, PaymentId(event.object_id))
            return payment_at(payment, event.fields) if payment else None
        case EventKind.KYC:
            return kyc_at(await read.kyc.of_user(event.user_id), event.fields)
        case EventKind.BANK_LINK:
            bank_link = await read.bank_links.get(event.user_id, BankLinkId(event.object_id))
            return bank_link_at(bank_link, event.fields) if bank_link else None
        case EventKind.BANK_ACCOUNT:
            account = await read.accounts.get(event.user_id, AccountId(event.object_id))
            return account_at(account, event.fields) if account else None
        case EventKind.PLAN_SUBSCRIPTION:
            plan = await read.plans.get(event.user_id, PlanSubscriptionId(event.object_id))
            return plan_at(plan, event.fields) if plan else None
        case EventKind.CARD:
            card = await read.cards.get(event.user_id, CardId(event.object_id))
            return card_at(card, event.fields) if card else None
        case EventKind.UPLOAD:
            upload = await read.uploads.get(event.user_id, UploadId(event.object_id))
            return upload_at(upload, event.fields) if upload else None
        case EventKind.DATA_EXPORT:
            export = await read.exports.get(event.user_id, DataExportId(event.object_id))
            return export_at(export, event.fields) if export else None
