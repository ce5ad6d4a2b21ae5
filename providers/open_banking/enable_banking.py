"""Enable Banking: consents as sessions, and the accounts that they open.

Source: docs/vendors/enable_banking.md.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Final, TypeVar

from domain.authorisation import Authorisation
from domain.bank_account import Balance, Bank
from domain.clock import OSLO, Clock, oslo_date
from domain.consent import ConsentStatus
from domain.errors import InDoubt, Unavailable
from domain.ids import BankId
from domain.redirect import state_of
from domain.statement import ItemKind, LineIds, Statement
from providers.calling.guard import Resilience
from providers.calling.json_parts import as_list, text, within
from providers.calling.status_words import status_of
from providers.calling.vendor_http import Answer, VendorRefusal
from providers.open_banking import enable_banking_objects as objects
from providers.open_banking.bank_profiles import by_bic, by_id
from providers.open_banking.enable_banking_client import EnableBankingClient, error_of
from providers.open_banking.port import (
    AccessExceeded,
    AccountAccess,
    AccountAtBank,
    AccountLost,
    ConsentAccess,
    ConsentLost,
    ConsentRequest,
    ConsentState,
    Items,
    NotApprovable,
    Psu,
    StartedConsent,
)
from providers.open_banking.readings import each, identifier, items_of, put_aside, shown_balances, valid_until
from providers.open_banking.statement_pages import StatementPage, StatementReader, Terms, TermsRefused
from providers.open_banking.vendor_ids import from_reference, in_path, in_reference

RESILIENCE: Final = Resilience(timeout_s=10, breaker_failures=5, breaker_open_s=30, retry_after_s=(1, 2, 4))
# Sessions and payments are missing: a code works once, and a repeated payment would be a second one.
RETRIED: Final = frozenset(
    {
        "check",
        "banks",
        "start_consent",
        "consent_state",
        "revoke_consent",
        "accounts",
        "balances",
        "transactions",
        "status",
    }
)
_SESSION: Final[Mapping[str, ConsentStatus]] = {
    "PENDING_AUTHORIZATION": ConsentStatus.AWAITING_AUTHORISATION,
    "RETURNED_FROM_BANK": ConsentStatus.AWAITING_AUTHORISATION,
    "AUTHORIZED": ConsentStatus.ACTIVE,
    "EXPIRED": ConsentStatus.EXPIRED,
    "REVOKED": ConsentStatus.REVOKED,
    "CLOSED": ConsentStatus.REVOKED,
    "CANCELLED": ConsentStatus.REJECTED,
    "INVALID": ConsentStatus.REJECTED,
}
_LOST: Final = {
    "EXPIRED_SESSION": ConsentStatus.EXPIRED,
    "REVOKED_SESSION": ConsentStatus.REVOKED,
    "CLOSED_SESSION": ConsentStatus.REVOKED,
    "SESSION_DOES_NOT_EXIST": ConsentStatus.REVOKED,
}
# With these errors the code is of no use any more: the user has to start again.
_STARTS_ANEW: Final = frozenset(
    {"WRONG_AUTHORIZATION_CODE", "EXPIRED_AUTHORIZATION_CODE", "ALREADY_AUTHORIZED", "WRONG_SESSION_STATUS"}
)
# In place of the id of an account that the vendor cannot read, so that it is counted.
_NO_UID: Final = "-"
_INSIDE: Final = timedelta(days=1)
Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class _Session:
    """The stored reference of a consent: bank, session and account ids. The vendor gives the account ids only once."""

    bank: BankId
    id: str
    uids: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.bank}/{in_reference(self.id)}/{','.join(map(in_reference, self.uids))}"

    @classmethod
    def parse(cls, text: str) -> "_Session":
        """Read a stored reference. Its `id` is empty until the user is back from the bank."""
        bank, _, rest = text.partition("/")
        found, _, uids = rest.partition("/")
        # Older references have the BIC there.
        bank_id = BankId(bank) if "_" in bank else by_bic(bank).id
        return cls(bank_id, from_reference(found), tuple(from_reference(uid) for uid in uids.split(",") if uid))


class EnableBankingAccounts:
    """Account information through Enable Banking. A consent is a session there."""

    def __init__(self, client: EnableBankingClient, *, clock: Clock) -> None:
        self._client = client
        self._clock = clock
        self._statements = StatementReader()

    async def check(self) -> None:
        """Check that the vendor accepts our key and that our application is active. Raises Unavailable."""
        if not await self._client.application_is_active():
            raise Unavailable("open_banking", "the application is not active at the vendor")

    async def list_banks(self, country: str) -> Sequence[Bank]:
        return [
            Bank(aspsp.bank_id, aspsp.name, aspsp.bic, aspsp.country, by_id(aspsp.bank_id).part_of)
            for aspsp in await self._client.banks(country)
        ]

    async def start_consent(self, request: ConsentRequest) -> StartedConsent:
        aspsp = await self._client.bank(request.bank_id)
        # Inside the bank's longest, whose clock may differ from ours, or the vendor refuses the consent.
        inside = min(_INSIDE, aspsp.longest_consent / 2)
        longest = self._clock.now() + aspsp.longest_consent - inside
        until = min(request.valid_until, oslo_date(longest))
        body = {
            "access": {
                "valid_until": min(_end_of(until), longest).isoformat(),
                "balances": True,
                "transactions": True,
            },
            "aspsp": aspsp.key,
            "psu_type": "personal",
            "language": "nb",
            **aspsp.consent_method,
            **self._redirect(request.redirect_uri),
        }
        headers = self._client.psu_headers(aspsp, request.psu)
        try:
            page = await self._client.call(
                "start_consent", "POST", "/auth", objects.page, bank=aspsp.bank_id, headers=headers, json=body
            )
        except VendorRefusal as refusal:
            raise self._client.refused(refusal, aspsp.bank_id) from refusal
        return StartedConsent(str(_Session(aspsp.bank_id, "", ())), Authorisation(page), until)

    async def authorise_consent(self, started: StartedConsent, psu: Psu, redirect_uri: str) -> StartedConsent:
        """Give what is there: the vendor sends its page with the consent."""
        return started

    async def choose_consent_method(
        self, access: ConsentAccess, method: str, redirect_uri: str
    ) -> Authorisation | None:
        """Raise NotApprovable: the user chooses on the vendor's page."""
        raise NotApprovable

    async def complete_consent(self, access: ConsentAccess, query: Mapping[str, str]) -> ConsentState:
        session = _Session.parse(access.reference)
        if session.id:
            return await self.consent_state(access)
        if "code" not in query:
            return ConsentState(ConsentStatus.REJECTED, date.max)
        try:
            found, until = await self._client.command(
                "session",
                "/sessions",
                lambda answer: _session(session.bank, answer),
                bank=session.bank,
                headers={},
                json={"code": query["code"]},
            )
        except InDoubt as error:
            raise Unavailable("open_banking") from error
        except VendorRefusal as refusal:
            if error_of(refusal) in _STARTS_ANEW:
                return ConsentState(ConsentStatus.REJECTED, date.max)
            raise self._client.refused(refusal, session.bank) from refusal
        return ConsentState(ConsentStatus.ACTIVE, until, reference=str(found))

    async def consent_state(self, access: ConsentAccess) -> ConsentState:
        session = _Session.parse(access.reference)
        if not session.id:
            # There is no session to ask about before the browser is back with its code.
            return ConsentState(ConsentStatus.AWAITING_AUTHORISATION, date.max)
        try:
            path = f"/sessions/{in_path(session.id)}"
            return await self._client.call("consent_state", "GET", path, _state, bank=session.bank)
        except VendorRefusal as refusal:
            if error_of(refusal) in _LOST:
                return ConsentState(_LOST[error_of(refusal)], date.max)
            raise self._client.refused(refusal, session.bank) from refusal

    async def revoke_consent(self, access: ConsentAccess) -> None:
        session = _Session.parse(access.reference)
        if not session.id:
            return
        try:
            path = f"/sessions/{in_path(session.id)}"
            await self._client.call("revoke_consent", "DELETE", path, lambda answer: None, bank=session.bank)
        except VendorRefusal as refusal:
            if error_of(refusal) not in _LOST:
                raise self._client.refused(refusal, session.bank) from refusal

    async def accounts(self, bank_id: BankId, consent_reference: str, psu: Psu) -> Items[AccountAtBank]:
        session = _Session.parse(consent_reference)

        async def read_account(uid: str) -> Items[AccountAtBank]:
            if uid == _NO_UID:
                return Items([], [put_aside(ItemKind.ACCOUNT, {"uid": None}, AccountLost())])

            def read(answer: Answer) -> Items[AccountAtBank]:
                return each(ItemKind.ACCOUNT, [answer.document], lambda item: objects.account(uid, item))

            try:
                return await self._read("accounts", f"/accounts/{in_path(uid)}/details", bank_id, psu, read)
            except (AccountLost, AccessExceeded, Unavailable) as error:
                away = None if isinstance(error, AccountLost) else error
                return Items([], [put_aside(ItemKind.ACCOUNT, {"uid": uid}, error)], away)

        read = await asyncio.gather(*(read_account(uid) for uid in session.uids))
        found = [account for items in read for account in items.found]
        away = next((items.away for items in read if items.away is not None), None)
        if away is not None and not found:
            raise away
        return Items(found, [aside for items in read for aside in items.put_aside], away)

    async def balances(self, access: AccountAccess) -> Items[Balance]:
        def read(answer: Answer) -> Items[Balance]:
            read = each(ItemKind.BALANCE, items_of(answer, "balances"), objects.balance)
            return Items(
                shown_balances(read.found, objects.BALANCES, access.currency, self._clock.now()), read.put_aside
            )

        return await self._read("balances", f"{_path_of(access)}/balances", access.bank_id, access.psu, read)

    async def transactions(self, access: AccountAccess, *, since: date) -> Statement:
        async def ask(terms: Terms, page: str | None) -> StatementPage:
            # The next page is the same request with the continuation key of the page before.
            params = {"date_from": terms.since.isoformat(), **({"continuation_key": page} if page else {})}
            path = f"{_path_of(access)}/transactions"

            def read(answer: Answer) -> StatementPage:
                return objects.transactions(answer, access.number)

            return await self._read("transactions", path, access.bank_id, access.psu, read, params)

        profile, today = by_id(access.bank_id), oslo_date(self._clock.now())
        try:
            return await self._statements.read(
                access.bank_id,
                ask,
                since=since,
                today=today,
                lists_twice=profile.lists_twice,
                # Whatever the bank does: the vendor's ids only fetch details (enable_banking.md, Accounts).
                ids=LineIds.FETCH_DETAILS,
            )
        except TermsRefused as refused:
            raise Unavailable("open_banking", "the bank takes no period for its statement") from refused

    def _redirect(self, redirect_uri: str) -> dict[str, str]:
        return {"redirect_url": self._client.application.callback_url, "state": state_of(redirect_uri)}

    async def _read(
        self,
        operation: str,
        path: str,
        bank_id: BankId,
        psu: Psu,
        read: Callable[[Answer], Result],
        params: Mapping[str, str] | None = None,
    ) -> Result:
        headers = self._client.psu_headers(await self._client.bank(bank_id), psu) if psu.device else {}
        try:
            return await self._client.call(operation, "GET", path, read, bank=bank_id, headers=headers, params=params)
        except VendorRefusal as refusal:
            error = error_of(refusal)
            if error == "ASPSP_RATE_LIMIT_EXCEEDED":
                raise AccessExceeded from refusal
            if error in _LOST:
                raise ConsentLost(_LOST[error]) from refusal
            if error == "WRONG_TRANSACTIONS_PERIOD":
                raise TermsRefused(is_about_period=True) from refusal
            if error == "ACCOUNT_DOES_NOT_EXIST":
                raise AccountLost from refusal
            raise self._client.refused(refusal, bank_id) from refusal


