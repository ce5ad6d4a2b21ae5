"""The list of all commands says what each says of itself, and costs no imports."""

import subprocess
import sys

import pytest

from gateway.cli import COMMANDS, command


@pytest.mark.parametrize("name", COMMANDS)
def test_the_list_says_what_the_command_says_of_itself(name: str) -> None:
    _, says = COMMANDS[name]

    assert " ".join((command(name).help or "").split()) == says


def test_the_list_imports_no_command() -> None:
    heavy = {"sqlalchemy", "starlette", "strawberry", "httpx", "pydantic"}
    code = "import sys; from gateway.cli import app; app(['--help'], standalone_mode=False); print(*sys.modules)"

    listed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout

    assert "reconcile" in listed
    assert not heavy & set(listed.splitlines()[-1].split())
