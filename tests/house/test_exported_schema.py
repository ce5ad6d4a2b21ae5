"""The exported schema as clients' tools read it."""

from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_null_is_never_a_default() -> None:
    assert "= null" not in (ROOT / "schema" / "schema.graphql").read_text()