def _path_of(access: AccountAccess) -> str:
    return f"/accounts/{in_path(access.resource_id)}"


def _end_of(day: date) -> datetime:
    """The last second of a day in Oslo, in UTC."""
    return datetime.combine(day, time(23, 59, 59), OSLO).astimezone(UTC)


def _session(bank: BankId, answer: Answer) -> tuple[_Session, date]:
    document = answer.document
    uids = tuple(uid for account in as_list(document.get("accounts")) if (uid := _uid_of(account)))
    return _Session(bank, identifier(document["session_id"]), uids), _until(document)


def _uid_of(account: object) -> str | None:
    """The id by which the account is read; None for one that is none of ours to read, such as a card."""
    has_number = (
        within(account, "account_id", "iban") or within(account, "account_id", "other", "scheme_name") == "BBAN"
    )
    return text(within(account, "uid")) or (_NO_UID if has_number or not isinstance(account, Mapping) else None)


def _state(answer: Answer) -> ConsentState:
    status = status_of(_SESSION, answer.document["status"], of="consent")
    return ConsentState(status, _until(answer.document))


def _until(document: Mapping[str, Any]) -> date:
    """The last day of access, as a date in Oslo. Without one the bank has not shortened the consent: `date.max`."""
    return valid_until(within(document, "access", "valid_until"))
