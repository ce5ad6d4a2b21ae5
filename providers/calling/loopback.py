"""Hosts of this machine, where a counterpart of one's own may answer without TLS."""

from typing import Final
from urllib.parse import SplitResult, urlsplit

LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})


def parts_of(address: str) -> SplitResult:
    """Empty parts where it is no address at all."""
    try:
        parts = urlsplit(address)
        is_address = parts.port != 0 and " " not in address
    except ValueError:  # of a bracket left open, or a port that is no number
        return urlsplit("")
    return parts if is_address else urlsplit("")


def is_safe(address: str) -> bool:
    """Encrypted, or on this machine."""
    parts = parts_of(address)
    is_here = parts.scheme == "http" and parts.hostname in LOOPBACK
    return bool(parts.hostname) and (parts.scheme == "https" or is_here)


def is_within(host: str, domain: str) -> bool:
    """The domain itself, or a name below it."""
    return host == domain or host.endswith(f".{domain}")
