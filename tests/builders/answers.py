"""What every answer keeps to, checked wherever a test receives one."""

import json
import re
from collections.abc import Iterator
from typing import Any

import httpx
from websockets.asyncio.client import ClientConnection

_TIME = re.compile(r"\d{4}-\d{2}-\d{2}T.*", re.DOTALL)
_RFC_3339_IN_UTC = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{3}Z")


def check_answer(answer: object) -> None:
    """Fails where a time in a JSON answer has another form than RFC 3339 with three fractional digits and `Z`."""
    wrong = [text for text in _texts(answer) if _TIME.fullmatch(text) and not _RFC_3339_IN_UTC.fullmatch(text)]
    assert not wrong, wrong


async def check_response(response: httpx.Response) -> None:
    """A hook of an HTTP client: checks what the gateway answers in JSON."""
    if "json" in response.headers.get("content-type", ""):
        await response.aread()
        check_answer(response.json())


class CheckedConnection(ClientConnection):
    """A WebSocket's client that checks each message it receives."""

    async def recv(self, decode: bool | None = None) -> Any:
        message = await super().recv(decode)
        if isinstance(message, str):
            check_answer(json.loads(message))
        return message


def _texts(answer: object) -> Iterator[str]:
    if isinstance(answer, str):
        yield answer
    elif isinstance(answer, list | dict):
        for part in answer.values() if isinstance(answer, dict) else answer:
            yield from _texts(part)
