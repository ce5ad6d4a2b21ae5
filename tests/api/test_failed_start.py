"""A start that fails ends the process, with a code and one message that says what to do."""

import asyncio
import os
import socket
import sqlite3
import subprocess
from pathlib import Path

import pytest
from cryptography.fernet import Fernet

from tests.builders.processes import completed
from tests.builders.server import free_port

COMMANDS = ("serve", "worker")
PRODUCTION = {
    "SERVICE_MODE": "production",
    "ENVIRONMENT": "staging",
    "BANKID_MOCK": "true",
    **dict.fromkeys(
        (
            f"{port}_PROVIDER"
            for port in (
                "KYC",
                "OPEN_BANKING",
                "CARD_PAYMENTS",
                "CARD_ISSUING",
                "EMAIL",
                "SMS",
                "STORAGE",
                "GEOCODING",
            )
        ),
        "mock",
    ),
    "PUBLIC_URL": "https://api.drop.example",
    "OPERATOR_TOKEN": "let-me-in",
    "FIELD_ENCRYPTION_KEYS": Fernet.generate_key().decode(),
    "FIELD_HASH_KEY": "a key of our own",
    "MOCK_MAIL_KEY": "a key of our own",
    "MOCK_STORAGE_KEY": "a key of our own",
}


def start(command: str, folder: Path, **settings: str) -> subprocess.CompletedProcess[str]:
    """Ends by itself, or the test fails by its timeout."""
    environment = {
        **os.environ,
        "PORT": str(free_port()),
        "WORKER_PORT": str(free_port()),
        "DATABASE_URL": f"sqlite:///{folder}/drop.sqlite3",
        "SANDBOX_PATH": f"{folder}/sandbox.sqlite3",
        "NO_COLOR": "1",
        "COLUMNS": "300",
        **settings,
    }
    return completed([command], environment=environment, folder=folder, timeout=60)


def is_refused(ended: subprocess.CompletedProcess[str], message: str) -> bool:
    assert ended.returncode == 1, ended.stderr
    assert len(ended.stderr.splitlines()) == 1, ended.stderr
    return message in ended.stderr


def test_a_damaged_file_of_the_sandbox_ends_the_process(tmp_path: Path) -> None:
    (tmp_path / "sandbox.sqlite3").write_bytes(b"no database at all" * 100)

    assert is_refused(start("serve", tmp_path), "Move it away, or set SANDBOX_PATH.")
    alone = start("sandbox", tmp_path, SANDBOX_URL=f"http://127.0.0.1:{free_port()}")
    assert is_refused(alone, "Move it away, or set SANDBOX_PATH.")


async def test_more_connections_than_the_server_gives_are_refused(tmp_path: Path, postgresql_url: str) -> None:
    many = {"DATABASE_URL": postgresql_url, "DATABASE_CONNECTIONS": "500"}

    assert is_refused(await asyncio.to_thread(start, "serve", tmp_path, **many), "DATABASE_CONNECTIONS is 500, and")
    told = (await asyncio.to_thread(start, "doctor", tmp_path, **many)).stderr
    assert "Lower DATABASE_CONNECTIONS, or raise the server's max_connections." in told


@pytest.mark.parametrize("command", [*COMMANDS, "migrate", "doctor"])
def test_a_database_that_is_away_is_one_line(tmp_path: Path, command: str) -> None:
    away = f"postgresql://drop@127.0.0.1:{free_port()}/drop"
    ended = start(command, tmp_path, DATABASE_URL=away, SANDBOX_URL="http://127.0.0.1:9")

    assert is_refused(ended, "The database does not answer (ConnectionRefusedError). Check DATABASE_URL.")


def test_a_damaged_database_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "drop.sqlite3").write_bytes(b"no database at all" * 100)

    assert is_refused(start("serve", tmp_path), "The database does not answer (DatabaseError).")


@pytest.mark.parametrize("command", COMMANDS)
def test_a_port_that_is_taken_ends_the_process(tmp_path: Path, command: str) -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = str(listener.getsockname()[1])
        ended = start(command, tmp_path, PORT=port, WORKER_PORT=port, SANDBOX_URL="http://127.0.0.1:9")

    assert is_refused(ended, "Address already in use")


@pytest.mark.parametrize("command", COMMANDS)
def test_in_production_a_migration_is_a_step_of_its_own(tmp_path: Path, command: str) -> None:
    settings = {**PRODUCTION, "SANDBOX_URL": "http://127.0.0.1:9"}
    before = start(command, tmp_path, **settings)
    migrated = start("migrate", tmp_path, **settings)
    with sqlite3.connect(tmp_path / "drop.sqlite3") as database:
        database.execute("UPDATE alembic_version SET version_num = '9999', oldest_code = '9999'")
    database.close()
    after = start(command, tmp_path, **settings)

    assert is_refused(before, "The database is empty, and this release needs 0")
    assert (migrated.returncode, migrated.stderr) == (0, "")
    assert is_refused(after, "The database is too new for this release.")
