"""Front ends of another origin: what they may send, and what of an answer they may read.

Source: Fetch, 3.3 (CORS protocol).
"""

from collections.abc import Sequence
from typing import Final

from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp

from domain.redirect import is_listed

# What GraphQL clients, tracers and browsers' uploads send.
_SENT: Final = (
    "apollo-require-preflight",
    "apollographql-client-name",
    "apollographql-client-version",
    "authorization",
    "baggage",
    "content-type",
    "if-none-match",
    "sentry-trace",
    "traceparent",
    "tracestate",
    "x-amz-checksum-sha256",
    "x-request-id",
)
_READ: Final = ("Content-Language", "ETag", "Retry-After", "X-Request-Id")
# PUT is for the mock object store, as a bucket's own CORS rule would allow it.
_METHODS: Final = ("GET", "POST", "PUT")
# How long a browser keeps the answer to its preflight; longer than Chromium's two hours is cut.
_KEPT_S: Final = 7_200


class CrossOrigin(CORSMiddleware):
    """ASGI middleware for CORS whose list of origins may name any port of a host."""

    def __init__(self, app: ASGIApp, *, origins: Sequence[str], headers: Sequence[str]) -> None:
        super().__init__(
            app,
            allow_origins=origins,
            allow_credentials=True,
            allow_methods=_METHODS,
            allow_headers=[*_SENT, *headers],
            expose_headers=_READ,
            max_age=_KEPT_S,
        )
        self._origins = origins

    def is_allowed_origin(self, origin: str) -> bool:
        return is_listed(origin, self._origins)
