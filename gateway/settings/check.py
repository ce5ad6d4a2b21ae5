"""Settings as a whole: what is wrong with them, all of it at once, each with what to do."""

from collections import defaultdict
from typing import Any, Final

from cryptography.fernet import Fernet
from joserfc.errors import JoseError
from joserfc.jwk import RSAKey
from pydantic import SecretStr, ValidationError
from pydantic_core import ErrorDetails

from db.engine import async_url
from domain.account_number import InvalidAccountNumber, parse_account_number
from domain.ids import BankId
from domain.plan import PLANS
from gateway.assembly.internet import tls_with
from gateway.settings.certificates import seal_of
from gateway.settings.settings import ServiceMode, Settings
from gateway.settings.vendors import MOCK, PROVIDERS
from providers.calling.loopback import is_safe, parts_of
from providers.email import smtp
from providers.email.sendgrid_events import public_key_of
from providers.open_banking.bank_profiles import by_id, is_known

_STAGING: Final = "staging"
# Of Stripe and Sumsub: what carries one moves real money, or knows real people.
_LIVE_KEYS: Final = {"stripe_secret_key": ("sk_live_", "rk_live_"), "sumsub_app_token": ("prd:",)}
# Secrets that mock mode has of its own, with the port that makes them needed; None for every gateway.
_OWN_SECRETS: Final = {
    "field_encryption_keys": None,
    "field_hash_key": None,
    "mock_mail_key": "email",
    "mock_storage_key": "storage",
}


class InvalidSettings(Exception):
    """One message that lists every problem."""


def _line(found: ErrorDetails) -> str:
    message = found["msg"].removeprefix("Value error, ")
    return ": ".join((*(str(part).upper() for part in found["loc"]), message))


def load_settings(**given: Any) -> Settings:
    """Raises InvalidSettings with every problem at once."""
    try:
        settings = Settings(**given)
    except ValidationError as error:
        lines = [_line(found) for found in error.errors()]
        raise InvalidSettings("\n".join(lines)) from error
    problems = problems_of(settings)
    if problems:
        raise InvalidSettings("\n".join(problems))
    return settings


def problems_of(settings: Settings) -> list[str]:
    return [
        *_empty_secrets(settings),
        *_mode_problems(settings),
        *_login_problems(settings),
        *_vendor_problems(settings),
        *_stripe_problems(settings),
        *_direct_bank_problems(settings),
        *_mail_problems(settings),
        *_file_problems(settings),
        *_address_problems(settings),
        *_operators_problems(settings),
        *_value_problems(settings),
    ]


def _empty_secrets(settings: Settings) -> list[str]:
    """An empty secret verifies what a stranger signs with an empty one."""
    names = [name for name in type(settings).model_fields if _has_blank(getattr(settings, name))]
    if not settings.field_encryption_keys:
        names.append("field_encryption_keys")
    return [f"{name.upper()} is set but empty: give it a value, or leave the setting out." for name in names]


def _has_blank(value: object) -> bool:
    values = value if isinstance(value, tuple) else (value,)
    return any(isinstance(secret, SecretStr) and not secret.get_secret_value().strip() for secret in values)


def _mode_problems(settings: Settings) -> list[str]:
    found = []
    if None not in (settings.service_mode, settings.next_public_service_mode) and (
        settings.service_mode is not settings.next_public_service_mode
    ):
        found.append("SERVICE_MODE and NEXT_PUBLIC_SERVICE_MODE differ: set one, or both alike.")
    return found + (_production_problems(settings) if settings.mode is ServiceMode.PRODUCTION else [])


def _production_problems(settings: Settings) -> list[str]:
    found = []
    if not settings.is_https:
        found.append("PUBLIC_URL must be an https address in production.")
    if settings.operator_token is None:
        found.append("OPERATOR_TOKEN is needed in production: /api/operator is open without it.")
    if settings.mocked and settings.environment != _STAGING:
        names = ", ".join(f"{port.upper()}_PROVIDER" for port in settings.mocked)
        found.append(f"A mock in production needs ENVIRONMENT=staging: {names}.")
    if not settings.has_sandbox and settings.default_return_to.startswith("/sandbox"):
        found.append("DEFAULT_RETURN_TO is needed in production, where there is no sandbox to go to.")
    needed = [name for name, port in _OWN_SECRETS.items() if port is None or port in settings.mocked]
    return found + [
        f"{name.upper()} is needed in production: mock mode's own is known to everybody."
        for name in needed
        if settings.is_mock_modes_own(name)
    ]


def _login_problems(settings: Settings) -> list[str]:
    found = []
    is_mock = settings.vendor_of("identity") == MOCK
    if settings.bankid_mock is not None and is_mock is not settings.bankid_mock:
        found.append("BANKID_MOCK and IDENTITY_PROVIDER differ: set one of them.")
    if is_mock:
        # Whoever chooses a person there is that person here.
        live = [name.upper() for name, prefixes in _LIVE_KEYS.items() if _begins(settings, name, prefixes)]
        found += [f"{name} is a live key, beside which the simulated BankID does not run." for name in live]
    return found


def _begins(settings: Settings, name: str, prefixes: tuple[str, ...]) -> bool:
    secret = getattr(settings, name)
    return secret is not None and secret.get_secret_value().startswith(prefixes)


