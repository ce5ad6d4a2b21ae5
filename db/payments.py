from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, and_, func, or_, update
from sqlalchemy.orm import Mapped
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession
from sqlmodel.sql.expression import Select

from db.ids import new_id
from db.locks import locked
from db.paging import page_by_id, page_of_each
from db.refunds import refunded_minor
from db.tables.payment import PaymentEventRow, PaymentRow
from db.updates import save_over
from domain.account_number import AccountNumber
from domain.authorisation import SealedAuthorisation
from domain.ids import AccountId, PaymentId, UserId
from domain.money import Money
from domain.page import Keyset, PaymentPage
from domain.payment import (
    FINAL,
    CancellationStatus,
    Payment,
    PaymentCause,
    PaymentEvent,
    PaymentEventKind,
    Rail,
    Sca,
    Status,
    stored_failure,
)


def _authorisation_of(
    url: str | None, encrypted: bytes | None, expires_at: datetime | None
) -> SealedAuthorisation | None:
    return SealedAuthorisation(url, encrypted, expires_at) if url or encrypted else None


def _columns_of(name: str, awaited: SealedAuthorisation | None) -> dict[str, object]:
    """The columns in which an approval is stored, all of them empty without one."""
    awaited = awaited or SealedAuthorisation()
    found = {"url": awaited.url, "encrypted": awaited.encrypted, "expires_at": awaited.expires_at}
    return {f"{name}_{column}": value for column, value in found.items()}


def _payment_of(row: PaymentRow, refunded: int) -> Payment:
    return Payment(
        id=PaymentId(row.id),
        user_id=UserId(row.user_id),
        vendor=row.vendor,
        amount=Money(row.amount_minor, row.currency),
        creditor_name=row.creditor_name,
        creditor_account=AccountNumber(row.creditor_iban, row.creditor_bban),
        created_at=row.created_at,
        debtor_account_id=AccountId(row.debtor_account_id) if row.debtor_account_id else None,
        rail=Rail(row.rail),
        status=Status(row.status),
        failure=stored_failure(row.failure_code, row.failure_detail),
        kid=row.kid,
        message=row.message,
        scheduled_for=row.scheduled_for,
        end_to_end_id=row.end_to_end_id,
        vendor_payment_id=row.vendor_payment_id,
        authorisation=_authorisation_of(
            row.authorisation_url, row.authorisation_encrypted, row.authorisation_expires_at
        ),
        client_secret=row.client_secret,
        cancellation_status=CancellationStatus(row.cancellation_status) if row.cancellation_status else None,
        cancellation_authorisation=_authorisation_of(
            row.cancellation_url, row.cancellation_encrypted, row.cancellation_expires_at
        ),
        in_doubt=row.in_doubt,
        sca=Sca(row.sca) if row.sca else None,
        unknown_since=row.unknown_since,
        unknown_asks=row.unknown_asks,
        watched_until=row.watched_until,
        version=row.version,
        refunded_minor=refunded,
        returned_minor=row.returned_minor,
        returned_on=row.returned_on,
        overdue_since=row.overdue_since,
    )


def _event_of(row: PaymentEventRow) -> PaymentEvent:
    return PaymentEvent(
        PaymentId(row.payment_id),
        row.version,
        Status(row.status),
        PaymentCause(row.cause),
        row.at,
        stored_failure(row.failure_code, row.failure_detail),
        PaymentEventKind(row.kind),
    )


def _payments() -> Select[PaymentRow, int]:
    """Each payment with what was given back of it: of one moment, since one statement reads both."""
    return select(PaymentRow, refunded_minor(col(PaymentRow.id)).scalar_subquery())


