"""Payments of a user: showing those of both rails, and starting those from a bank account."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import ClassVar, Final

import structlog

from db.ids import new_id
from db.unit_of_work import Read, UnitOfWork, Work, retry_on_outage, retry_on_stale
from domain import ids, way_back
from domain.bank_account import BankAccount, Transaction
from domain.bank_return import BankVisit, FinishedVisit, Redirects
from domain.bank_text import for_bank
from domain.clock import Clock, oslo_date
from domain.device import Device
from domain.errors import (
    ConsentRequired,
    InDoubt,
    InvalidInput,
    NotFound,
    PossibleDuplicate,
    Unavailable,
)
from domain.event import ChangeKind
from domain.ids import PaymentId, TransactionId, UserId
from domain.job import Job
from domain.kyc import require_approved
from domain.page import Keyset, PaymentPage
from domain.payment import (
    Failure,
    FailureCode,
    Payee,
    Payment,
    PaymentCause,
    PaymentEvent,
    Status,
    StatusUpdate,
)
from domain.payment_order import PaymentInput, PaymentOrder, payment_order
from domain.redirect import require_allowed, with_query
from domain.timeline import TimelineKind, about, record
from domain.warning import MutationWarning
from providers.open_banking.port import NotApprovable, PaymentAccess, PaymentInitiation, Psu
from providers.vendors import Vendors
from services.authorisations import CODE_LIVES, CODE_PAUSE, Authorisations
from services.banks.accounts import Accounts
from services.idempotency import earlier, keep, known
from services.payments.bank_access import BankAccess, access_of
from services.payments.bank_status import RECOVER_AFTER, BankStatusSync
from services.payments.payment_warnings import PaymentWarnings
from services.payments.record import PaymentRecorder
from services.search_texts import fold_all
from services.shield import Shield
from services.tokens import hash_of, new_token

_OPERATION: Final = "initiatePayment"
_AWAY: Final = Failure(FailureCode.PROVIDER_UNAVAILABLE)
_NOT_APPROVABLE: Final = Failure(FailureCode.AUTHORISATION_NOT_SUPPORTED)
_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Initiated:
    """The new payment, with warnings that the user may want to see before approving it."""

    payment: Payment
    warnings: Sequence[MutationWarning] = ()


@dataclass(frozen=True, slots=True)
class FinishReturn(Job):
    """Exchange the code of an approval again. `query_encrypted` is what the browser brought; `until` is in ISO 8601."""

    kind: ClassVar[str] = "finish_bank_return"
    user_id: UserId
    payment_id: PaymentId
    query_encrypted: str
    until: str


class Payments:
    """Payments from a bank account: initiated once, approved on the bank's page, and read.

    A payment is committed before the bank is called, and the bank is called outside of any transaction.
    """

    def __init__(
        self,
        work: Work,
        read: Read,
        vendors: Vendors[PaymentInitiation],
        accounts: Accounts,
        bank_status: BankStatusSync,
        access: BankAccess,
        recorder: PaymentRecorder,
        authorisations: Authorisations,
        shield: Shield,
        clock: Clock,
        return_origins: tuple[str, ...],
    ) -> None:
        self._work = work
        self._read = read
        self._vendors = vendors
        self._accounts = accounts
        self._bank_status = bank_status
        self._access = access
        self._recorder = recorder
        self._authorisations = authorisations
        self._clock = clock
        self._return_origins = return_origins
        # A client that leaves while the bank is asked must not stop us from storing the bank's answer.
        self._shield = shield
        self._warnings = PaymentWarnings(accounts)

    async def page(self, user_id: UserId, page: PaymentPage) -> list[Payment]:
        if page.search.text is not None:
            await fold_all(self._read, self._work, lambda queries: queries.payment_search, user_id)
        async with self._read() as read:
            return await read.payments.page(user_id, page)

    async def payees(self, user_id: UserId, limit: int) -> list[Payee]:
        """Whom the user has paid, the last paid first."""
        async with self._read() as read:
            return await read.payment_search.payees(user_id, limit)

    async def by_ids(self, user_id: UserId, payment_ids: Sequence[PaymentId]) -> list[Payment]:
        async with self._read() as read:
            return await read.payments.by_ids(user_id, payment_ids)

    async def history(self, payment_ids: Sequence[PaymentId], keyset: Keyset) -> dict[PaymentId, list[PaymentEvent]]:
        """A page of each payment's history, oldest first. The caller has read the payments for their user."""
        async with self._read() as read:
            return await read.payments.history(payment_ids, keyset)

    async def of_lines(self, user_id: UserId, lines: Sequence[TransactionId]) -> dict[TransactionId, PaymentId]:
        """Which of the user's payments the lines show, where they show any."""
        async with self._read() as read:
            return await read.statement_links.payments_of(user_id, lines)

    async def lines(self, user_id: UserId, payment_ids: Sequence[PaymentId]) -> dict[PaymentId, list[Transaction]]:
        """The lines of the paying accounts that show the user's payments, oldest first."""
        async with self._read() as read:
            return await read.statement_links.lines_of(user_id, payment_ids)

    async def settled_at(self, payment_ids: Sequence[PaymentId]) -> dict[PaymentId, datetime]:
        """Of payments that the caller has read for their user."""
        async with self._read() as read:
            return await read.payments.settled_at(payment_ids)

    async def initiate(self, user_id: UserId, given: PaymentInput, redirects: Redirects) -> Initiated:
        """Start a bank payment; the same idempotency key gives the same payment.

        Raises Refusals, KycRequired, NotFound, ConsentRequired, IdempotencyKeyReused, PossibleDuplicate.
        """
        # Before the input is judged: what was asked for in time is not refused when it is asked for again.
        before = await self._known(user_id, given)
        if before is not None:
            return Initiated(before)
        order = payment_order(user_id, given, oslo_date(self._clock.now()))
        return_to = require_allowed(redirects.return_to, self._return_origins, field=("input", "returnTo"))
        state = new_token()
        created, account, is_new = await retry_on_stale(
            lambda: self._create(order, state, replace(redirects, return_to=return_to))
        )
        if not is_new:
            return created
        sending = self._initiate(created, account, with_query(redirects.callback_uri, state=state), redirects.device)
        return await self._shield.run(sending, instead=lambda: self._as_it_stands(created))

    async def _initiate(self, created: Initiated, account: BankAccount, redirect_uri: str, device: Device) -> Initiated:
        payment = created.payment
        warnings = [*created.warnings, *await self._warnings.of(payment, account.id, device)]
        psu = await self._accounts.psu(payment.user_id, device)
        sent = await self._send(payment, account, psu, redirect_uri, warnings)
        return Initiated(sent, warnings)

    async def _as_it_stands(self, created: Initiated) -> Initiated:
        return Initiated(await self._bank_status.current(created.payment), created.warnings)

    async def finish(self, visit: BankVisit, query: Mapping[str, str], device: Device) -> FinishedVisit:
        """Ask the bank when the payment's own user is back from its page.

        Returning proves nothing: the status is read at the bank.
        """
        payment_id = PaymentId(visit.subject_id)
        about(payment_id, visit.user_id)
        async with self._read() as read:
            payment = await read.payments.get(visit.user_id, payment_id)
        assert payment is not None
        record(TimelineKind.REDIRECT, "back from the bank's page", "the bank is asked")
        try:
            await self._complete(payment, query, device)
        except Unavailable:
            _log.warning("payment_return_unread", payment_id=payment.id)  # webhook or job ask again
        async with self._read() as read:
            current = await read.payments.get(payment.user_id, payment.id)
        return FinishedVisit(visit, way_back.of_payment(current or payment))

    async def finish_return(self, job: FinishReturn) -> None:
        """Complete an approval whose code could not be exchanged at the return. Safe to repeat. Raises Unavailable."""
        if self._clock.now() >= datetime.fromisoformat(job.until):
            return
        async with self._read() as read:
            payment = await read.payments.get(job.user_id, job.payment_id)
        if payment is not None and payment.vendor_payment_id is not None and not payment.status.is_final:
            query = self._authorisations.opened_query(job.query_encrypted)
            access = await self._access.of(payment, payment.vendor_payment_id)
            await self._vendors[payment.vendor].complete(access, query)
            await self._bank_status.refresh(payment.user_id, payment.id, PaymentCause.USER_RETURNED)

    async def _complete(self, payment: Payment, query: Mapping[str, str], device: Device) -> None:
        if payment.vendor_payment_id is not None:
            access = await self._access.of(payment, payment.vendor_payment_id, device)
            try:
                await self._vendors[payment.vendor].complete(access, query)
            except Unavailable:
                await self._keep_code(payment, query)
                raise
        await self._bank_status.refresh_for(payment, device)

    async def _keep_code(self, payment: Payment, query: Mapping[str, str]) -> None:
        """A code that was not exchanged is kept, encrypted, and tried again: the browser brings it once."""
        if "code" not in query:
            return
        now = self._clock.now()
        until = (now + CODE_LIVES).isoformat()
        async with self._work() as work:
            job = FinishReturn(payment.user_id, payment.id, self._authorisations.sealed_query(query), until)
            work.jobs.enqueue(job, due_at=now + CODE_PAUSE, now=now)
            await work.commit()

    async def _known(self, user_id: UserId, given: PaymentInput) -> Payment | None:
        """The payment that this key gave before. Raises IdempotencyKeyReused."""
        payment_id = await known(self._read, user_id, _OPERATION, given.idempotency_key, *given.fingerprints)
        if payment_id is None:
            return None
        async with self._read() as read:
            return await read.payments.get(user_id, PaymentId(payment_id))

    async def _create(
        self, order: PaymentOrder, state: str, redirects: Redirects
    ) -> tuple[Initiated, BankAccount, bool]:
        async with self._work() as work:
            await work.users.hold(order.user_id)
            account = await work.accounts.get(order.user_id, order.debtor_account_id)
            if account is None:
                raise NotFound("There is no such account.", field=("input", "debtorAccountId"))
            taken = await earlier(work, order.user_id, _OPERATION, order.idempotency_key, order.fingerprint)
            if taken is not None:
                about(PaymentId(taken), order.user_id)
                payment = await work.payments.get(order.user_id, PaymentId(taken))
                assert payment is not None
                return Initiated(payment), account, False
            await self._require_allowed(work, order, account)
            vendor = self._vendors.for_user(order.user_id, bank=account.bank_id)
            order, warnings = for_bank(order, self._vendors[vendor].text_rules(account.bank_id))
            payment = self._new_payment(order, account, vendor)
            created = PaymentEvent(payment.id, payment.version, payment.status, PaymentCause.USER, payment.created_at)
            kept = self._access.to_keep(self._vendors[payment.vendor], account.bank_id, redirects.device)
            await work.payments.add(
                payment,
                created,
                state_hash=hash_of(state),
                return_to=redirects.return_to,
                begun_in_app=redirects.in_app,
                device_encrypted=kept,
            )
            key, fingerprint = order.idempotency_key, order.fingerprint
            await keep(work, order.user_id, _OPERATION, key, fingerprint, payment.id, payment.created_at)
            self._recorder.publish(work, payment, ChangeKind.CREATED)
            # Committed before the bank is called: if this process dies in between, a job asks the bank what it knows.
            self._bank_status.enqueue_ask(work, payment, RECOVER_AFTER)
            await work.commit()
        return Initiated(payment, warnings), account, True

    async def _require_allowed(self, work: UnitOfWork, order: PaymentOrder, account: BankAccount) -> None:
        require_approved((await work.kyc.of_user(order.user_id)).status)
        if not account.is_available:
            raise ConsentRequired(
                "No active consent covers this account. Renew its bank link.", field=("input", "debtorAccountId")
            )
        if account.number.iban == order.creditor_account.iban:
            raise InvalidInput(
                "INVALID_ACCOUNT_NUMBER",
                "Debtor and creditor are the same account.",
                field=("input", "creditorAccount"),
                text="SAME_ACCOUNT",
            )
        like = await work.payments.like_in_doubt(order.user_id, order.creditor_account, order.amount)
        if like is not None and like.id != order.accept_duplicate_of:
            raise PossibleDuplicate(like.id)

    def _new_payment(self, order: PaymentOrder, account: BankAccount, vendor: str) -> Payment:
        now = self._clock.now()
        payment_id = PaymentId(new_id(ids.PAYMENT, now))
        return Payment(
            id=payment_id,
            user_id=order.user_id,
            vendor=vendor,
            amount=order.amount,
            creditor_name=order.creditor_name,
            creditor_account=order.creditor_account,
            debtor_account_id=order.debtor_account_id,
            created_at=now,
            kid=order.kid,
            message=order.message,
            scheduled_for=order.execution_date,
            # At most 35 characters (ISO 20022 Max35Text).
            end_to_end_id=ids.end_to_end_id_of(payment_id),
            version=1,
        )

    async def _send(
        self, payment: Payment, account: BankAccount, psu: Psu, redirect_uri: str, warnings: list[MutationWarning]
    ) -> Payment:
        """Register the payment at the bank and begin its approval. Adds what the bank warns of to `warnings`."""
        vendor = self._vendors[payment.vendor]
        try:
            reply = await vendor.initiate(payment, account.number, account.bank_id, psu, redirect_uri)
        except InDoubt:
            return await self._mark_in_doubt(payment)
        except Unavailable:
            return await self._fail(payment, _AWAY)
        warnings += reply.warnings
        if reply.status is Status.AUTHORISATION_REQUIRED and reply.authorisation is None:
            if not await retry_on_outage(lambda: self._save_reference(payment, reply.reference)):
                return await self._bank_status.current(payment)
            access = access_of(payment, reply.reference, account.bank_id, psu)
            try:
                reply = await vendor.authorise(access, redirect_uri)
                warnings += reply.warnings
            except NotApprovable:
                return await self._withdraw(payment, access, _NOT_APPROVABLE)
            except Unavailable:
                return await self._withdraw(payment, access, _AWAY)
        await retry_on_outage(lambda: self._bank_status.apply(payment, reply, PaymentCause.VENDOR_REPLY))
        if reply.status is None:
            return await self._mark_in_doubt(payment)
        return await self._bank_status.current(payment)

    async def _save_reference(self, payment: Payment, reference: str) -> bool:
        """Commit the bank's id before the next call to the bank: without the id the payment could not be read again.

        Gives whether the user may still approve the payment.
        """
        async with self._work() as work:
            may_approve = await self._bank_status.may_approve(work, payment, None)
            await work.payments.save_reply(payment.id, reference, None)
            await work.commit()
            return may_approve

    async def _withdraw(self, payment: Payment, access: PaymentAccess, failure: Failure) -> Payment:
        """End a payment that the user cannot approve: failed if the bank says that it is cancelled, else in doubt."""
        try:
            is_cancelled = await self._vendors[payment.vendor].withdraw(access)
        except Unavailable:
            is_cancelled = False
        return await self._fail(payment, failure) if is_cancelled else await self._mark_in_doubt(payment)

    async def _fail(self, payment: Payment, failure: Failure) -> Payment:
        update = StatusUpdate(Status.FAILED, PaymentCause.VENDOR_UNAVAILABLE, self._clock.now(), failure)
        return await self._bank_status.step(payment, lambda current: current.apply(update))

    async def _mark_in_doubt(self, payment: Payment) -> Payment:
        now = self._clock.now()
        return await self._bank_status.step(payment, lambda current: current.marked_in_doubt(now))
