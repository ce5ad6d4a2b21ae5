"""Writes a migration from the difference between the tables and the newest version.

    python -m db.migrations.write payment_note "A payment has a note of its payer."

The file gets the next number, the sentence as its docstring (the name in words where none is given) and the form of the
other versions, so that `make check` takes it as it is. The versions before it have landed and are not edited any more:
their hashes are held in `landed.sha256`. `python -m db.migrations.write --landed` holds those of all versions.
"""

import asyncio
import hashlib
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from alembic import command
from alembic.operations.ops import MigrationScript
from alembic.runtime.migration import MigrationContext
from alembic.script import Script
from sqlalchemy import Connection

from db.engine import open_database
from db.migrate import config_of, migrate, newest_revision, oldest_codes

_VERSIONS = Path(__file__).parent / "versions"
LANDED = Path(__file__).parent / "landed.sha256"
_ALEMBIC_COMMENT = re.compile(r"^ *# ###.*\n", re.MULTILINE)


class NothingChanged(Exception):
    """The tables are those of the newest version, so there is nothing to migrate."""


async def write(name: str, sentence: str) -> Path:
    """Give the path of the new version. Raises NothingChanged."""
    with tempfile.TemporaryDirectory() as folder:
        database = open_database(f"sqlite:///{folder}/empty.sqlite3")
        await migrate(database)
        async with database.write_engine.begin() as connection:
            path = await connection.run_sync(lambda sync: _revision(sync, name, sentence))
        await database.close()
    return path


def _revision(connection: Connection, name: str, sentence: str) -> Path:
    def refuse_if_empty(_: MigrationContext, __: object, scripts: list[MigrationScript]) -> None:
        upgrade = scripts[0].upgrade_ops
        if upgrade is None or upgrade.is_empty():
            raise NothingChanged

    config = config_of(connection)
    # Alembic would name the file after the whole sentence.
    config.set_main_option("file_template", f"%%(rev)s_{name}")
    # What only adds is tolerated by every release that the version before is tolerated by.
    config.attributes["oldest_code"] = oldest_codes()[newest_revision()]
    number = f"{int(newest_revision()) + 1:04}"
    script = command.revision(
        config, sentence, autogenerate=True, rev_id=number, process_revision_directives=refuse_if_empty
    )
    assert isinstance(script, Script)
    return Path(script.path)


def _in_our_form(path: Path) -> None:
    path.write_text(_ALEMBIC_COMMENT.sub("", path.read_text(encoding="utf-8")), encoding="utf-8")
    for arguments in (["check", "--fix", "--quiet"], ["format", "--quiet"]):
        subprocess.run([sys.executable, "-m", "ruff", *arguments, str(path)], check=True)


def versions() -> list[Path]:
    """The files of all versions, oldest first."""
    return sorted(_VERSIONS.glob("[0-9]*.py"))


def hash_of(version: Path) -> str:
    """Of the whole file: its docstring says what an operator relied on, too."""
    return hashlib.sha256(version.read_bytes()).hexdigest()


def landed() -> dict[str, str]:
    """The hash of each version that has landed, by its file's name."""
    lines = LANDED.read_text(encoding="ascii").splitlines() if LANDED.exists() else []
    return {name: digest for digest, name in (line.split() for line in lines)}


def _hold(paths: list[Path]) -> None:
    """Add the hashes of versions that have none. Those that are there stay, also where the file was edited."""
    held = {path.name: hash_of(path) for path in paths} | landed()
    LANDED.write_text("".join(f"{held[name]}  {name}\n" for name in sorted(held)), encoding="ascii")


def main() -> None:
    """Write the version that the command line names, and say what is left to do by hand."""
    name, sentence = (*sys.argv[1:], "", "")[:2]
    if sys.argv[1:] == ["--landed"]:
        _hold(versions())
        return
    if not re.fullmatch(r"[a-z][a-z0-9_]*", name):
        sys.exit("Name the migration in small letters: make migration NAME=payment_note")
    before = versions()
    try:
        _in_our_form(asyncio.run(write(name, sentence or f"{name.replace('_', ' ').capitalize()}.")))
    except NothingChanged:
        sys.exit("The tables are those of the newest version: change db/tables/ first.")
    _hold(before)
    sys.stdout.write("Read it. What it takes away or demands asks for another oldest_code: see CONTRIBUTING.md.\n")


if __name__ == "__main__":
    main()