class PaymentQueries:
    """Payments of both rails and their histories. No method commits.

    Reads take the user's id, but for those that say otherwise. A payment's reference at its vendor, its pages and its
    client secret have methods of their own, since they are stored whatever the status is by then.
    """

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def page(self, user_id: UserId, page: PaymentPage) -> list[Payment]:
        """In the order that the page asks for. With `backwards` the last ones of the range, in reverse."""
        query = _payments().where(PaymentRow.user_id == user_id)
        if page.statuses:
            query = query.where(col(PaymentRow.status).in_(page.statuses))
        if page.rails:
            query = query.where(col(PaymentRow.rail).in_(page.rails))
        query = page_by_id(query, col(PaymentRow.id), page.keyset, newest_first=not page.oldest_first)
        return [_payment_of(*found) for found in await self._session.exec(query)]

    async def by_ids(self, user_id: UserId, ids: Sequence[PaymentId]) -> list[Payment]:
        query = _payments().where(PaymentRow.user_id == user_id, col(PaymentRow.id).in_(ids))
        return [_payment_of(*found) for found in await self._session.exec(query)]

    async def get(self, user_id: UserId, payment_id: PaymentId) -> Payment | None:
        query = select(PaymentRow).where(PaymentRow.user_id == user_id, PaymentRow.id == payment_id)
        row = (await self._session.exec(locked(self._session, query))).first()
        if row is None:
            return None
        # Summed in a statement of its own: one that waited for the lock has the newest row, but the refunds of before.
        return _payment_of(row, (await self._session.exec(refunded_minor(payment_id))).one())

    async def by_state(self, state_hash: str) -> tuple[Payment, str] | None:
        """The payment whose approval page was given this state, of any user, and where its user goes next."""
        found = (await self._session.exec(_payments().where(PaymentRow.state_hash == state_hash))).first()
        return (_payment_of(*found), found[0].return_to) if found else None

    async def by_vendor_reference(
        self, vendor: str, end_to_end_id: str | None, vendor_id: str | None
    ) -> Payment | None:
        """By our end-to-end id first, by the vendor's id second; of any user, for webhooks alone."""
        query = _payments().where(PaymentRow.vendor == vendor)
        return await self._first_by(query, (PaymentRow.end_to_end_id, end_to_end_id), vendor_id)

    async def of_card_vendor(self, vendor: str, payment_id: str | None, vendor_id: str | None) -> Payment | None:
        """A card payment by our id first, by the vendor's second; of any user, for webhooks alone."""
        query = _payments().where(PaymentRow.vendor == vendor, PaymentRow.rail == Rail.CARD)
        return await self._first_by(query, (PaymentRow.id, payment_id), vendor_id)

    async def _first_by(
        self, query: Select[PaymentRow, int], by_our_id: tuple[str, str | None], vendor_id: str | None
    ) -> Payment | None:
        for column, value in (by_our_id, (PaymentRow.vendor_payment_id, vendor_id)):
            if value is None:
                continue
            found = (await self._session.exec(query.where(col(column) == value))).first()
            if found is not None:
                return _payment_of(*found)
        return None

    async def in_doubt(self, limit: int) -> list[Payment]:
        """Payments in doubt of all users, oldest first: for operators alone."""
        return await self._oldest(col(PaymentRow.in_doubt), limit)

    async def overdue(self, limit: int) -> list[Payment]:
        """Payments of all users that are overdue and not in doubt, oldest first: for operators alone."""
        is_open = col(PaymentRow.status).not_in(FINAL) & col(PaymentRow.in_doubt).is_(False)
        return await self._oldest(col(PaymentRow.overdue_since).is_not(None) & is_open, limit)

    async def _oldest(self, which: ColumnElement[bool] | Mapped[bool], limit: int) -> list[Payment]:
        query = _payments().where(which).order_by(col(PaymentRow.id)).limit(limit)
        return [_payment_of(*found) for found in await self._session.exec(query)]

    async def find(self, payment_id: PaymentId) -> Payment | None:
        """A payment of any user: for operators alone."""
        found = (await self._session.exec(_payments().where(PaymentRow.id == payment_id))).first()
        return _payment_of(*found) if found else None

    async def by_end_to_end_ids(self, end_to_end_ids: Collection[str]) -> dict[str, Payment]:
        """The payments of any user that bear these ids: for statements, which name them."""
        query = _payments().where(col(PaymentRow.end_to_end_id).in_(end_to_end_ids))
        return {found[0].end_to_end_id: _payment_of(*found) for found in await self._session.exec(query)}

    async def like_in_doubt(self, user_id: UserId, creditor: AccountNumber, amount: Money) -> Payment | None:
        """The newest payment of the same amount to the same payee whose outcome is not known; None if there is none.

        One that the bank has not answered yet (CREATED) is as much in doubt as one whose answer was lost.
        """
        is_unanswered = and_(col(PaymentRow.status) == Status.CREATED, col(PaymentRow.rail) == Rail.BANK)
        query = _payments().where(
            PaymentRow.user_id == user_id,
            PaymentRow.creditor_iban == creditor.iban,
            PaymentRow.amount_minor == amount.amount_minor,
            PaymentRow.currency == amount.currency,
            or_(col(PaymentRow.in_doubt).is_(True), is_unanswered),
        )
        found = (await self._session.exec(query.order_by(col(PaymentRow.id).desc()).limit(1))).first()
        return _payment_of(*found) if found else None

    async def open_of_user(self, user_id: UserId, statuses: Sequence[Status]) -> list[Payment]:
        """The user's payments in these statuses, oldest first."""
        query = (
            _payments()
            .where(PaymentRow.user_id == user_id, col(PaymentRow.status).in_(statuses))
            .order_by(col(PaymentRow.id))
            .limit(500)
        )
        return [_payment_of(*found) for found in await self._session.exec(query)]

    async def history(self, ids: Sequence[PaymentId], keyset: Keyset) -> dict[PaymentId, list[PaymentEvent]]:
        """The page of each payment's events, oldest first, by version."""
        version, payment = col(PaymentEventRow.version), col(PaymentEventRow.payment_id)
        query = page_of_each(
            select(PaymentEventRow), col(PaymentEventRow.id), payment, ids, [version], keyset, newest_first=False
        )
        found: dict[PaymentId, list[PaymentEvent]] = {}
        for row in await self._session.exec(query):
            found.setdefault(PaymentId(row.payment_id), []).append(_event_of(row))
        return found

    async def settled_at(self, ids: Sequence[PaymentId]) -> dict[PaymentId, datetime]:
        """When each of the payments that have settled did so."""
        payment_id = col(PaymentEventRow.payment_id)
        query = (
            select(payment_id, func.min(PaymentEventRow.at))
            .where(payment_id.in_(ids), PaymentEventRow.status == Status.SETTLED)
            .group_by(payment_id)
        )
        return {PaymentId(found): at for found, at in await self._session.exec(query)}

    async def add(
        self,
        payment: Payment,
        event: PaymentEvent,
        *,
        state_hash: str,
        return_to: str,
        device_encrypted: bytes | None = None,
    ) -> None:
        """Add a payment and its first event. `state_hash` and `return_to` bring its user back from the approval page.
        `device_encrypted` is kept until the payment is final.

        Raises IntegrityError where the end-to-end id is taken.
        """
        row = PaymentRow(
            id=payment.id,
            user_id=payment.user_id,
            rail=payment.rail,
            vendor=payment.vendor,
            status=payment.status,
            amount_minor=payment.amount.amount_minor,
            currency=payment.amount.currency,
            creditor_name=payment.creditor_name,
            creditor_iban=payment.creditor_account.iban,
            creditor_bban=payment.creditor_account.bban,
            debtor_account_id=payment.debtor_account_id,
            kid=payment.kid,
            message=payment.message,
            scheduled_for=payment.scheduled_for,
            end_to_end_id=payment.end_to_end_id,
            state_hash=state_hash,
            return_to=return_to,
            device_encrypted=device_encrypted,
            created_at=payment.created_at,
            version=payment.version,
        )
        self._session.add(row)
        await self._session.flush()
        self._append(event)

    async def device_encrypted(self, payment_id: PaymentId) -> bytes | None:
        """What is kept of the device that began the payment, which the caller has read for its user."""
        query = select(PaymentRow.device_encrypted).where(PaymentRow.id == payment_id)
        return (await self._session.exec(query)).first()

    async def save_reply(
        self, payment_id: PaymentId, reference: str, awaited: SealedAuthorisation | None, sca: Sca | None = None
    ) -> None:
        """Store the bank's id, the approval that it awaits and its SCA status, whatever the status is by now.

        A later answer without an approval or an SCA status keeps the first.
        """
        page = _columns_of("authorisation", awaited) if awaited else {}
        read = {"sca": sca} if sca else {}
        await self._session.exec(
            update(PaymentRow)
            .where(col(PaymentRow.id) == payment_id)
            .values(vendor_payment_id=reference, unknown_since=None, unknown_asks=0, **page, **read)
        )

    async def save_unknown(self, payment: Payment) -> None:
        """Store how often and since when the bank has not known the payment, and the SCA status."""
        known = {"unknown_since": payment.unknown_since, "unknown_asks": payment.unknown_asks, "sca": payment.sca}
        await self._session.exec(update(PaymentRow).where(col(PaymentRow.id) == payment.id).values(**known))

    async def forget_authorisation(self, payment_id: PaymentId) -> None:
        """Remove what the user would have to see to approve."""
        await self._session.exec(
            update(PaymentRow).where(col(PaymentRow.id) == payment_id).values(**_columns_of("authorisation", None))
        )

    async def save_cancellation(self, payment_id: PaymentId, awaited: SealedAuthorisation) -> None:
        """Store what the approval of a cancellation shows now, unless it is awaited no more."""
        is_awaited = col(PaymentRow.cancellation_status) == CancellationStatus.AUTHORISATION_REQUIRED
        await self._session.exec(
            update(PaymentRow)
            .where(col(PaymentRow.id) == payment_id, is_awaited)
            .values(**_columns_of("cancellation", awaited))
        )

    async def save_intent(
        self, payment_id: PaymentId, reference: str, *, client_secret: str | None, awaited: SealedAuthorisation | None
    ) -> None:
        """Store the card vendor's id, client secret and page, whatever the status is by now.

        Each try has its own page, or none.
        """
        await self._session.exec(
            update(PaymentRow)
            .where(col(PaymentRow.id) == payment_id)
            .values(vendor_payment_id=reference, client_secret=client_secret, **_columns_of("authorisation", awaited))
        )

    async def renew_state(self, payment_id: PaymentId, state_hash: str, return_to: str | None = None) -> None:
        """Replace the state for a further page, such as a cancellation's. `return_to` stays unless it is given."""
        goes_to = {"return_to": return_to} if return_to is not None else {}
        await self._session.exec(
            update(PaymentRow).where(col(PaymentRow.id) == payment_id).values(state_hash=state_hash, **goes_to)
        )

    async def save(self, before: Payment, after: Payment, event: PaymentEvent | None) -> None:
        """Write the new state over the version that was read, and append its event. Raises StaleVersion.

        What the user had to see to approve is forgotten once the payment is past that, and from where the payment was
        begun once it is final.
        """
        is_awaited = after.status in (Status.CREATED, Status.AUTHORISATION_REQUIRED)
        forgotten: dict[str, object] = {} if is_awaited else {"authorisation_encrypted": None}
        if after.status.is_final:
            forgotten["device_encrypted"] = None
        await save_over(
            self._session,
            PaymentRow,
            before,
            after,
            status=after.status,
            failure_code=after.failure.code if after.failure else None,
            failure_detail=after.failure.detail if after.failure else None,
            cancellation_status=after.cancellation_status,
            in_doubt=after.in_doubt,
            returned_minor=after.returned_minor,
            returned_on=after.returned_on,
            overdue_since=after.overdue_since,
            watched_until=after.watched_until,
            **_columns_of("cancellation", None if after.status.is_final else after.cancellation_authorisation),
            **forgotten,
        )
        if event is not None:
            self._append(event)

    def _append(self, event: PaymentEvent) -> None:
        row = PaymentEventRow(
            id=new_id("pev", event.at),
            payment_id=event.payment_id,
            version=event.version,
            status=event.status,
            failure_code=event.failure.code if event.failure else None,
            failure_detail=event.failure.detail if event.failure else None,
            cause=event.cause,
            kind=event.kind,
            at=event.at,
        )
        self._session.add(row)
