"""Hosts of this machine, where a counterpart of one's own may answer without TLS."""

from typing import Final

LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})
