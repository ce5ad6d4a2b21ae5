from collections.abc import Collection, Sequence
from datetime import date, datetime

from sqlalchemy import ColumnElement, exists, func, union_all, update
from sqlalchemy.orm import Mapped
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession
from sqlmodel.sql.expression import Select

from db.ids import new_id
from db.ledger import given_back
from db.locks import locked
from db.paging import page_by, page_of_each
from db.payment_rows import PAYMENT_EVENT, columns_of, payment_of
from db.payment_search import conditions, filtered, key_of, search_text_of
from db.tables.bank import ConsentAccountRow, ConsentRow
from db.tables.payment import PaymentEventRow, PaymentRow
from db.updates import save_over
from domain import ids
from domain.account_number import AccountNumber
from domain.authorisation import SealedAuthorisation
from domain.consent import NAMES_MATCHING_SINCE, ConsentStatus
from domain.ids import PaymentId, UserId
from domain.money import Money
from domain.page import Keyset, PaymentPage
from domain.payment import (
    FINAL,
    CancellationStatus,
    Payment,
    PaymentEvent,
    Rail,
    Sca,
    Status,
)


def _payments() -> Select[PaymentRow, int]:
    """Each payment with what was given back of it: of one moment, since one statement reads both."""
    return select(PaymentRow, given_back(col(PaymentRow.id)).scalar_subquery())


