"""Our certificates over time: when they end, and files that are replaced while the gateway runs."""

import math
import ssl
from collections.abc import Generator, Mapping
from contextlib import suppress
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Final

import httpx
import structlog
from cryptography import x509
from prometheus_client import Gauge

from domain.errors import Unavailable
from providers.declaration import Tools
from providers.open_banking.certificates import CertificateSettings, seal_of, tls_of

# The name of the check of certificates.
CERTIFICATES: Final = "certificates"
# Issuing a new one takes weeks.
TOLD_BEFORE: Final = timedelta(days=30)
_ENDS: Final = Gauge(
    "drop_certificate_ends_timestamp_seconds", "When our certificate ends, in seconds since 1970.", ["certificate"]
)
_SETTINGS: Final = ("openbanking_client_cert", "openbanking_seal_cert", "openbanking_ca")
_log = structlog.get_logger()


def ends_of(settings: CertificateSettings) -> Mapping[str, datetime]:
    """The end of each certificate that is set, by the setting's name. Raises OSError, ValueError."""
    files = {name: getattr(settings, name) for name in _SETTINGS}
    return {name: _end_of(file) for name, file in files.items() if file is not None}


def watched_internet(settings: CertificateSettings, tools: Tools) -> httpx.AsyncClient:
    """A client with our certificate. `gateway doctor` and the metrics tell its end; a replaced file is taken."""
    tls = tls_of(settings)
    client = tools.internet(tls)
    renewed = RenewedFiles(settings.openbanking_client_cert, settings.openbanking_client_key)

    async def renew(request: httpx.Request) -> None:
        if renewed.are_new():
            renew_tls(tls, settings)

    client.event_hooks = {**client.event_hooks, "request": [*client.event_hooks["request"], renew]}
    for name in _SETTINGS:
        file = getattr(settings, name)
        if file is not None:
            # Read at each scrape, so that a new file is seen without a restart.
            _ENDS.labels(name).set_function(partial(_seconds_of, file))

    async def check() -> None:
        now = tools.clock.now()
        for name, end in ends_of(settings).items():
            if end - now < TOLD_BEFORE:
                raise Unavailable("open_banking", f"{name.upper()} ends on {end.date()}")

    if any(getattr(settings, name) is not None for name in _SETTINGS):
        tools.add_check(check, name=CERTIFICATES, needs=_SETTINGS)
    return client


def renew_tls(tls: ssl.SSLContext, settings: CertificateSettings) -> None:
    """New connections use the new certificate. A file that cannot be read leaves the old one, with an error."""
    if settings.openbanking_client_cert is None:
        return
    try:
        tls.load_cert_chain(settings.openbanking_client_cert, settings.openbanking_client_key)
    except OSError as error:  # ssl.SSLError is one
        _log.error("certificate_not_renewed", certificate="openbanking_client_cert", error=type(error).__name__)


class RenewedFiles:
    """Files that may be replaced. The first look, when it is made, is no change."""

    def __init__(self, *files: Path | None) -> None:
        self._files = [file for file in files if file is not None]
        self._seen = self._look()

    def are_new(self) -> bool:
        """Whether one was replaced since the last look."""
        before, self._seen = self._seen, self._look()
        return self._seen != before

    def _look(self) -> list[tuple[int, int]]:
        found = []
        for file in self._files:
            with suppress(OSError):
                stat = file.stat()
                found.append((stat.st_mtime_ns, stat.st_ino))
        return found


class RenewedSeal(httpx.Auth):
    """Signs with the seal whose files are there now. Raises OSError, ValueError where they cannot be read at first."""

    requires_request_body = True

    def __init__(self, settings: CertificateSettings) -> None:
        self._settings = settings
        self._files = RenewedFiles(settings.openbanking_seal_cert, settings.openbanking_seal_key)
        self._seal = seal_of(settings)

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        if self._files.are_new():
            try:
                self._seal = seal_of(self._settings)
            except (OSError, ValueError) as error:
                _log.error("certificate_not_renewed", certificate="openbanking_seal_cert", error=type(error).__name__)
        assert self._seal is not None, "built where a seal is set"
        yield from self._seal.auth_flow(request)


def _end_of(file: Path) -> datetime:
    return x509.load_pem_x509_certificates(file.read_bytes())[0].not_valid_after_utc


def _seconds_of(file: Path) -> float:
    try:
        return _end_of(file).timestamp()
    except (OSError, ValueError):
        return math.nan
