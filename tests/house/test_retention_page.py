"""docs/retention.md says of each table what the code does."""

from pathlib import Path

from db.retention import described

PAGE = Path(__file__).parents[2] / "docs" / "retention.md"
MEND = "put what `python -c 'from db.retention import described; print(described())'` prints under `The tables`"


def test_the_page_has_the_declared_table() -> None:
    _, tables = PAGE.read_text(encoding="utf-8").split("## The tables\n\n")

    assert tables == described(), MEND
