"""How the vendors refuse a request."""

from typing import Any


class Refused(Exception):
    """A 4xx with a vendor's code: JSON to a client, a page to a browser."""

    def __init__(self, status: int, code: str, message: str, **more: Any) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.more = more
