"""Sentry: unforeseen errors with their stack, and nothing of whom they met. Source: vendor reference 11.

A client of our own without integrations: they would send requests, statements and addresses besides.
"""

import asyncio
from typing import Final

import sentry_sdk
import structlog
from sentry_sdk.utils import BadDsn, Dsn, event_from_exception

from providers.errors.scrubbing import scrubbed

_FLUSH_S: Final = 2.0
_log = structlog.get_logger()


class SentryCapture:
    """`release` is such as drop-gateway@1.2.3. Events leave by a thread of the SDK, which drops what is too much."""

    def __init__(self, *, dsn: str, environment: str, release: str) -> None:
        self._client = sentry_sdk.Client(
            dsn=dsn,
            environment=environment,
            release=release,
            default_integrations=False,
            auto_enabling_integrations=False,
            include_local_variables=False,
            max_request_body_size="never",
            max_breadcrumbs=0,
            send_client_reports=False,
            server_name="",
            before_send=scrubbed,
        )

    def capture(self, error: BaseException, *, reference: str) -> None:
        try:
            event, hint = event_from_exception(error, client_options=self._client.options)
            scope = sentry_sdk.Scope(client=self._client)
            scope.set_tag("reference", reference)
            self._client.capture_event(event, hint=hint, scope=scope)
        except Exception as failure:  # whatever it is: nobody who met an error must meet another
            _log.warning("error_not_captured", reference=reference, error=type(failure).__name__)

    async def close(self) -> None:
        """Sends what is waiting, for two seconds at most."""
        await asyncio.to_thread(self._client.close, timeout=_FLUSH_S)


def is_dsn(text: str) -> bool:
    try:
        Dsn(text)
    except BadDsn:
        return False
    return True
