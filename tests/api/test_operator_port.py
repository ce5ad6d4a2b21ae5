"""Operators' routes on a port of their own."""

import os
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.builders.gateway import Play, playing
from tests.builders.own_secrets import OPERATOR_TOKEN
from tests.builders.server import free_port
from tests.conftest import NOON

JOBS = "/api/operator/jobs"
TOKEN = {"authorization": f"Bearer {OPERATOR_TOKEN}"}


@pytest.fixture
async def apart(database_url: str, tmp_path: Path) -> AsyncIterator[Play]:
    settings: dict[str, Any] = {"operator_token": OPERATOR_TOKEN, "operator_port": 8002}
    async with playing(database_url, tmp_path, NOON, **settings) as play:
        yield play


async def status(play: Play, port: int, path: str, **headers: str) -> int:
    return (await play.browser(**headers).http.get(f"http://localhost:{port}{path}")).status_code


@pytest.mark.parametrize("path", [JOBS, "/metrics"])
async def test_operators_are_answered_on_their_port_alone(apart: Play, path: str) -> None:
    assert await status(apart, 8002, path, **TOKEN) == 200
    assert await status(apart, 8002, path) == 401
    assert await status(apart, 8000, path, **TOKEN) == 404
    # What the client calls itself says nothing of where it came in.
    assert await status(apart, 8000, path, host="localhost:8002", **TOKEN) == 404


@pytest.mark.parametrize(
    "path", ["/graphql?query=%7B__typename%7D", "/auth/bankid/login", "/sandbox/", "/openapi.json"]
)
async def test_clients_are_not_answered_there(apart: Play, path: str) -> None:
    assert await status(apart, 8002, path, **TOKEN) == 404
    assert await status(apart, 8000, path) in (200, 303)


async def test_health_is_told_on_both(apart: Play) -> None:
    assert {await status(apart, port, "/api/health/ready") for port in (8000, 8002)} == {200}


async def test_without_a_port_of_their_own_there_is_one_for_all(play: Play) -> None:
    assert await status(play, 8000, JOBS) == 200


def test_serve_listens_on_both(tmp_path: Path) -> None:
    public, own = free_port(), free_port()
    environment = {
        "PATH": os.environ["PATH"],
        "PORT": str(public),
        "OPERATOR_PORT": str(own),
        "OPERATOR_TOKEN": OPERATOR_TOKEN,
        "PYTHONPATH": str(Path(__file__).parents[2]),
    }
    command = [sys.executable, "-m", "gateway", "serve"]
    with subprocess.Popen(command, cwd=tmp_path, env=environment, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        try:
            assert process.stdout.readline()
            answers = [
                httpx.get(f"http://127.0.0.1:{port}/metrics", headers=TOKEN).status_code for port in (public, own)
            ]
        finally:
            process.kill()

    assert answers == [404, 200]
