"""The tables of docs/reliability.md, How banks behave: read, compared, and written anew.

`python -m tests.behaviours.table` plays every behaviour at every kind of bank and writes the tables.
"""

import asyncio
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from gateway.observability.log import configure_logging
from tests.behaviours.accounts import ACCOUNTS
from tests.behaviours.payments import PAYMENTS
from tests.behaviours.stage import Behaviour, Outcome, stage
from tests.builders.crashing import empty_database
from tests.builders.odd_banks import KINDS

PAGE: Final = Path(__file__).parents[2] / "docs" / "reliability.md"
# By the heading that each table stands under.
TABLES: Final[Mapping[str, Sequence[Behaviour]]] = {"Payments": PAYMENTS, "Accounts and statements": ACCOUNTS}
_NAMES: Final = {"open_payments": "Open Payments", "direct": "direct", "enable_banking": "Enable Banking"}
_HEAD: Final = (
    "| the bank | at | status | ledger | lines | what the user reads |",
    "| --- | --- | --- | --- | --- | --- |",
)
Outcomes = dict[tuple[str, str], Outcome]


def shown() -> Outcomes:
    """What the page says, by behaviour and kind of bank."""
    found: Outcomes = {}
    for heading in TABLES:
        for line in _table_under(heading, PAGE.read_text(encoding="utf-8").splitlines())[2:]:
            name, at, *cells = (cell.strip() for cell in line.strip().strip("|").split("|"))
            for kind in KINDS if at == "all" else [kind for kind in KINDS if _NAMES[kind] in at.split(", ")]:
                found[name, kind] = Outcome(*cells)
    return found


def write(outcomes: Outcomes) -> None:
    """Put the outcomes into the page."""
    lines = PAGE.read_text(encoding="utf-8").splitlines()
    for heading, behaviours in TABLES.items():
        before = _table_under(heading, lines)
        start = lines.index(f"### {heading}") + 2
        lines[start : start + len(before)] = [*_HEAD, *(row for one in behaviours for row in _rows(one, outcomes))]
    PAGE.write_text("\n".join(lines) + "\n", encoding="utf-8")


def _table_under(heading: str, lines: Sequence[str]) -> list[str]:
    found = []
    for line in lines[lines.index(f"### {heading}") + 2 :]:
        if not line.startswith("|"):
            break
        found.append(line)
    return found


def _rows(behaviour: Behaviour, outcomes: Outcomes) -> list[str]:
    """One row for each outcome, with the kinds of bank that share it."""
    kinds: dict[Outcome, list[str]] = {}
    for kind in behaviour.at:
        kinds.setdefault(outcomes[behaviour.name, kind], []).append(kind)
    return [
        f"| {behaviour.name} | {_at(at)} | {outcome.status} | {outcome.ledger} | {outcome.lines} | {outcome.reads} |"
        for outcome, at in kinds.items()
    ]


def _at(kinds: Sequence[str]) -> str:
    return "all" if tuple(kinds) == KINDS else ", ".join(_NAMES[kind] for kind in kinds)


async def _play(behaviour: Behaviour, kind: str) -> Outcome:
    folder = Path(tempfile.mkdtemp())
    try:
        shutil.copy(await empty_database(), folder / "drop.sqlite3")
        async with stage(behaviour, kind, f"sqlite:///{folder}/drop.sqlite3", folder) as played:
            return await behaviour.play(played)
    finally:
        shutil.rmtree(folder)


async def _play_all() -> Outcomes:
    return {
        (behaviour.name, kind): await _play(behaviour, kind)
        for behaviours in TABLES.values()
        for behaviour in behaviours
        for kind in behaviour.at
    }


if __name__ == "__main__":
    configure_logging("CRITICAL", is_terminal=False)
    write(asyncio.run(_play_all()))
