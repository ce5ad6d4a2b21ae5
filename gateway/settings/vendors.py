"""Which vendors serve which port, and what each of them needs to be set."""

from collections.abc import Mapping
from typing import Final

MOCK: Final = "mock"
CONSOLE: Final = "console"
OFF: Final = "off"
SLACK: Final = "slack"
SUMSUB: Final = "sumsub"
SENDGRID: Final = "sendgrid"
SMTP: Final = "smtp"
TWILIO: Final = "twilio"
GOOGLE: Final = "google"
BANKID: Final = "bankid"
S3: Final = "s3"
SENTRY: Final = "sentry"
BETTERSTACK: Final = "betterstack"
OPEN_PAYMENTS: Final = "open_payments"
DIRECT: Final = "direct"
ENABLE_BANKING: Final = "enable_banking"
STRIPE: Final = "stripe"

# By port; the first is what mock mode runs on.
PROVIDERS: Final[Mapping[str, tuple[str, ...]]] = {
    "identity": (MOCK, BANKID),
    "kyc": (MOCK, SUMSUB),
    "open_banking": (MOCK, OPEN_PAYMENTS, ENABLE_BANKING, DIRECT),
    "card_payments": (MOCK, STRIPE),
    "card_issuing": (MOCK, STRIPE),
    "email": (MOCK, SENDGRID),
    "sms": (MOCK, TWILIO),
    "storage": (MOCK, S3),
    "geocoding": (MOCK, GOOGLE),
    "alerts": (CONSOLE, SLACK),
    "uptime": (MOCK, BETTERSTACK),
    "errors": (OFF, SENTRY),
}
# Which vendor tells operators what, changes nothing for users.
OPERATORS_PORTS: Final = frozenset({"alerts", "uptime", "errors"})
# The settings without which a vendor cannot be spoken to.
NEEDS: Final[Mapping[str, tuple[str, ...]]] = {
    SLACK: ("slack_webhook_url",),
    OPEN_PAYMENTS: ("openbanking_client_id", "openbanking_client_secret", "openbanking_webhook_secret"),
    ENABLE_BANKING: ("enablebanking_app_id", "enablebanking_private_key"),
    DIRECT: ("openbanking_banks", "openbanking_client_cert", "openbanking_webhook_secret"),
    SENTRY: ("sentry_dsn",),
    BETTERSTACK: ("betterstack_api_token",),
    SUMSUB: ("sumsub_app_token", "sumsub_app_secret", "sumsub_secret_key"),
    BANKID: ("bankid_client_id", "bankid_client_secret"),
    STRIPE: ("stripe_secret_key", "stripe_webhook_secret", "stripe_prices"),
    SENDGRID: ("sendgrid_api_key", "sendgrid_webhook_public_key", "email_from_address"),
    SMTP: ("smtp_url",),
    TWILIO: ("twilio_account_sid", "twilio_auth_token", "twilio_from"),
    S3: ("s3_uploads_bucket", "s3_exports_bucket", "s3_public_bucket"),
    GOOGLE: ("google_maps_api_key",),
}


def choices(port: str) -> str:
    """For the settings' descriptions."""
    return f"One provider switched alone: {' or '.join(PROVIDERS[port])}."