def _vendor_problems(settings: Settings) -> list[str]:
    found, switches = [], defaultdict[str, list[str]](list)
    for port, known in PROVIDERS.items():
        vendor, switch = settings.vendor_of(port), f"{port.upper()}_PROVIDER"
        if vendor not in known:
            found.append(f"{switch}={vendor!r} is unknown: choose {' or '.join(known)}.")
        switches[vendor].append(switch)
        target = settings.next_of(port)
        if target is not None and target not in known:
            found.append(f"{port.upper()}_NEXT_PROVIDER={target!r} is unknown: choose {' or '.join(known)}.")
        elif target is not None:
            switches[target].append(f"{port.upper()}_NEXT_PROVIDER")
    return found + [
        f"{name.upper()} is needed for {' and '.join(named)}={vendor}."
        for vendor, named in switches.items()
        for name in settings.missing_for(vendor)
    ]


def _stripe_problems(settings: Settings) -> list[str]:
    if settings.stripe_prices and set(settings.stripe_prices) != set(PLANS):
        return [f"STRIPE_PRICES must name a price of each plan: {', '.join(PLANS)}."]
    return []


def _direct_bank_problems(settings: Settings) -> list[str]:
    found = [
        f"OPENBANKING_BANKS: {bank_id}={base!r} is not a bank's id and its https address."
        for bank_id, base in settings.openbanking_banks.items()
        if not (is_known(BankId(bank_id)) and is_safe(base))
    ]
    signing = [bank_id for bank_id in settings.openbanking_banks if by_id(BankId(bank_id)).signs]
    try:
        has_seal = seal_of(settings) is not None
    except (OSError, ValueError) as error:
        name = "OPENBANKING_SEAL_CERT and OPENBANKING_SEAL_KEY"
        return [*found, f"{name} must be files in PEM that belong together ({type(error).__name__})."]
    if signing and not has_seal:
        found.append(f"OPENBANKING_SEAL_CERT and OPENBANKING_SEAL_KEY are needed for {', '.join(signing)}.")
    return found


def _mail_problems(settings: Settings) -> list[str]:
    found = []
    if settings.sendgrid_webhook_public_key is not None:
        try:
            public_key_of(settings.sendgrid_webhook_public_key)
        except ValueError:
            found.append("SENDGRID_WEBHOOK_PUBLIC_KEY must be the key that SendGrid shows, on one line.")
    if settings.smtp_url is not None:
        try:
            smtp.server_of(settings.smtp_url.get_secret_value())
        except ValueError:
            found.append("SMTP_URL must be such as smtp://user:password@mail.example.no:587.")
    return found


def _file_problems(settings: Settings) -> list[str]:
    found = []
    files = (settings.openbanking_client_cert, settings.openbanking_client_key, settings.openbanking_ca)
    try:
        if any(files):
            tls_with(*files)
    except OSError as error:  # ssl.SSLError is one
        names = "OPENBANKING_CLIENT_CERT, OPENBANKING_CLIENT_KEY and OPENBANKING_CA"
        found.append(f"{names} must be files in PEM that belong together ({type(error).__name__}).")
    if settings.enablebanking_private_key is not None:
        try:
            RSAKey.import_key(settings.enablebanking_private_key.get_secret_value())
        except (JoseError, ValueError):
            found.append("ENABLEBANKING_PRIVATE_KEY must be an RSA key in PEM.")
    if (settings.aws_access_key_id is None) is not (settings.aws_secret_access_key is None):
        found.append("AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY belong together: set both, or neither.")
    return found


def _address_problems(settings: Settings) -> list[str]:
    found = []
    public = parts_of(settings.public_url)
    if public.scheme not in ("http", "https") or not public.netloc or public.path not in ("", "/"):
        found.append("PUBLIC_URL must be an address such as https://api.example.no, without a path.")
    for origin in settings.allowed_origins:
        parts = parts_of(origin)
        if parts.scheme not in ("http", "https") or not parts.netloc or parts.path or parts.query:
            found.append(f"ALLOWED_ORIGINS: {origin!r} is not an origin such as https://app.example.no.")
    for name in type(settings).model_fields:
        address = getattr(settings, name) if name.endswith("_api_url") else None
        if address is not None and not is_safe(address):
            found.append(f"{name.upper()} must be an https address.")
    return found


def _operators_problems(settings: Settings) -> list[str]:
    """Without their values: the addresses are the credentials."""
    found = []
    if settings.slack_webhook_url is not None and not is_safe(settings.slack_webhook_url.get_secret_value()):
        found.append("SLACK_WEBHOOK_URL must be an https address, as Slack shows it under Incoming Webhooks.")
    if settings.sentry_dsn is not None:
        from providers.errors.sentry import is_dsn  # its SDK is loaded where it is used alone

        dsn = settings.sentry_dsn.get_secret_value()
        if not (is_dsn(dsn) and is_safe(dsn)):
            found.append("SENTRY_DSN must be an https address, as Sentry shows it under Client Keys.")
    return found


def _value_problems(settings: Settings) -> list[str]:
    found = []
    try:
        parse_account_number(settings.merchant_account)
    except InvalidAccountNumber as error:
        found.append(f"MERCHANT_ACCOUNT: {error}")
    try:
        async_url(settings.database_url)
    except Exception:  # SQLAlchemy and we raise different things for a bad URL
        found.append("DATABASE_URL must start with sqlite:/// or postgresql://.")
    try:
        for key in settings.field_encryption_keys:
            Fernet(key.get_secret_value())
    except ValueError:
        found.append("FIELD_ENCRYPTION_KEYS must be Fernet keys: 32 bytes in URL-safe base64.")
    return found
