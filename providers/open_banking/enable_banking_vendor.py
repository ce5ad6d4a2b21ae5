"""Enable Banking, declared as a vendor."""

from collections.abc import Sequence
from typing import Final

from joserfc.errors import JoseError
from joserfc.jwk import RSAKey
from pydantic import Field, SecretStr

from providers.declaration import Tools, Vendor
from providers.open_banking import enable_banking_webhook
from providers.open_banking.bank_settings import ADDRESS, OpenBankingSettings, callback_url_of
from providers.open_banking.enable_banking import RESILIENCE, RETRIED, EnableBankingAccounts
from providers.open_banking.enable_banking_client import API_URL, Application, EnableBankingClient
from providers.open_banking.enable_banking_payments import EnableBankingPayments
from providers.open_banking.enable_banking_webhook import WebhookKeys, is_vendors
from providers.open_banking.port import BankAdapters
from providers.setting_types import secret_of

_ENABLE_BANKING: Final = "enable_banking"


class EnableBankingSettings(OpenBankingSettings):
    """Our application at Enable Banking."""

    enablebanking_api_url: str = Field(default=API_URL, description="Enable Banking's address.")
    enablebanking_app_id: str | None = Field(
        default=None, description="Enable Banking, the application's id; it belongs to their sandbox or to production."
    )
    enablebanking_private_key: SecretStr | None = Field(
        default=None, description="The application's RSA key in PEM, better by ENABLEBANKING_PRIVATE_KEY_FILE."
    )


def _build(settings: EnableBankingSettings, tools: Tools) -> BankAdapters:
    application = Application(
        settings.enablebanking_app_id or "",
        secret_of(settings.enablebanking_private_key),
        callback_url_of(settings, tools.public_url),
        tools.webhook_url,
    )
    guard, url = tools.guard(RESILIENCE, RETRIED), settings.enablebanking_api_url
    client = EnableBankingClient(tools.internet(), guard, application, clock=tools.clock, api_url=url)
    accounts = EnableBankingAccounts(client, clock=tools.clock)
    tools.add_check(accounts.check)
    # A guard of its own: what strangers make it read opens no breaker of payments and stops no migration.
    keys_guard = tools.guard(
        enable_banking_webhook.RESILIENCE,
        enable_banking_webhook.RETRIED,
        label=f"{_ENABLE_BANKING}:webhook_keys",
        spends_budget=False,
    )
    keys = WebhookKeys(tools.internet(), keys_guard, is_theirs=is_vendors)
    return BankAdapters(accounts, EnableBankingPayments(client, keys, clock=tools.clock))


def _problems(settings: EnableBankingSettings) -> Sequence[str]:
    try:
        if settings.enablebanking_private_key is not None:
            RSAKey.import_key(settings.enablebanking_private_key.get_secret_value())
    except (JoseError, ValueError):
        return ["ENABLEBANKING_PRIVATE_KEY must be an RSA key in PEM."]
    return []


VENDOR: Final = Vendor(
    _ENABLE_BANKING,
    EnableBankingSettings,
    _build,
    needs=("enablebanking_app_id", "enablebanking_private_key"),
    address=ADDRESS,
    problems=_problems,
)
