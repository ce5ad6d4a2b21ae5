"""What is demanded beside any real vendor, in its test world as well as live."""

from typing import Final

from domain.retention import LEGAL_YEARS, Law
from domain.service import ServiceMode
from gateway.settings.live import live_problems
from gateway.settings.settings import Settings
from gateway.settings.stage import STAGING, Stage, real_vendors, stage_of
from providers.calling.loopback import LOOPBACK, parts_of

_KEYS: Final = ("field_encryption_keys", "field_hash_key")
# Secrets that the mock of a port verifies by.
_MOCKS_SECRETS: Final = {"email": "mock_mail_key", "storage": "mock_storage_key"}


def stage_problems(settings: Settings) -> list[str]:
    """One message for each setting that the stage does not allow, with what to do."""
    stage = stage_of(settings)
    found = []
    if settings.mode is ServiceMode.PRODUCTION:
        found += _production_problems(settings)
    if stage is not Stage.MOCK:
        found += _problems_beside_real_ones(settings)
    return [*found, *(live_problems(settings) if stage is Stage.LIVE else [])]


def _problems_beside_real_ones(settings: Settings) -> list[str]:
    is_production = settings.mode is ServiceMode.PRODUCTION
    where = "in production" if is_production else f"beside a real vendor ({', '.join(real_vendors(settings))})"
    found = [
        f"{name.upper()} is needed {where}: mock mode's own is known to everybody."
        for name in _KEYS
        if settings.is_mock_modes_own(name)
    ]
    if settings.operator_token is None:
        found.append(f"OPERATOR_TOKEN is needed {where}: /api/operator is open without it.")
    if not settings.is_https and parts_of(settings.public_url).hostname not in LOOPBACK:
        found.append(f"PUBLIC_URL must be an https address {where}, or one of this machine for a test.")
    is_reachable = is_production or settings.is_reachable_mock
    if settings.mocked and is_reachable and settings.environment != STAGING:
        names = ", ".join(f"{port.upper()}_PROVIDER" for port in settings.mocked)
        found.append(f"A mock {where}, where others reach it, needs ENVIRONMENT=staging: {names}.")
    return found


def _production_problems(settings: Settings) -> list[str]:
    found = []
    if settings.records_kept_years < LEGAL_YEARS:
        laws = ", ".join(Law)
        found.append(f"RECORDS_KEPT_YEARS must be {LEGAL_YEARS} at least in production, by law: {laws}.")
    if not settings.has_sandbox and settings.default_return_to.startswith("/sandbox"):
        found.append("DEFAULT_RETURN_TO is needed in production, where there is no sandbox to go to.")
    return found + [
        f"{name.upper()} is needed in production: mock mode's own is known to everybody."
        for port, name in _MOCKS_SECRETS.items()
        if port in settings.mocked and settings.is_mock_modes_own(name)
    ]
