"""Where a browser may be sent after a login or a bank's page: the addresses of an allow list alone."""

import re
from collections.abc import Sequence
from contextlib import suppress
from typing import Final
from urllib.parse import parse_qs, unquote_plus, urlencode, urlsplit

from domain.errors import InvalidInput

# Browsers and proxies cut or refuse longer addresses.
MAX_RETURN_TO: Final = 2_000
# In a list of origins, in place of a port: any.
_ANY_PORT: Final = ":*"
_REVERSE_DOMAIN: Final = re.compile(r"[a-z][a-z0-9-]*(\.[a-z0-9-]+)+")
LOCAL_ORIGINS: Final = tuple(
    f"{scheme}://{host}{port}"
    for scheme in ("http", "https")
    for host in ("localhost", "127.0.0.1", "[::1]")
    for port in ("", _ANY_PORT)
)


def is_listed(origin: str, origins: Sequence[str]) -> bool:
    """Whether an origin such as `https://app.example.no` is in the list, itself or with any port (`:*`)."""
    if origin in origins:
        return True
    host, _, port = origin.rpartition(":")
    return port.isdecimal() and f"{host}{_ANY_PORT}" in origins


def require_allowed(target: str, origins: Sequence[str], *, field: tuple[str, ...]) -> str:
    """`target`, where it is a path on this host or a URL of a listed origin or app scheme (`drop://`).

    Raises InvalidInput for any other, which would let a stranger's link send a user on to the stranger's page.
    """
    message = "Not an allowed address to return to: a path of this host, or one of ALLOWED_ORIGINS or APP_SCHEMES."
    refused = InvalidInput("INVALID_RETURN_TO", message, field=field)
    if len(target) > MAX_RETURN_TO or any(ord(character) <= 32 or character == "\\" for character in target):
        raise refused
    try:
        parts = urlsplit(target)
    except ValueError as error:
        raise refused from error
    if not parts.scheme and not parts.netloc and target.startswith("/") and not target.startswith("//"):
        return target
    if is_listed(f"{parts.scheme}://{parts.netloc}", origins) or f"{parts.scheme}://" in origins:
        return target
    raise refused


def is_registrable(redirect_uri: str) -> bool:
    """Whether an app may be reached there: a scheme that is a domain in reverse, or a claimed https link.

    Any app may claim another scheme, and take the code with it (RFC 8252, 7.1 and 7.2).
    """
    try:
        parts = urlsplit(redirect_uri)
    except ValueError:
        return False
    if parts.fragment or parts.query or not redirect_uri.isprintable() or " " in redirect_uri:
        return False
    if parts.scheme == "https":
        return "." in (parts.hostname or "") and parts.path not in ("", "/")
    return _REVERSE_DOMAIN.fullmatch(parts.scheme) is not None and parts.path.startswith("/")


def require_registered(redirect_uri: str, registered: Sequence[str]) -> str:
    """`redirect_uri`, where it is registered letter by letter (RFC 9700, 2.1), or of a listed origin on this machine.

    Raises InvalidInput for any other: who has the app's code has the sign-in.
    """
    with suppress(ValueError):
        parts = urlsplit(redirect_uri)
        is_local = is_listed(f"{parts.scheme}://{parts.netloc}", [one for one in registered if one in LOCAL_ORIGINS])
        if redirect_uri in registered or is_local:
            return redirect_uri
    message = "redirect_uri must be one of APP_REDIRECT_URIS, letter by letter."
    raise InvalidInput("INVALID_RETURN_TO", message, field=("redirect_uri",))


def with_query(target: str, **values: str) -> str:
    """The address with these query parameters, each once: what it had under their names is of an earlier visit.

    All else stays as it was written, since an app's link such as `drop://` has forms that no parser gives back.
    """
    address, mark, fragment = without_query(target, *values).partition("#")
    return f"{address}{'&' if '?' in address else '?'}{urlencode(values)}{mark}{fragment}"


def without_query(target: str, *names: str) -> str:
    """The address without the query parameters of these names; all else stays as it was written."""
    address, mark, fragment = target.partition("#")
    start, _, query = address.partition("?")
    kept = [part for part in query.split("&") if part and unquote_plus(part.partition("=")[0]) not in names]
    return f"{start}{'?' if kept else ''}{'&'.join(kept)}{mark}{fragment}"


def state_of(url: str) -> str:
    """The value of the query parameter `state` (RFC 6749, 4.1.1), empty where the address has none."""
    return parse_qs(urlsplit(url).query).get("state", [""])[0]
