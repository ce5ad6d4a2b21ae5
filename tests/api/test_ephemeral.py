"""`gateway serve --ephemeral`, and the fixtures that front ends copy: a gateway for each worker of their tests."""

import json
import os
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from docs.fixtures.drop_gateway import Gateway, gateway
from tests.api.test_commands import gateway as run_command
from tests.api.test_real_clients import node

COMMAND = shlex.join([sys.executable, "-m", "gateway"])
__all__ = ["gateway"]


@pytest.fixture(scope="session", autouse=True)
def command(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Where a gateway makes its folder, and keeps the empty database."""
    folder = tmp_path_factory.mktemp("ephemeral")
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("DROP_GATEWAY", COMMAND)
        patched.setenv("TMPDIR", str(folder))
        patched.setenv("XDG_CACHE_HOME", str(folder / "cache"))
        yield folder


def test_pytests_fixture_gives_users_and_a_clock_of_the_workers_own(gateway: Gateway) -> None:
    user = gateway.seed(banks=[{"id": "bank_dnb"}])
    gateway.advance("1d")

    with gateway.client(user) as client:
        answer = client.post(
            "/graphql", json={"query": "{ viewer { id bankAccounts { edges { node { id } } } } }"}
        ).json()
    viewer = answer["data"]["viewer"]
    assert (viewer["id"], len(viewer["bankAccounts"]["edges"])) == (user["id"], 1)


def test_playwrights_fixtures_sign_a_user_in(command: Path) -> None:
    ran = node("ephemeral.mjs")

    assert ran.returncode == 0, ran.stderr
    assert json.loads(ran.stdout) == {"isUser": True, "accounts": 1}


def test_it_ends_with_its_parent_and_leaves_nothing(command: Path) -> None:
    stood = set(command.glob("drop-gateway-*"))
    script = "import subprocess, sys; subprocess.Popen(sys.argv[1:]); sys.stdin.read()"
    starting = [sys.executable, "-c", script, *shlex.split(COMMAND), "serve", "--ephemeral"]
    with subprocess.Popen(
        starting, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=dict(os.environ)
    ) as parent:
        assert parent.stdout is not None
        told = json.loads(parent.stdout.readline())
        assert told["url"].startswith("http://localhost:")
        assert len(set(command.glob("drop-gateway-*")) - stood) == 1

        parent.send_signal(signal.SIGKILL)

        # The end of the output that the gateway has of its parent is the gateway's own end.
        assert parent.stdout.read() == b""
    assert set(command.glob("drop-gateway-*")) == stood


def test_it_does_not_share_a_sandbox(tmp_path: Path) -> None:
    ran = run_command("serve", "--ephemeral", folder=tmp_path, SANDBOX_URL="http://127.0.0.1:9")

    assert (ran.returncode, "is for mock mode" in ran.stderr) == (1, True)
