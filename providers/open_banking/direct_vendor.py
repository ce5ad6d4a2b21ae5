"""Banks that we reach ourselves, declared as a vendor."""

from collections.abc import Sequence
from typing import Final

from pydantic import Field

from domain.ids import BankId
from providers.calling.loopback import LOOPBACK, is_safe, is_within, parts_of
from providers.declaration import Tools, Vendor
from providers.open_banking.bank_notification import NotificationAddress
from providers.open_banking.bank_profiles import by_id, is_known
from providers.open_banking.bank_settings import (
    ADDRESS,
    TOLD,
    OpenBankingSettings,
    previous_webhook_secret_of,
    webhook_secret_of,
)
from providers.open_banking.certificate_watch import RenewedSeal, watched_internet
from providers.open_banking.certificates import problems_of
from providers.open_banking.direct_banks import RESILIENCE, RETRIED, DirectBanks, DirectPayments
from providers.open_banking.port import BankAdapters
from providers.open_banking.xs2a import Xs2aAccounts
from providers.setting_types import Pairs

_DIRECT: Final = "direct"


class DirectSettings(OpenBankingSettings):
    """The banks' addresses."""

    openbanking_banks: Pairs = Field(
        default={},
        description="Banks that are reached directly: bank_dnb=https://api.psd.dnb.no, separated by commas.",
    )


def _build(settings: DirectSettings, tools: Tools) -> BankAdapters:
    secret, before = webhook_secret_of(settings), previous_webhook_secret_of(settings)
    banks = DirectBanks(
        watched_internet(settings, tools),
        settings.openbanking_banks,
        tools.guard(RESILIENCE, RETRIED),
        notifications=NotificationAddress(tools.webhook_url, secret, before),
        seal=RenewedSeal(settings) if settings.openbanking_seal_cert and settings.openbanking_seal_key else None,
    )
    accounts = Xs2aAccounts(banks, clock=tools.clock)
    tools.add_check(accounts.check)
    payments = DirectPayments(
        banks,
        webhook_secret=secret,
        clock=tools.clock,
        previous_webhook_secret=before,
    )
    return BankAdapters(accounts, payments)


def _problems(settings: DirectSettings) -> Sequence[str]:
    found = [
        f"OPENBANKING_BANKS: {bank_id}={base!r} is not a bank's id and its https address."
        for bank_id, base in settings.openbanking_banks.items()
        if not (is_known(BankId(bank_id)) and is_safe(base))
    ]
    found += [
        f"OPENBANKING_BANKS: {bank_id}: {host} is no host of the bank's, {domain}."
        for bank_id, base in settings.openbanking_banks.items()
        if (domain := by_id(BankId(bank_id)).api_domain) is not None
        and (host := parts_of(base).hostname or "") not in LOOPBACK
        and not is_within(host, domain)
    ]
    signing = [bank_id for bank_id in settings.openbanking_banks if by_id(BankId(bank_id)).signs]
    return [*found, *problems_of(settings, signing)]


VENDOR: Final = Vendor(
    _DIRECT,
    DirectSettings,
    _build,
    needs=("openbanking_banks", "openbanking_client_cert", "openbanking_webhook_secret"),
    address=ADDRESS,
    told=TOLD,
    # DNB's (docs/vendors/norwegian_banks.md).
    test_hosts={"openbanking_banks": ("sandboxapi.psd.dnb.no",)},
    problems=_problems,
)
