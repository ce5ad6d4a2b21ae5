"""What comes of each way in which banks behave, end to end: docs/reliability.md, How banks behave."""

from pathlib import Path

import pytest

from tests.behaviours.stage import Behaviour, stage
from tests.behaviours.table import TABLES, shown

CASES = [
    pytest.param(behaviour, kind, id=f"{behaviour.name}, {kind}")
    for behaviours in TABLES.values()
    for behaviour in behaviours
    for kind in behaviour.at
]


@pytest.mark.parametrize(("behaviour", "kind"), CASES)
async def test_what_comes_of_it_is_what_the_page_says(
    behaviour: Behaviour, kind: str, sqlite_url: str, tmp_path: Path
) -> None:
    async with stage(behaviour, kind, sqlite_url, tmp_path) as played:
        outcome = await behaviour.play(played)

    message = "If this is right: python -m tests.behaviours.table"
    assert shown().get((behaviour.name, kind)) == outcome, message


def test_the_page_has_every_behaviour_and_no_other() -> None:
    played = {(one.name, kind) for behaviours in TABLES.values() for one in behaviours for kind in one.at}

    assert set(shown()) == played
