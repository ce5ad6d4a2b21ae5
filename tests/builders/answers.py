"""What every answer keeps to, checked wherever a test receives one."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
from websockets.asyncio.client import ClientConnection

from domain.error_code import ErrorCode
from domain.locale import LOCALES
from domain.service import PortName
from schema.types.errors import UserErrorCode
from schema.types.paging import MAX_PAGE

_TIME = re.compile(r"\d{4}-\d{2}-\d{2}T.*", re.DOTALL)
_RFC_3339_IN_UTC = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{3}Z")
_SDL = (Path(__file__).parents[2] / "schema" / "schema.graphql").read_text()
# Two readers may have two languages.
IN_THE_READERS_LANGUAGE = frozenset({"message", "formatted", "what", "because"})
# Fields whose description says so: they may differ between answers of one version.
_NOT_COVERED = IN_THE_READERS_LANGUAGE | frozenset(
    re.findall(r"Not covered by `version`\.\s*(?:\"\"\")?\s*(\w+)", _SDL)
)
_shown: dict[tuple[str, int], dict[str, Any]] = {}


def forget_answers() -> None:
    """Before a test: another one's objects may bear the same ids."""
    _shown.clear()


def check_answer(answer: object) -> None:
    """Fails where a time is not RFC 3339 with three fractional digits and `Z`, a page is too long, a code is not in the
    schema, or one version of an object has two contents."""
    parts = list(_parts(answer))
    wrong = [part for part in parts if isinstance(part, str) and _TIME.fullmatch(part)]
    wrong = [time for time in wrong if not _RFC_3339_IN_UTC.fullmatch(time)]
    assert not wrong, wrong
    for shown in (part for part in parts if isinstance(part, dict)):
        unknown = list(_unknown_codes(shown))
        assert not unknown, unknown
        assert len(shown.get("edges", ())) <= MAX_PAGE
        _check_version(shown)


async def check_response(response: httpx.Response) -> None:
    """A hook of an HTTP client: checks what the gateway answers in JSON, and that GraphQL tells its language."""
    media_type = response.headers.get("content-type", "")
    if "json" in media_type:
        await response.aread()
        check_answer(response.json())
        # A problem document is of the server around GraphQL.
        if response.request.url.path == "/graphql" and "problem" not in media_type:
            check_language(response)


def check_language(response: httpx.Response) -> None:
    """Fails where an answer of GraphQL does not tell its language, or an error has nothing for people to read."""
    assert response.headers["content-language"] in LOCALES
    assert "Accept-Language" in response.headers["vary"]
    errors = response.json().get("errors", [])
    assert [error for error in errors if not error["extensions"].get("userMessage")] == []


class CheckedConnection(ClientConnection):
    """A WebSocket's client that checks each message it receives."""

    async def recv(self, decode: bool | None = None) -> Any:
        message = await super().recv(decode)
        if isinstance(message, str):
            check_answer(json.loads(message))
        return message


def _check_version(shown: dict[str, Any]) -> None:
    if not (isinstance(shown.get("id"), str) and isinstance(shown.get("version"), int)):
        return
    known = _shown.setdefault((shown["id"], shown["version"]), {})
    differing = [name for name in known.keys() & shown.keys() - _NOT_COVERED if _differ(known[name], shown[name])]
    assert not differing, [(shown["id"], shown["version"], name, known[name], shown[name]) for name in differing]
    known.update(shown)


def _unknown_codes(part: dict[str, Any]) -> Iterator[object]:
    """The codes in one object that the schema's `ErrorCode` or `UserErrorCode` does not have, or that are missing."""
    errors = part.get("errors") or (part["payload"] if part.get("type") == "error" else [])
    for error in errors if isinstance(errors, list) else []:
        code = error.get("extensions", {}).get("code")
        if code not in ErrorCode.__members__:
            yield code or error
        if "provider" in error.get("extensions", {}) and error["extensions"]["provider"] not in PortName.__members__:
            yield error["extensions"]["provider"]
    for error in part.get("userErrors") or []:
        if "code" in error and error["code"] not in UserErrorCode.__members__:
            yield error["code"]


def _parts(answer: object) -> Iterator[object]:
    """Every value in a JSON answer, itself first."""
    yield answer
    if isinstance(answer, list | dict):
        for part in answer.values() if isinstance(answer, dict) else answer:
            yield from _parts(part)


def _differ(known: object, shown: object) -> bool:
    """Whether a field says something else than before, as far as both were asked for. Relations are not compared."""
    if isinstance(known, dict) and isinstance(shown, dict):
        if {"id", "edges"} & (known.keys() | shown.keys()):
            return False
        return any(_differ(known[name], shown[name]) for name in known.keys() & shown.keys() - _NOT_COVERED)
    if isinstance(known, list) and isinstance(shown, list):
        return len(known) != len(shown) or any(map(_differ, known, shown))
    return known != shown
