from typing import Annotated

import strawberry
from strawberry import Info

from domain.consent import TEXT_VERSION
from domain.errors import Refusal
from domain.ids import BankId, BankLinkId
from resolvers.context import Context
from resolvers.ids import known_form
from schema.types.arguments import INPUT
from schema.types.authorisation import Authorisation
from schema.types.bank import (
    Bank,
    BankAccount,
    BankLink,
    ChooseConsentApprovalMethodInput,
    ChooseConsentApprovalMethodPayload,
    ConnectBankInput,
    ConnectBankPayload,
    DisconnectBankInput,
    DisconnectBankPayload,
    RefreshBalancesInput,
    RefreshBalancesPayload,
    RenewConsentInput,
)
from schema.types.consent_text import ConsentText
from schema.types.errors import user_errors_of
from schema.types.warning import MutationWarning
from services.banks.links import ConsentPage

Country = Annotated[str, strawberry.argument(description="ISO 3166-1 alpha-2; Drop is in NO.")]


async def banks(info: Info[Context, None], country: Country = "NO") -> list[Bank]:
    return [Bank.of(bank) for bank in await info.context.services.bank_list.of(country)]


def bank_consent_text() -> ConsentText:
    return ConsentText(version=TEXT_VERSION)


async def connect_bank(
    info: Info[Context, None], input: Annotated[ConnectBankInput, INPUT]
) -> ConnectBankPayload | None:
    context = info.context
    viewer = context.viewer()
    try:
        page = await context.services.bank_links.connect(
            viewer.user_id,
            known_form(BankId, input.bank_id, "input", "bankId"),
            context.bank_redirects(input.return_to),
        )
    except Refusal as refusal:
        return ConnectBankPayload(user_errors=user_errors_of(refusal))
    return _asked(page)


async def renew_consent(
    info: Info[Context, None], input: Annotated[RenewConsentInput, INPUT]
) -> ConnectBankPayload | None:
    context = info.context
    viewer = context.viewer()
    try:
        page = await context.services.bank_links.renew(
            viewer.user_id,
            known_form(BankLinkId, input.bank_link_id, "input", "bankLinkId"),
            context.bank_redirects(input.return_to),
        )
    except Refusal as refusal:
        return ConnectBankPayload(user_errors=user_errors_of(refusal))
    return _asked(page)


async def choose_consent_approval_method(
    info: Info[Context, None], input: Annotated[ChooseConsentApprovalMethodInput, INPUT]
) -> ChooseConsentApprovalMethodPayload | None:
    context = info.context
    viewer = context.viewer()
    try:
        bank_link_id = known_form(BankLinkId, input.bank_link_id, "input", "bankLinkId")
        chosen = await context.services.consent_methods.choose(
            viewer.user_id, bank_link_id, input.method_id, context.device
        )
    except Refusal as refusal:
        return ChooseConsentApprovalMethodPayload(user_errors=user_errors_of(refusal))
    return ChooseConsentApprovalMethodPayload(
        bank_link=BankLink.of(chosen.bank_link),
        authorisation=Authorisation.of(chosen.awaited) if chosen.awaited is not None else None,
    )


async def disconnect_bank(
    info: Info[Context, None], input: Annotated[DisconnectBankInput, INPUT]
) -> DisconnectBankPayload | None:
    viewer = info.context.viewer()
    try:
        bank_link = await info.context.services.bank_links.disconnect(
            viewer.user_id, known_form(BankLinkId, input.bank_link_id, "input", "bankLinkId")
        )
    except Refusal as refusal:
        return DisconnectBankPayload(user_errors=user_errors_of(refusal))
    return DisconnectBankPayload(bank_link=BankLink.of(bank_link))


async def refresh_balances(
    info: Info[Context, None], input: Annotated[RefreshBalancesInput, INPUT]
) -> RefreshBalancesPayload | None:
    context = info.context
    viewer = context.viewer()
    try:
        accounts = await context.services.accounts.refresh_bank_link(
            viewer.user_id,
            known_form(BankLinkId, input.bank_link_id, "input", "bankLinkId"),
            device=context.device,
        )
    except Refusal as refusal:
        return RefreshBalancesPayload(user_errors=user_errors_of(refusal))
    return RefreshBalancesPayload(accounts=[BankAccount.of(account) for account in accounts])


def _asked(page: ConsentPage) -> ConnectBankPayload:
    return ConnectBankPayload(
        bank_link=BankLink.of(page.bank_link),
        authorisation_url=page.awaited.url if page.awaited else None,
        authorisation=Authorisation.of(page.awaited) if page.awaited else None,
        consent_text=ConsentText(version=TEXT_VERSION),
        warnings=[MutationWarning.of(warning) for warning in page.warnings],
    )
