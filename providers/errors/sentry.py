"""Sentry: unforeseen errors with their stack, and nothing of whom they met. Source: docs/vendors/sentry.md, SDK.

The client has no integrations: they would also send requests, SQL statements and IP addresses.
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
    """Sends errors to Sentry. `release` has the form drop-gateway@1.2.3.

    A thread of the SDK sends the events; when too many wait, the SDK drops some, so `capture` never waits.
    """

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
        except Exception as failure:  # a failing capture must not replace the error that it reports
            _log.warning("error_not_captured", reference=reference, error=type(failure).__name__)

    async def close(self) -> None:
        await asyncio.to_thread(self._client.close, timeout=_FLUSH_S)


def is_dsn(text: str) -> bool:
    """Whether the text is a DSN, the address of a Sentry project with its key."""
    try:
        Dsn(text)
    except BadDsn:
        return False
    return True
