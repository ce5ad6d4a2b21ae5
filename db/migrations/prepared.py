"""What a landed migration has announced that a later one takes away: the code does without it already."""

from collections.abc import Set as AbstractSet
from typing import Any

from alembic.script import ScriptDirectory


def announced(scripts: ScriptDirectory) -> AbstractSet[str]:
    """In the words of `prepares`: "drop payment.note"."""
    return {what for script in scripts.walk_revisions() for what in getattr(script.module, "prepares", ())}


def is_compared(
    item: Any, name: str | None, kind: str, is_of_the_database: bool, counterpart: Any, *, announced: AbstractSet[str]
) -> bool:
    """Whether Alembic compares it with the tables: not what only the database has, where its end is announced.

    Those before `announced` are the arguments of Alembic's `include_object`.
    """
    if not is_of_the_database or counterpart is not None:
        return True
    what = f"{item.table.name}.{name}" if kind == "column" else name
    return f"drop {what}" not in announced
