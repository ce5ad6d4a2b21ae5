"""What the settings lead to: live, test or mock. It follows from what is real, and not from a mode's name alone."""

from collections.abc import Iterator, Mapping, Sequence
from enum import StrEnum
from typing import Any, Final

from pydantic import SecretStr

from domain.service import ServiceMode
from gateway.settings.settings import Settings
from providers.calling.loopback import LOOPBACK, is_within, parts_of
from providers.declaration import MOCK, Vendor
from providers.registry import PORTS, declared

STAGING: Final = "staging"


class Stage(StrEnum):
    """How much may happen: nothing real, real vendors' test worlds, or real money and real people."""

    MOCK = "mock"
    TEST = "test"
    LIVE = "live"


def stage_of(settings: Settings) -> Stage:
    """A forgotten mode makes nothing harmless: a live key or address is live in any mode."""
    is_production = settings.mode is ServiceMode.PRODUCTION
    if live_signs(settings) or (is_production and settings.environment != STAGING):
        return Stage.LIVE
    return Stage.TEST if is_production or real_vendors(settings) else Stage.MOCK


def live_signs(settings: Settings) -> list[str]:
    """The settings that make it live whatever the mode is called, each once, such as STRIPE_SECRET_KEY."""
    return list(dict.fromkeys((*live_keys(settings), *_at_live_hosts(settings))))


def live_keys(settings: Settings) -> list[str]:
    """The settings that hold credentials which move real money or know real people."""
    return [
        name.upper()
        for vendor in declared()
        for name, prefixes in vendor.live_keys.items()
        if _begins(settings, name, prefixes)
    ]


def signs_of_test(settings: Settings) -> list[str]:
    """The settings of the vendors that are set up which lead to a vendor's test world."""
    found = []
    for vendor in _set_up(settings):
        found += [name for name, prefixes in vendor.test_keys.items() if _begins(settings, name, prefixes)]
        for name, hosts in vendor.test_hosts.items():
            if any(_is_one_of(host, hosts) for host in _hosts(settings, name)):
                found.append(name)
    return [name.upper() for name in dict.fromkeys(found)]


def real_vendors(settings: Settings) -> list[str]:
    """The vendors that users meet and that are called beyond this machine."""
    return list(dict.fromkeys(vendor.name for vendor in _set_up(settings) if _is_outside(settings, vendor)))


def _at_live_hosts(settings: Settings) -> list[str]:
    return [
        name.upper()
        for vendor in _set_up(settings)
        for name, test_hosts in vendor.test_hosts.items()
        if any(host not in LOOPBACK and not _is_one_of(host, test_hosts) for host in _hosts(settings, name))
    ]


def _is_outside(settings: Settings, vendor: Vendor[Any, object]) -> bool:
    """A vendor that is played on this machine, as for a test, is none outside."""
    names = [name for name in vendor.settings.model_fields if name.endswith("_api_url")]
    hosts = [host for name in (*names, *vendor.test_hosts) for host in _hosts(settings, name)]
    return not hosts or any(host not in LOOPBACK for host in hosts)


def _set_up(settings: Settings) -> Iterator[Vendor[Any, object]]:
    """The vendors of the users' ports that are called, now or for rows that name them."""
    for name, port in PORTS.items():
        chosen = (settings.vendor_of(name), settings.next_of(name), *settings.vendors_of(name))
        if not port.is_for_operators:
            yield from (vendor for vendor in port.vendors if vendor.name != MOCK and vendor.name in chosen)


def _hosts(settings: Settings, name: str) -> Sequence[str]:
    """The hosts of a setting that holds an address, or addresses by name."""
    value = getattr(settings, name)
    addresses = value.values() if isinstance(value, Mapping) else [value] if value else []
    return [parts_of(address).hostname or "" for address in addresses]


def _is_one_of(host: str, domains: tuple[str, ...]) -> bool:
    return any(is_within(host, domain) for domain in domains)


def _begins(settings: Settings, name: str, prefixes: tuple[str, ...]) -> bool:
    secret = getattr(settings, name)
    return isinstance(secret, SecretStr) and secret.get_secret_value().strip().startswith(prefixes)
