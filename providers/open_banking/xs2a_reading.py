"""Reading accounts by NextGenPSD2. Source: docs/vendors/nextgenpsd2.md, Accounts."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import date
from typing import Final, TypeVar
from urllib.parse import parse_qs

from domain.bank_account import Balance
from domain.clock import Clock, oslo_date
from domain.consent import ConsentStatus
from domain.errors import Unavailable
from domain.ids import BankId
from domain.statement import ItemKind, Statement
from providers.calling.vendor_http import Answer, VendorRefusal
from providers.open_banking import nextgenpsd2
from providers.open_banking.bank_profiles import BankProfile, by_bic, by_id
from providers.open_banking.port import (
    AccessExceeded,
    AccountAccess,
    AccountAtBank,
    AccountLost,
    ConsentAccess,
    ConsentLost,
    Items,
    PaymentAccess,
    Psu,
)
from providers.open_banking.readings import each, items_of, shown_balances
from providers.open_banking.statement_pages import StatementPage, StatementReader, Terms, TermsRefused
from providers.open_banking.vendor_ids import in_header, in_path
from providers.open_banking.xs2a_client import Reference, Xs2aClient

_ENDED: Final = {"CONSENT_EXPIRED": ConsentStatus.EXPIRED}
_LOST: Final = frozenset({"CONSENT_EXPIRED", "CONSENT_INVALID", "CONSENT_UNKNOWN"})
# How banks say that they do not take `bookingStatus=both`, or the period (nextgenpsd2.md, Accounts).
_TERMS: Final = frozenset({"PARAMETER_NOT_SUPPORTED", "PARAMETER_NOT_CONSISTENT", "PERIOD_INVALID", "FORMAT_ERROR"})
_NOT_FOUND: Final = 404
Result = TypeVar("Result")


class Xs2aReading:
    """Accounts, balances and statements under a consent, over an aggregator or directly: `client` knows which."""

    def __init__(self, client: Xs2aClient, *, clock: Clock) -> None:
        self._client = client
        self._clock = clock
        self._statements = StatementReader()

    async def accounts(self, bank_id: BankId, consent_reference: str, psu: Psu) -> Items[AccountAtBank]:
        def read(answer: Answer) -> Items[AccountAtBank]:
            return each(ItemKind.ACCOUNT, items_of(answer, "accounts"), nextgenpsd2.account)

        return await self._read("accounts", "", consent_reference, psu, read)

    async def balances(self, access: AccountAccess) -> Items[Balance]:
        def read(answer: Answer) -> Items[Balance]:
            read = each(ItemKind.BALANCE, items_of(answer, "balances"), nextgenpsd2.balance)
            shown = shown_balances(read.found, nextgenpsd2.BALANCES, access.currency, self._clock.now())
            return Items(shown, read.put_aside)

        path = f"{_path_of(access)}/balances"
        return await self._read("balances", path, access.consent_reference, access.psu, read)

    async def transactions(self, access: AccountAccess, *, since: date) -> Statement:
        async def ask(terms: Terms, page: str | None) -> StatementPage:
            params = {
                "bookingStatus": "both" if terms.with_pending else "booked",
                "dateFrom": terms.since.isoformat(),
                **_query_of(page),
            }
            return await self._read(
                "transactions",
                f"{_path_of(access)}/transactions",
                access.consent_reference,
                access.psu,
                lambda answer: nextgenpsd2.transactions(answer, access.number),
                params,
            )

        profile, today = by_id(access.bank_id), oslo_date(self._clock.now())
        try:
            return await self._statements.read(
                profile.bic, ask, since=since, today=today, lists_twice=profile.lists_twice, ids=profile.ids
            )
        except TermsRefused as refused:
            raise Unavailable("open_banking", "the bank takes no terms for its statement") from refused

    async def _read(
        self,
        operation: str,
        path: str,
        consent_reference: str,
        psu: Psu,
        read: Callable[[Answer], Result],
        params: Mapping[str, str] | None = None,
    ) -> Result:
        consent = Reference.parse(consent_reference)
        try:
            return await self._client.call(
                operation,
                "GET",
                f"{self._client.paths(consent.bic).accounts}{path}",
                read,
                bic=consent.bic,
                psu=as_wanted(by_bic(consent.bic), psu),
                headers={"consent-id": in_header(consent.id)},
                params=params,
            )
        except VendorRefusal as refusal:
            codes = nextgenpsd2.codes_of(refusal.answer)
            if "ACCESS_EXCEEDED" in codes:
                raise AccessExceeded from refusal
            for code in codes:
                if code in _LOST:
                    raise ConsentLost(_ENDED.get(code, ConsentStatus.REVOKED)) from refusal
            if path and refusal.status == _NOT_FOUND and "RESOURCE_UNKNOWN" in codes:
                raise AccountLost from refusal
            if params and _TERMS & {*codes}:
                raise TermsRefused(is_about_period="PERIOD_INVALID" in codes) from refusal
            raise self._client.refused(refusal, consent.bic) from refusal


def as_wanted(profile: BankProfile, psu: Psu) -> Psu:
    """The user's data for this bank: the national identity number goes only to banks that want it."""
    return psu if profile.wants_psu_id else Psu(None, psu.device)


def told(access: ConsentAccess | PaymentAccess) -> Psu:
    """What the bank is told of the user in a later call about a consent or a payment."""
    profile = by_id(access.bank_id)
    device = access.psu.device or (access.began_from if profile.wants_device_later else None)
    return as_wanted(profile, replace(access.psu, device=device))


def _path_of(access: AccountAccess) -> str:
    """The account's path. The bank's id may have any characters."""
    return f"/{in_path(access.resource_id)}"


def _query_of(page: str | None) -> dict[str, str]:
    """The parameters that ask for the next page: the query of the link to it."""
    return {name: values[0] for name, values in parse_qs(page or "").items()}
