"""A backup is what can be restored: the commands of docs/reliability.md, rehearsed."""

import shlex
import subprocess
from pathlib import Path
from string import Template
from typing import Any

from tests.builders.cards import paid
from tests.builders.databases import postgresql_database
from tests.builders.gateway import Play, playing
from tests.builders.private_servers import program
from tests.conftest import NOON

PAYMENTS = """{ viewer { name kyc { status } payments { edges { node { id status amount { amountMinor }
  history { edges { node { version status cause } } } } } } } }"""
DOCS = (Path(__file__).parents[2] / "docs" / "reliability.md").read_text()


def documented(beginning: str, **places: str) -> list[str]:
    """The line of the documentation, with its places filled in."""
    (line,) = [one.strip() for one in DOCS.splitlines() if one.strip().startswith(beginning)]
    return [Template(part).substitute(places) for part in shlex.split(line)]


def run(command: list[str]) -> None:
    subprocess.run([program(command[0]), *command[1:]], check=True)


async def pay_and_show(play: Play) -> tuple[dict[str, str], Any]:
    kari = await play.approved()
    await paid(kari)
    return dict(kari.http.cookies), await kari.ask(PAYMENTS)


async def shown_again(play: Play, cookies: dict[str, str]) -> Any:
    kari = play.browser()
    kari.http.cookies.update(cookies)
    return await kari.ask(PAYMENTS)


async def test_postgresql_comes_back_from_its_dump(postgresql_url: str, tmp_path: Path) -> None:
    dump = str(tmp_path / "drop.dump")
    async with playing(postgresql_url, tmp_path, NOON) as play:
        cookies, before = await pay_and_show(play)
        run(documented("pg_dump", DATABASE_URL=postgresql_url, BACKUP=dump))
        # What comes after the backup is not in it.
        await paid(await play.person("kari"))

    async with postgresql_database() as empty:
        run(documented("pg_restore", DATABASE_URL=empty, BACKUP=dump))
        async with playing(empty, tmp_path, NOON) as play:
            assert await shown_again(play, cookies) == before


async def test_sqlite_comes_back_from_its_copy(sqlite_url: str, tmp_path: Path) -> None:
    copy = str(tmp_path / "copy.sqlite3")
    async with playing(sqlite_url, tmp_path, NOON) as play:
        cookies, before = await pay_and_show(play)
        run(documented("python -c", DATABASE=sqlite_url.removeprefix("sqlite:///"), BACKUP=copy))
        await paid(await play.person("kari"))

    async with playing(f"sqlite:///{copy}", tmp_path, NOON) as play:
        assert await shown_again(play, cookies) == before
