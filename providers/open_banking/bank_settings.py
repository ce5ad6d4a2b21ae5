"""Settings that several vendors of open banking have in common."""

from typing import Final

from pydantic import Field, SecretStr

from providers.open_banking.certificates import CertificateSettings
from providers.setting_types import MOCK_SECRET, PREVIOUS, secret_of
from providers.told_webhooks import ToldWebhook

# One webhook address for all of them: banks were given it before there were several vendors.
ADDRESS: Final = "openbanking"
# Of the event with a shared secret, of a bank's own notification, and of an aggregator's: all come to one address.
TOLD: Final = ToldWebhook(
    (
        *("type", "occurredAt", "paymentId", "endToEndIdentification", "consentId", "reference"),
        *("transactionStatus", "consentStatus"),
        *("about", "notification.paymentId", "notification.consentId"),
        *("notification.transactionStatus", "notification.consentStatus", "notification.scaStatus"),
        *("payment_id", "status"),
    )
)


class OpenBankingSettings(CertificateSettings):
    """Where banks send browsers back, what their notifications are verified by, and our certificates."""

    openbanking_callback_url: str | None = Field(
        default=None,
        description="Where banks send browsers back, as it is listed with the vendor; "
        "without it PUBLIC_URL/api/openbanking/callback.",
    )
    openbanking_webhook_secret: SecretStr = Field(
        default=SecretStr(MOCK_SECRET), description="Verifies X-OB-Signature of open banking webhooks."
    )
    openbanking_webhook_secret_previous: SecretStr | None = Field(
        default=None,
        description=PREVIOUS,
    )


def callback_url_of(settings: OpenBankingSettings, public_url: str) -> str:
    """The address that is listed with the vendor, which matches it exactly."""
    return settings.openbanking_callback_url or f"{public_url}/api/openbanking/callback"


def webhook_secret_of(settings: OpenBankingSettings) -> str:
    """The key of our own tokens and of a relay's signatures."""
    return settings.openbanking_webhook_secret.get_secret_value()


def previous_webhook_secret_of(settings: OpenBankingSettings) -> str:
    """The other key that is taken while one is changed, or nothing."""
    return secret_of(settings.openbanking_webhook_secret_previous)
