"""The check of all settings: every problem at once, each with what to do."""

import re
from collections import defaultdict
from ipaddress import ip_network
from typing import Any, Final

from cryptography.fernet import Fernet
from pydantic import SecretStr, ValidationError
from pydantic_core import ErrorDetails

from db.engine import async_url
from db.tls import hosts_of, problem_of
from domain.account_number import InvalidAccountNumber, parse_account_number
from domain.link_local import is_link_local
from domain.redirect import is_registrable
from gateway.settings.demands import stage_problems
from gateway.settings.settings import Settings, settings_class
from gateway.settings.stage import live_keys
from providers.calling.loopback import LOOPBACK, is_safe, is_within, parts_of
from providers.declaration import MOCK
from providers.registry import PORTS, declared

# Of browsers and of the system: a code that returns there is anybody's, or runs as a script.
_NO_APPS: Final = frozenset({"http", "https", "ws", "wss", "javascript", "data", "file", "blob", "about", "vbscript"})
_SCHEME: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*")


class InvalidSettings(Exception):
    """One message that lists every problem."""


def _line(found: ErrorDetails) -> str:
    message = found["msg"].removeprefix("Value error, ")
    return ": ".join((*(str(part).upper() for part in found["loc"]), message))


def load_settings(**given: Any) -> Settings:
    """Raises InvalidSettings with every problem at once."""
    try:
        settings = settings_class()(**given)
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
        *stage_problems(settings),
        *_login_problems(settings),
        *_vendor_problems(settings),
        *_address_problems(settings),
        *_link_local_problems(settings),
        *(found for vendor in declared() for found in vendor.problems(settings.of(vendor.settings))),
        *_value_problems(settings),
    ]


def _empty_secrets(settings: Settings) -> list[str]:
    """Empty secrets: a stranger's signature with an empty key would be valid."""
    names = [name for name in type(settings).model_fields if _has_blank(getattr(settings, name))]
    lists = {"field_encryption_keys", *({"field_hash_keys_old"} & settings.model_fields_set)}
    names += [name for name in sorted(lists) if not getattr(settings, name)]
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
    return found


def _is_network(text: str) -> bool:
    try:
        return ip_network(text) is not None
    except ValueError:
        return False


def _login_problems(settings: Settings) -> list[str]:
    found = []
    is_mock = settings.vendor_of("identity") == MOCK
    if settings.bankid_mock is not None and is_mock is not settings.bankid_mock:
        found.append("BANKID_MOCK and IDENTITY_PROVIDER differ: set one of them.")
    if is_mock:
        # The simulated BankID lets any visitor sign in as any person, which must never reach real money.
        found += [
            f"{name} is a live key, beside which the simulated BankID does not run." for name in live_keys(settings)
        ]
    return found


def _vendor_problems(settings: Settings) -> list[str]:
    found, needing = [], defaultdict[tuple[str, str], list[str]](list)
    for name, port in PORTS.items():
        switches = {f"{name.upper()}_PROVIDER": settings.vendor_of(name)}
        target = settings.next_of(name)
        if target is not None:
            switches[f"{name.upper()}_NEXT_PROVIDER"] = target
        for switch, vendor in switches.items():
            if vendor not in port.names:
                found.append(f"{switch}={vendor!r} is unknown: choose {' or '.join(port.names)}.")
                continue
            for missing in settings.missing_for(port.vendor(vendor)):
                needing[missing, vendor].append(switch)
    return found + [
        f"{missing.upper()} is needed for {' and '.join(switches)}={vendor}."
        for (missing, vendor), switches in needing.items()
    ]


def _address_problems(settings: Settings) -> list[str]:
    found = []
    public = parts_of(settings.public_url)
    if public.scheme not in ("http", "https") or not public.netloc or public.path not in ("", "/"):
        found.append("PUBLIC_URL must be an address such as https://api.example.no, without a path.")
    for origin in settings.allowed_origins:
        parts = parts_of(origin)
        if parts.scheme not in ("http", "https") or not parts.netloc or parts.path or parts.query:
            found.append(f"ALLOWED_ORIGINS: {origin!r} is not an origin such as https://app.example.no.")
    for scheme in settings.app_schemes:
        if scheme.lower() in _NO_APPS or not _SCHEME.fullmatch(scheme):
            found.append(f"APP_SCHEMES: {scheme!r} is no scheme of an app of ours, such as no.drop.app.")
    for redirect_uri in settings.app_redirect_uris:
        if not is_registrable(redirect_uri):
            found.append(
                f"APP_REDIRECT_URIS: {redirect_uri!r} must be such as no.drop.app:/auth or https://app.drop.no/auth."
            )
    for name, field in type(settings).model_fields.items():
        address = getattr(settings, name) if name.endswith("_api_url") else None
        if address is not None and not is_safe(address):
            found.append(f"{name.upper()} must be an https address.")
        elif address is not None:
            found += _host_problems(name, parts_of(address).hostname or "", field.default)
    return found


def _host_problems(name: str, host: str, usual: str | None) -> list[str]:
    """A vendor is called within its own domain; a store of one's own has none, and may be private."""
    if usual is None or host in LOOPBACK:
        return []
    domain = ".".join((parts_of(usual).hostname or "").split(".")[-2:])
    return [] if is_within(host, domain) else [f"{name.upper()}: {host} is no host of the vendor's, {domain}."]


def _link_local_problems(settings: Settings) -> list[str]:
    """There a cloud tells whoever asks the machine's own credentials."""
    found = []
    for name in ("s3_api_url", "redis_url", "smtp_url", "otel_exporter_otlp_endpoint", "sandbox_url", "sentry_dsn"):
        value = getattr(settings, name)
        address = value.get_secret_value() if isinstance(value, SecretStr) else value
        host = parts_of(address).hostname if address else None
        if host and is_link_local(host):
            found.append(f"{name.upper()}: {host} is link-local, which is never called.")
    return found


def _value_problems(settings: Settings) -> list[str]:
    found = ["OPERATOR_PORT must be another one than PORT."] if settings.operator_port == settings.port else []
    found += [
        f"TRUSTED_PROXIES: {proxy} is no address or network, such as 10.0.0.0/8."
        for proxy in settings.trusted_proxies
        if not _is_network(proxy)
    ]
    try:
        parse_account_number(settings.merchant_account)
    except InvalidAccountNumber as error:
        found.append(f"MERCHANT_ACCOUNT: {error}")
    found += _database_problems(settings)
    try:
        for key in settings.field_encryption_keys:
            Fernet(key.get_secret_value())
    except ValueError:
        found.append("FIELD_ENCRYPTION_KEYS must be keys of 32 bytes each, in URL-safe base64.")
    return found


def _database_problems(settings: Settings) -> list[str]:
    try:
        url = async_url(settings.database_url)
    except Exception:  # SQLAlchemy and we raise different things for a bad URL
        return ["DATABASE_URL must start with sqlite:/// or postgresql://."]
    if url.get_backend_name() == "sqlite":
        return []
    found = [
        f"DATABASE_URL: {host} is link-local, which is never called."
        for host in sorted(hosts_of(url))
        if is_link_local(host)
    ]
    problem = problem_of(url)
    return found if problem is None else [*found, f"DATABASE_URL: {problem}."]
