"""What is demanded where real money or real people may be met, whatever the mode is called."""

from collections.abc import Mapping
from typing import Final
from urllib.parse import parse_qs

from pydantic import SecretStr

from db.engine import async_url
from db.tls import hosts_of, is_verified
from domain.service import ServiceMode
from gateway.settings.session_settings import WEB_IDLE_MINUTES
from gateway.settings.settings import Settings
from gateway.settings.stage import live_signs, signs_of_test
from providers.calling.loopback import LOOPBACK, parts_of
from providers.declaration import MOCK

# No simulated one may stand beside real money.
_REAL: Final = ("identity", "kyc", "open_banking", "card_payments")
_MAKE: Final = "`openssl rand -base64 32`"
# 32 bytes, written as any text: a shorter one is guessed from a copy of the database.
_OWN_KEYS: Final = {
    **dict.fromkeys(("field_hash_key", "openbanking_webhook_secret", "openbanking_webhook_secret_previous"), 32),
    "operator_token": 20,
}
# What a vendor has made: a short or simple text is none of its.
_VENDORS_KEYS: Final = {
    **dict.fromkeys(("stripe_webhook_secret", "stripe_webhook_secret_previous"), 16),
    **dict.fromkeys(("sumsub_secret_key", "sumsub_secret_key_previous"), 16),
}
_KEY_LETTERS: Final = 32
# A random key of 32 letters has as good as never fewer.
_DIFFERENT_LETTERS: Final = 8
# Keys of documents and source code, which whoever looks for a way in tries first.
_KNOWN: Final = frozenset({"cw_0x689RpI-jtRR7oE8h_eQsKImvJapLeSbXpwF4e4="})


def live_problems(settings: Settings) -> list[str]:
    """One message for each setting that must be another one, with what to do."""
    return [
        *_mode_problems(settings),
        *_address_problems(settings),
        *_database_problems(settings),
        *_redis_problems(settings),
        *_weak_keys(settings),
    ]


def _mode_problems(settings: Settings) -> list[str]:
    found = []
    signs = ", ".join(live_signs(settings))
    if settings.mode is not ServiceMode.PRODUCTION:
        found.append(f"SERVICE_MODE must be production beside what is live ({signs}): set it, or use the test's.")
    mocks = [port for port in _REAL if settings.vendor_of(port) == MOCK]
    if mocks and signs:
        names = ", ".join(f"{port.upper()}_PROVIDER" for port in mocks)
        found.append(
            f"No mock runs beside what is live ({signs}): choose a real vendor for {names}, or use the test's."
        )
    if settings.environment == "development":
        found.append("ENVIRONMENT is development, and this is live: set it to production.")
    found += [
        f"{name} leads to the vendor's test world, and this is live: set the live one, or ENVIRONMENT=staging."
        for name in signs_of_test(settings)
    ]
    if (settings.web_session_idle_minutes or 0) > WEB_IDLE_MINUTES:
        found.append(f"WEB_SESSION_IDLE_MINUTES must be {WEB_IDLE_MINUTES} at most: RTS, article 4(3)(d).")
    if settings.operator_port is None:
        found.append(
            "OPERATOR_PORT is needed where it is live: operators' routes and /metrics are not for the public port."
        )
    if settings.two_operators_resolve is False:
        found.append("TWO_OPERATORS_RESOLVE cannot be false where it is live: leave it out.")
    return found


def _address_problems(settings: Settings) -> list[str]:
    found = [
        f"ALLOWED_ORIGINS: {origin} is no https origin of another machine. Leave it out where it is live."
        for origin in settings.allowed_origins
        if _is_open_or_here(origin)
    ]
    if parts_of(settings.public_url).hostname in LOOPBACK:
        found.append("PUBLIC_URL must be the https address by which clients reach it where it is live.")
    if "://" in settings.default_return_to and _is_open_or_here(settings.default_return_to):
        found.append("DEFAULT_RETURN_TO must be an https address of another machine where it is live.")
    return found


def _is_open_or_here(address: str) -> bool:
    parts = parts_of(address)
    return parts.scheme == "http" or parts.hostname in LOOPBACK


def _database_problems(settings: Settings) -> list[str]:
    try:
        url = async_url(settings.database_url)
    except Exception:  # it is named elsewhere
        return []
    if url.get_backend_name() == "sqlite":
        return ["DATABASE_URL must be PostgreSQL where it is live: postgresql://user@host/name."]
    if is_verified(url) or hosts_of(url) <= LOOPBACK:
        return []
    return [
        "DATABASE_URL must be encrypted where it is live: add ?sslmode=verify-full (and &sslrootcert=/path/ca.pem for "
        "an authority of one's own), or use a Unix socket: postgresql://user@/name?host=/run/postgresql."
    ]


def _redis_problems(settings: Settings) -> list[str]:
    parts = parts_of(settings.redis_url.get_secret_value()) if settings.redis_url else None
    if parts is None or parts.scheme == "unix" or parts.hostname in LOOPBACK:
        return []
    checks = parse_qs(parts.query)
    is_checked = checks.get("ssl_cert_reqs", ["required"]) == ["required"] and "ssl_check_hostname" not in checks
    if parts.scheme == "rediss" and is_checked:
        return []
    return [
        "REDIS_URL must be encrypted where it is live: rediss:// with its certificate checked "
        "(?ssl_ca_certs=/path/ca.pem for an authority of one's own), or a Unix socket: unix:///run/redis/redis.sock."
    ]


def _weak_keys(settings: Settings) -> list[str]:
    found = []
    if any(is_weak(key, _KEY_LETTERS) for key in settings.field_encryption_keys):
        found.append(
            "FIELD_ENCRYPTION_KEYS has a key that is not random. Make one: `openssl rand -base64 32 | tr +/ -_`."
        )
    found += [
        f"{name.upper()} is too weak to be live: {letters} random letters at least, such as from {_MAKE}."
        for name, letters in _weak(settings, _OWN_KEYS)
    ]
    return found + [
        f"{name.upper()} is none that its vendor has made: copy it from the vendor's console."
        for name, _ in _weak(settings, _VENDORS_KEYS)
    ]


def _weak(settings: Settings, demanded: Mapping[str, int]) -> list[tuple[str, int]]:
    """Of vendors that are not set up, mock mode's own are left as they are: nothing is verified by them."""
    return [
        (name, letters)
        for name, letters in demanded.items()
        if (key := getattr(settings, name)) is not None
        and not settings.is_mock_modes_own(name)
        and is_weak(key, letters)
    ]


def is_weak(secret: SecretStr, at_least: int) -> bool:
    """Whether it is shorter than that, has few different letters, or stands in a document that everybody can read."""
    text = secret.get_secret_value().strip()
    return len(text) < at_least or len(set(text)) < _DIFFERENT_LETTERS or text in _KNOWN
