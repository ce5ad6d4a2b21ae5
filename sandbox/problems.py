"""How the vendors say no."""


class Refused(Exception):
    """A 4xx with a vendor's code: JSON to a client, a page to a browser."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
