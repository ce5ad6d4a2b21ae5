"""Writes a migration from the difference between the tables and the newest version.

    python -m db.migrations.write payment_note "A payment has a note of its payer."

The file gets the next number, the sentence as its docstring (the name in words where none is given) and the form of the
other versions, so that `make check` takes it as it is.
"""

import asyncio
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
from db.migrate import config_of, migrate, newest_revision

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
    number = f"{int(newest_revision() or 0) + 1:04}"
    script = command.revision(
        config, sentence, autogenerate=True, rev_id=number, process_revision_directives=refuse_if_empty
    )
    assert isinstance(script, Script)
    return Path(script.path)


def _in_our_form(path: Path) -> None:
    path.write_text(_ALEMBIC_COMMENT.sub("", path.read_text(encoding="utf-8")), encoding="utf-8")
    for arguments in (["check", "--fix", "--quiet"], ["format", "--quiet"]):
        subprocess.run([sys.executable, "-m", "ruff", *arguments, str(path)], check=True)


def main() -> None:
    """Write the version that the command line names, and say what is left to do by hand."""
    name, sentence = (*sys.argv[1:], "", "")[:2]
    if not re.fullmatch(r"[a-z][a-z0-9_]*", name):
        sys.exit("Name the migration in small letters: make migration NAME=payment_note")
    try:
        _in_our_form(asyncio.run(write(name, sentence or f"{name.replace('_', ' ').capitalize()}.")))
    except NothingChanged:
        sys.exit("The tables are those of the newest version: change db/tables/ first.")
    sys.stdout.write("Read it, and say in its docstring whether the version that is running tolerates it.\n")


if __name__ == "__main__":
    main()