class PaymentQueries:
    """Payments of both rails and their histories. No method commits.

    Reads take the user's id, but for those that say otherwise. A payment's reference at its vendor, its pages and its
    client secret have methods of their own, since they are stored whatever the status is by then.
    """

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def page(self, user_id: UserId, page: PaymentPage) -> list[Payment]:
        """In the order that the page asks for. With `backwards` the last ones of the range, in reverse."""
        newest_first = not page.oldest_first
        query = _payments().where(PaymentRow.user_id == user_id)
        if page.statuses or page.rails:
            query = query.where(col(PaymentRow.id).in_(filtered(user_id, page, newest_first=newest_first)))
        else:
            query = query.where(*conditions(page))
        query = page_by(query, key_of(page), page.keyset, newest_first=newest_first)
        return [payment_of(*found) for found in await self._session.exec(query)]

    async def by_ids(self, user_id: UserId, ids: Sequence[PaymentId]) -> list[Payment]:
        query = _payments().where(PaymentRow.user_id == user_id, col(PaymentRow.id).in_(ids))
        return [payment_of(*found) for found in await self._session.exec(query)]

    async def get(self, user_id: UserId, payment_id: PaymentId) -> Payment | None:
        query = select(PaymentRow).where(PaymentRow.user_id == user_id, PaymentRow.id == payment_id)
        row = (await self._session.exec(locked(self._session, query))).first()
        if row is None:
            return None
        # Summed in a statement of its own: one that waited for the lock has the newest row, but the ledger of before.
        return payment_of(row, (await self._session.exec(given_back(payment_id))).one())

    async def by_state(self, state_hash: str) -> tuple[Payment, str] | None:
        """The payment whose approval page was given this state, of any user, and where its user goes next."""
        found = (await self._session.exec(_payments().where(PaymentRow.state_hash == state_hash))).first()
        return (payment_of(*found), found[0].return_to) if found else None

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
                return payment_of(*found)
        return None

    async def in_doubt(self, limit: int) -> list[Payment]:
        """Payments in doubt of all users, oldest first: for operators alone."""
        return await self._oldest(col(PaymentRow.in_doubt), limit)

    async def overdue(self, limit: int) -> list[Payment]:
        """Payments of all users that are overdue and not in doubt, oldest first: for operators alone."""
        is_open = col(PaymentRow.status).not_in(FINAL) & col(PaymentRow.in_doubt).is_(False)
        return await self._oldest(col(PaymentRow.overdue_since).is_not(None) & is_open, limit)

    async def withdrawn(self, limit: int) -> list[Payment]:
        """Payments of all users of which the bank lists a line no more, oldest first: for operators alone."""
        return await self._oldest(col(PaymentRow.withdrawn_since).is_not(None), limit)

    async def watched_unread(self, today: date, limit: int) -> list[Payment]:
        """Payments of all users that have not been approved or taken, as we concluded, and cannot be watched.

        No ACTIVE consent covers their account, or none whose text names this use. Oldest first: for operators alone.
        `today` is the date in Oslo. What the user has refused at the bank is left out.
        """
        may_read = exists(
            select(ConsentAccountRow.account_id)
            .join(ConsentRow, col(ConsentRow.id) == ConsentAccountRow.consent_id)
            .where(
                ConsentAccountRow.account_id == PaymentRow.debtor_account_id,
                ConsentRow.status == ConsentStatus.ACTIVE,
                ConsentRow.text_version >= NAMES_MATCHING_SINCE,
            )
        )
        is_ended = col(PaymentRow.status).in_([Status.EXPIRED, Status.FAILED])
        return await self._oldest((col(PaymentRow.watched_until) >= today) & is_ended & ~may_read, limit)

    async def _oldest(self, which: ColumnElement[bool] | Mapped[bool], limit: int) -> list[Payment]:
        query = _payments().where(which).order_by(col(PaymentRow.id)).limit(limit)
        return [payment_of(*found) for found in await self._session.exec(query)]

    async def find(self, payment_id: PaymentId) -> Payment | None:
        """A payment of any user: for operators alone."""
        found = (await self._session.exec(_payments().where(PaymentRow.id == payment_id))).first()
        return payment_of(*found) if found else None

    async def by_end_to_end_ids(self, end_to_end_ids: Collection[str]) -> dict[str, Payment]:
        """The payments of any user that bear these ids: for statements, which name them."""
        query = _payments().where(col(PaymentRow.end_to_end_id).in_(end_to_end_ids))
        return {found[0].end_to_end_id: payment_of(*found) for found in await self._session.exec(query)}

    async def like_in_doubt(self, user_id: UserId, creditor: AccountNumber, amount: Money) -> Payment | None:
        """The newest payment of the same amount to the same payee whose outcome is not known; None if there is none.

        One that the bank has not answered yet (CREATED) is as much in doubt as one whose answer was lost.
        """
        of_user = select(PaymentRow.id).where(PaymentRow.user_id == user_id)
        # Two ways, since each has an index of its own.
        unknown = union_all(
            of_user.where(col(PaymentRow.in_doubt)),
            of_user.where(PaymentRow.status == Status.CREATED, PaymentRow.rail == Rail.BANK),
        )
        query = _payments().where(
            col(PaymentRow.id).in_(unknown),
            PaymentRow.creditor_iban == creditor.iban,
            PaymentRow.amount_minor == amount.amount_minor,
            PaymentRow.currency == amount.currency,
        )
        found = (await self._session.exec(query.order_by(col(PaymentRow.id).desc()).limit(1))).first()
        return payment_of(*found) if found else None

    async def open_of_user(self, user_id: UserId, statuses: Sequence[Status]) -> list[Payment]:
        """The user's payments in these statuses, oldest first."""
        query = (
            _payments()
            .where(PaymentRow.user_id == user_id, col(PaymentRow.status).in_(statuses))
            .order_by(col(PaymentRow.id))
            .limit(500)
        )
        return [payment_of(*found) for found in await self._session.exec(query)]

    async def history(self, ids: Sequence[PaymentId], keyset: Keyset) -> dict[PaymentId, list[PaymentEvent]]:
        """The page of each payment's events, oldest first, by version."""
        version, payment = col(PaymentEventRow.version), col(PaymentEventRow.payment_id)
        query = page_of_each(
            select(PaymentEventRow), col(PaymentEventRow.id), payment, ids, [version], keyset, newest_first=False
        )
        found: dict[PaymentId, list[PaymentEvent]] = {}
        for row in await self._session.exec(query):
            found.setdefault(PaymentId(row.payment_id), []).append(PAYMENT_EVENT.of(row))
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
        begun_in_app: bool = False,
        device_encrypted: bytes | None = None,
    ) -> None:
        """Add a payment and its first event. `state_hash` and `return_to` bring its user back from the approval page.
        `device_encrypted` is kept until the payment is final. `begun_in_app` where an app asked with its token.

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
            begun_in_app=begun_in_app,
            device_encrypted=device_encrypted,
            created_at=payment.created_at,
            search_text=search_text_of(payment.creditor_name, payment.message, payment.kid),
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
        page = columns_of("authorisation", awaited) if awaited else {}
        read = {"sca": sca} if sca else {}
        await self._session.exec(
            update(PaymentRow)
            .where(col(PaymentRow.id) == payment_id)
            .values(vendor_payment_id=reference, unknown_since=None, unknown_asks=0, **page, **read)
        )

    async def end_watch(self, payment_id: PaymentId) -> None:
        """Store that the payment's end is not inferred any more: the bank has told it."""
        row = update(PaymentRow).where(col(PaymentRow.id) == payment_id, col(PaymentRow.watched_until).is_not(None))
        await self._session.exec(row.values(watched_until=None))

    async def save_unknown(self, payment: Payment) -> None:
        """Store how often and since when the bank has not known the payment, and the SCA status."""
        known = {"unknown_since": payment.unknown_since, "unknown_asks": payment.unknown_asks, "sca": payment.sca}
        await self._session.exec(update(PaymentRow).where(col(PaymentRow.id) == payment.id).values(**known))

    async def forget_authorisation(self, payment_id: PaymentId) -> None:
        """Remove what the user would have to see to approve."""
        await self._session.exec(
            update(PaymentRow).where(col(PaymentRow.id) == payment_id).values(**columns_of("authorisation", None))
        )

    async def save_cancellation(self, payment_id: PaymentId, awaited: SealedAuthorisation) -> None:
        """Store what the approval of a cancellation shows now, unless it is awaited no more."""
        is_awaited = col(PaymentRow.cancellation_status) == CancellationStatus.AUTHORISATION_REQUIRED
        await self._session.exec(
            update(PaymentRow)
            .where(col(PaymentRow.id) == payment_id, is_awaited)
            .values(**columns_of("cancellation", awaited))
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
            .values(vendor_payment_id=reference, client_secret=client_secret, **columns_of("authorisation", awaited))
        )

    async def renew_state(
        self, payment_id: PaymentId, state_hash: str, return_to: str | None = None, *, begun_in_app: bool = False
    ) -> None:
        """Replace the state for a further page, such as a cancellation's. `return_to` stays unless it is given."""
        goes_to = {"return_to": return_to} if return_to is not None else {}
        await self._session.exec(
            update(PaymentRow)
            .where(col(PaymentRow.id) == payment_id)
            .values(state_hash=state_hash, begun_in_app=begun_in_app, **goes_to)
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
            returned_on=after.returned_on,
            overdue_since=after.overdue_since,
            withdrawn_since=after.withdrawn_since,
            watched_until=after.watched_until,
            **columns_of("cancellation", None if after.status.is_final else after.cancellation_authorisation),
            **forgotten,
        )
        if event is not None:
            self._append(event)

    def _append(self, event: PaymentEvent) -> None:
        row = PaymentEventRow(
            id=new_id(ids.PAYMENT_EVENT, event.at),
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
