"""Sentry as a vendor, declared apart from the adapter: that loads Sentry's SDK."""

from collections.abc import Sequence
from importlib.metadata import version
from typing import TYPE_CHECKING, Final

from pydantic import BaseModel, Field, SecretStr

from providers.calling.loopback import is_safe
from providers.declaration import Tools, Vendor
from providers.setting_types import secret_of

if TYPE_CHECKING:
    from providers.errors.sentry import SentryCapture


class SentrySettings(BaseModel):
    """The project's address."""

    sentry_dsn: SecretStr | None = Field(
        default=None, description="Sentry, Client Keys (DSN): where unforeseen errors go; without it, the log alone."
    )


def _build(settings: SentrySettings, tools: Tools) -> "SentryCapture":
    from providers.errors.sentry import SentryCapture

    release = f"drop-gateway@{version('drop-gateway')}"
    return SentryCapture(dsn=secret_of(settings.sentry_dsn), environment=tools.environment, release=release)


def _problems(settings: SentrySettings) -> Sequence[str]:
    """Without the setting's value: the address is the credential."""
    if settings.sentry_dsn is None:
        return []
    from providers.errors.sentry import is_dsn

    dsn = settings.sentry_dsn.get_secret_value()
    if is_dsn(dsn) and is_safe(dsn):
        return []
    return ["SENTRY_DSN must be an https address, as Sentry shows it under Client Keys."]


VENDOR: Final = Vendor(
    "sentry", SentrySettings, _build, needs=("sentry_dsn",), chosen_by="sentry_dsn", problems=_problems
)
