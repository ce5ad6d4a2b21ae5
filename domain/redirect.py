"""Where a browser may be sent after a login or a bank's page: the addresses of an allow list alone."""

from collections.abc import Sequence
from typing import Final
from urllib.parse import parse_qs, unquote_plus, urlencode, urlsplit

from domain.errors import InvalidInput

# Browsers and proxies cut or refuse longer addresses.
MAX_RETURN_TO: Final = 2_000


def require_allowed(target: str, origins: Sequence[str], *, field: tuple[str, ...]) -> str:
    """`target`, where it is a path on this host or a URL of a listed origin or app scheme (`drop://`).

    Raises InvalidInput for any other, which would let a stranger's link send a user on to the stranger's page.
    """
    refused = InvalidInput("INVALID_RETURN_TO", "Not an allowed address to return to.", field=field)
    if len(target) > MAX_RETURN_TO or any(ord(character) <= 32 or character == "\\" for character in target):
        raise refused
    try:
        parts = urlsplit(target)
    except ValueError as error:
        raise refused from error
    if not parts.scheme and not parts.netloc and target.startswith("/") and not target.startswith("//"):
        return target
    if f"{parts.scheme}://{parts.netloc}" in origins or f"{parts.scheme}://" in origins:
        return target
    raise refused


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
