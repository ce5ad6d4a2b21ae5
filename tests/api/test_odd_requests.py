"""Odd ids and values at every side-route: a clear refusal on both databases, and nobody is alerted."""

import json
from pathlib import Path
from typing import Any

from tests.builders.gateway import Play, playing
from tests.conftest import NOON

PATHS: dict[str, dict[str, Any]] = json.loads((Path(__file__).parents[2] / "routes" / "openapi.json").read_text())[
    "paths"
]
ODD = ["%00", "pay_%00", "%ED%A0%80", "%F0%9F%92%A9", "9" * 4_400, "-1", "%D9%A0", "..%2F..", "a" * 2_000, "%25"]
BODIES = [
    "[]",
    "5",
    "{",
    "[" * 5_000,
    '{"reason": "\\u0000", "outcome": "SETTLED", "seconds": 1}',
    '{"reason": "\\ud800"}',
    '{"seconds": ' + "9" * 5_000 + "}",
    "reason=%00&outcome=SETTLED",
]


async def test_odd_values_are_refused_and_alert_nobody(
    either_database_url: str, tmp_path: Path, alerts: list[str]
) -> None:
    failed: list[tuple[str, str, str]] = []

    async with playing(either_database_url, tmp_path, NOON) as play:
        for path, operations in PATHS.items():
            for method, operation in operations.items():
                sent = [(odd, "") for odd in ODD] if operation.get("parameters") else []
                sent += [("x", body) for body in BODIES] if "requestBody" in operation else []
                for odd, body in sent:
                    if await answered(play, method, path, operation, odd, body) >= 500:
                        failed.append((method, path, (body or odd)[:60]))

    assert failed == []
    assert [title for title in alerts if not title.startswith("Gateway ")] == []


async def answered(play: Play, method: str, path: str, operation: dict[str, Any], odd: str, body: str) -> int:
    parameters = operation.get("parameters", [])
    for parameter in parameters:
        path = path.replace(f"{{{parameter['name']}}}", odd)
    # httpx sends addresses of 64 KiB at most.
    query = "&".join(f"{one['name']}={odd}" for one in parameters if one["in"] == "query")[:50_000]
    content = next(iter(operation.get("requestBody", {}).get("content", {})), "application/json")
    headers = {"content-type": content}
    url = f"{path}?{query}" if query else path
    response = await play.browser().http.request(method, url, content=body, headers=headers)
    return response.status_code
