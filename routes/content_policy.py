"""What a page of ours may load, call and send forms to (Content Security Policy Level 3)."""

import base64
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from routes.pages import STYLE

_SELF: Final = "'self'"
_ALWAYS: Final = (
    "default-src 'self'",
    "script-src 'self'",
    "img-src 'self' data:",
    "font-src 'self' data:",
    "frame-ancestors 'none'",
    "base-uri 'none'",
    "object-src 'none'",
)
_STYLE_HASH: Final = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
# The editor of GraphiQL sets styles from its script, and the sandbox's pages have theirs in their elements.
_ANY_STYLE: Final = "'self' 'unsafe-inline'"


@dataclass(frozen=True, slots=True)
class ContentPolicies:
    """Of our own pages, of GraphiQL, and of the reference client's and the sandbox's, which mock mode alone has."""

    pages: str
    graphiql: str
    app: str
    sandbox: str

    def of(self, path: str) -> str:
        if path.startswith("/sandbox"):
            return self.sandbox
        if path.startswith("/app/"):
            return self.app
        return self.graphiql if path == "/graphql" else self.pages


def content_policies(public_url: str, return_origins: Sequence[str]) -> ContentPolicies:
    """`return_origins` are where the forms of the sandbox's banks redirect to: a browser holds redirects against it."""
    # The policy's grammar has no IPv6 address; of an app's address it names the scheme.
    targets = [origin.removesuffix("//") for origin in return_origins if "[" not in origin]
    # Not every browser takes its own host's sockets for 'self'.
    with_sockets = f"{_SELF} {_sockets_of(public_url)}"
    return ContentPolicies(
        pages=_policy(f"'self' 'sha256-{_STYLE_HASH}'", _SELF, _SELF),
        graphiql=_policy(_ANY_STYLE, with_sockets, _SELF),
        app=_policy(_SELF, with_sockets, _SELF),
        sandbox=_policy(_ANY_STYLE, _SELF, " ".join([_SELF, *targets])),
    )


def _policy(styles: str, connections: str, forms: str) -> str:
    return "; ".join((*_ALWAYS, f"style-src {styles}", f"connect-src {connections}", f"form-action {forms}"))


def _sockets_of(public_url: str) -> str:
    parts = urlsplit(public_url)
    if parts.scheme == "https":
        return f"wss://{parts.netloc}"
    # On loopback any port: `PORT` may be another one than that of PUBLIC_URL.
    return "ws://localhost:* ws://127.0.0.1:*"
