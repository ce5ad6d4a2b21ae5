"""What is demanded where real money or real people may be met, whatever the mode is called."""

from typing import Any, Final

from pydantic import SecretStr

from domain.service import ServiceMode
from gateway.settings.session_settings import WEB_IDLE_MINUTES
from gateway.settings.settings import Settings
from providers.calling.loopback import LOOPBACK, parts_of
from providers.declaration import MOCK, Vendor
from providers.registry import PORTS

STAGING: Final = "staging"
# No simulated one may stand beside real money.
_REAL: Final = ("identity", "kyc", "open_banking", "card_payments")
# 32 bytes, written as any text: a shorter one is guessed from a copy of the database.
_KEY_LETTERS: Final = 32
_TOKEN_LETTERS: Final = 20
# A random key of 32 letters has as good as never fewer.
_DIFFERENT_LETTERS: Final = 8


def live_keys(settings: Settings) -> list[str]:
    """The settings that hold credentials which move real money or know real people."""
    return [
        name.upper()
        for port in PORTS.values()
        for vendor in port.vendors
        for name, prefixes in vendor.live_keys.items()
        if _begins(settings, vendor, name, prefixes)
    ]


def is_live(settings: Settings) -> bool:
    """Production that is no staging, or a live key in any mode: a forgotten mode makes nothing harmless."""
    is_staging = settings.environment == STAGING
    return (settings.mode is ServiceMode.PRODUCTION and not is_staging) or bool(live_keys(settings))


def live_problems(settings: Settings) -> list[str]:
    """One message for each setting that must be another one, with what to do."""
    found = []
    keys = ", ".join(dict.fromkeys(live_keys(settings)))
    if settings.mode is not ServiceMode.PRODUCTION:
        found.append(f"SERVICE_MODE must be production beside a live key ({keys}): set it, or use the test key.")
    mocks = [port for port in _REAL if settings.vendor_of(port) == MOCK]
    if mocks and keys:
        names = ", ".join(f"{port.upper()}_PROVIDER" for port in mocks)
        found.append(f"No mock runs beside a live key ({keys}): choose a real vendor for {names}, or use the test key.")
    if settings.environment == "development":
        found.append("ENVIRONMENT is development, and this is live: set it to production.")
    for origin in settings.allowed_origins:
        parts = parts_of(origin)
        if parts.scheme == "http" or parts.hostname in LOOPBACK:
            found.append(
                f"ALLOWED_ORIGINS: {origin} is no https origin of another machine. Leave it out where it is live."
            )
    if (settings.web_session_idle_minutes or 0) > WEB_IDLE_MINUTES:
        found.append(f"WEB_SESSION_IDLE_MINUTES must be {WEB_IDLE_MINUTES} at most: RTS, article 4(3)(d).")
    return found + _weak_keys(settings)


def _weak_keys(settings: Settings) -> list[str]:
    found = []
    if _is_weak(settings.field_hash_key, _KEY_LETTERS):
        found.append(
            f"FIELD_HASH_KEY is too weak to be live: {_KEY_LETTERS} random letters at least, such as from "
            "`openssl rand -base64 32`."
        )
    if any(_is_weak(key, _KEY_LETTERS) for key in settings.field_encryption_keys):
        found.append(
            "FIELD_ENCRYPTION_KEYS has a key that is not random. Make one: `openssl rand -base64 32 | tr +/ -_`."
        )
    if settings.operator_token is not None and _is_weak(settings.operator_token, _TOKEN_LETTERS):
        found.append(
            f"OPERATOR_TOKEN is too weak to be live: {_TOKEN_LETTERS} random letters at least, such as from "
            "`openssl rand -base64 32`."
        )
    return found


def _is_weak(secret: SecretStr, at_least: int) -> bool:
    text = secret.get_secret_value().strip()
    return len(text) < at_least or len(set(text)) < _DIFFERENT_LETTERS


def _begins(settings: Settings, vendor: Vendor[Any, object], name: str, prefixes: tuple[str, ...]) -> bool:
    secret = getattr(settings.of(vendor.settings), name)
    return secret is not None and secret.get_secret_value().startswith(prefixes)
