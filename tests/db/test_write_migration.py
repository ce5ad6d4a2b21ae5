"""`make migration` on a copy of the tables: the new version looks as if it had been written by hand."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from db.migrate import newest_revision, oldest_codes

ROOT = Path(__file__).parents[2]
ADDS_A_COLUMN = '''"""A user may have a nickname."""

import sqlalchemy as sa
import sqlmodel
from alembic import op

revision = "{number}"
down_revision = "{before}"
branch_labels = None
depends_on = None
oldest_code = "{oldest_code}"


def upgrade() -> None:
    with op.batch_alter_table("user", schema=None) as batch_op:
        batch_op.add_column(sa.Column("nickname", sqlmodel.sql.sqltypes.AutoString(), nullable=True))
'''


@pytest.fixture
def project(tmp_path: Path) -> Path:
    for room in ("db", "domain", "providers"):
        shutil.copytree(ROOT / room, tmp_path / room, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


def write(project: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "db.migrations.write", *arguments]
    return subprocess.run(command, cwd=project, capture_output=True, text=True, check=False)


def test_a_changed_table_gives_the_next_version_in_the_form_of_the_others(project: Path) -> None:
    tables = project / "db" / "tables" / "user.py"
    tables.write_text(
        tables.read_text().replace("    name: str\n", "    name: str\n    nickname: str | None = None\n", 1)
    )
    versions = project / "db" / "migrations" / "versions"
    before = max(path.name[:4] for path in versions.glob("0*.py"))
    number = f"{int(before) + 1:04}"

    written = write(project, "user_nickname", "A user may have a nickname.")

    path = versions / f"{number}_user_nickname.py"
    assert str(path) in written.stdout, written.stderr
    assert path.read_text() == ADDS_A_COLUMN.format(
        number=number, before=before, oldest_code=oldest_codes()[newest_revision()]
    )
    held = [line.split()[1] for line in (project / "db" / "migrations" / "landed.sha256").read_text().splitlines()]
    assert held == sorted(one.name for one in versions.glob("0*.py") if one != path)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("user_nickname",), "change db/tables/ first"),
        (("User Nickname",), "in small letters"),
        ((), "in small letters"),
    ],
)
def test_what_cannot_be_written_is_said(project: Path, arguments: tuple[str, ...], says: str) -> None:
    written = write(project, *arguments)

    assert written.returncode == 1
    assert says in written.stderr
