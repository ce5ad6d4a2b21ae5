"""The server's end of a connection, which ends where a request's head does not come, or has no end.

uvicorn waits for a head for as long as it takes, and keeps of it what comes: open connections alone would use up a
process' file descriptors and memory, before any limit of ours counts a request.
"""

import asyncio
from http import HTTPStatus
from typing import Any, ClassVar, Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

# As much as any cookie and token of ours need many times over.
_HEAD_BYTES: Final = 64 * 1024


class HeadersInTime(HttpToolsProtocol):
    """Answers 408 where a head is not complete in time, 431 where it is too large, and closes (RFC 9110, 15.5.9)."""

    head_within_s: ClassVar[float] = 10.0

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._late: asyncio.TimerHandle | None = None
        self._is_in_head = False
        self._head_bytes = 0
        self._is_in_message = False
        self._begun = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn's own
        super().connection_made(transport)
        self._expect_head()

    def connection_lost(self, exc: Exception | None) -> None:
        self._head_came()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        is_behind, self._begun = self._is_in_message, 0
        super().data_received(data)
        # Of a head that begins behind another request it is not known how much of these bytes is its own.
        if self._is_in_head and self._begun <= (0 if is_behind else 1):
            self._head_bytes += len(data)
            if self._head_bytes > _HEAD_BYTES:
                self._refuse(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._is_in_head, self._head_bytes = True, 0
        self._is_in_message = True
        self._begun += 1
        if self._late is None:
            self._expect_head()

    def on_headers_complete(self) -> None:
        self._head_came()
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        self._is_in_message = False
        super().on_message_complete()

    def _expect_head(self) -> None:
        self._late = self.loop.call_later(self.head_within_s, self._refuse, HTTPStatus.REQUEST_TIMEOUT)

    def _head_came(self) -> None:
        self._is_in_head = False
        if self._late is not None:
            self._late.cancel()
            self._late = None

    def _refuse(self, status: HTTPStatus) -> None:
        """Close. Who has sent nothing is told nothing, nor is one whose earlier request is being answered."""
        is_answering = self.cycle is not None and not self.cycle.response_complete
        if self._is_in_head and not is_answering and not self.transport.is_closing():
            head = f"HTTP/1.1 {status.value} {status.phrase}\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"
            self.transport.write(head.encode())
        self._head_came()
        self.transport.close()
