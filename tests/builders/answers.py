"""What every answer keeps to, checked wherever a test receives one."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
from websockets.asyncio.client import ClientConnection

from schema.types.paging import MAX_PAGE

_TIME = re.compile(r"\d{4}-\d{2}-\d{2}T.*", re.DOTALL)
_RFC_3339_IN_UTC = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{3}Z")
_SDL = (Path(__file__).parents[2] / "schema" / "schema.graphql").read_text()
# Fields whose description says so: they may differ between answers of one version.
_NOT_COVERED = frozenset(re.findall(r"Not covered by `version`\.\s*(?:\"\"\")?\s*(\w+)", _SDL))
_shown: dict[tuple[str, int], dict[str, Any]] = {}


def forget_answers() -> None:
    """Before a test: another one's objects may bear the same ids."""
    _shown.clear()


def check_answer(answer: object) -> None:
    """Fails where a time is not RFC 3339 with three fractional digits and `Z`, a page is too long, or one version of an
    object has two contents."""
    wrong = [text for text in _texts(answer) if _TIME.fullmatch(text) and not _RFC_3339_IN_UTC.fullmatch(text)]
    assert not wrong, wrong
    for shown in _objects(answer):
        assert len(shown.get("edges", ())) <= MAX_PAGE
        if not (isinstance(shown.get("id"), str) and isinstance(shown.get("version"), int)):
            continue
        known = _shown.setdefault((shown["id"], shown["version"]), {})
        differing = [name for name in known.keys() & shown.keys() - _NOT_COVERED if _differ(known[name], shown[name])]
        assert not differing, [(shown["id"], shown["version"], name, known[name], shown[name]) for name in differing]
        known.update(shown)


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


def _objects(answer: object) -> Iterator[dict[str, Any]]:
    if isinstance(answer, dict):
        yield answer
    if isinstance(answer, list | dict):
        for part in answer.values() if isinstance(answer, dict) else answer:
            yield from _objects(part)


def _differ(known: object, shown: object) -> bool:
    """Whether a field says something else than before, as far as both were asked for. Relations are not compared."""
    if isinstance(known, dict) and isinstance(shown, dict):
        if {"id", "edges"} & (known.keys() | shown.keys()):
            return False
        return any(_differ(known[name], shown[name]) for name in known.keys() & shown.keys() - _NOT_COVERED)
    if isinstance(known, list) and isinstance(shown, list):
        return len(known) != len(shown) or any(map(_differ, known, shown))
    return known != shown
