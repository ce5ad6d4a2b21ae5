"""Clients that we did not write: graphql-http's audit, Apollo Client, graphql-ws."""

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.api.test_login import APP, CHALLENGE, VERIFIER
from tests.builders.gateway import query_of
from tests.builders.server import served

CLIENTS = Path(__file__).parents[1] / "clients"


@pytest.fixture
def address(tmp_path: Path) -> Iterator[str]:
    with served(tmp_path) as url:
        yield url


def node(script: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["node", script],
        cwd=CLIENTS,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )


def access_token(address: str) -> str:
    with httpx.Client(base_url=address, timeout=60) as http:
        response = http.get(f"/auth/bankid/login?{APP}&code_challenge={CHALLENGE}&persona=kari")
        while not response.headers["location"].startswith("no.drop.app:/"):
            response = http.get(response.headers["location"])
        code = query_of(response.headers["location"])["code"]
        form = {"grant_type": "authorization_code", "code": code, "code_verifier": VERIFIER}
        token: str = http.post("/auth/token", data=form).json()["access_token"]
        return token


def test_the_audit_of_graphql_over_http_finds_nothing(address: str) -> None:
    ran = node("audit.mjs", GATEWAY=address)

    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert ran.stdout.strip() == "61 of 61"


def test_apollo_client_plays_the_flow_over_a_line_that_is_cut(address: str) -> None:
    ran = node("flow.mjs", GATEWAY=address, TOKEN=access_token(address))

    assert ran.returncode == 0, ran.stdout + ran.stderr
    seen = json.loads(ran.stdout)
    assert seen["items"] == [
        ["SNAPSHOT", "AUTHORISATION_REQUIRED", 2],
        ["CHANGE", "PROCESSING", 3],
        ["CHANGE", "SETTLED", 4],
    ]
    assert seen["sockets"] >= 3
