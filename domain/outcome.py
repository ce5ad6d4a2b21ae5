"""What came of a report that a vendor sent, or of asking a vendor."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Outcome:
    """`changed` is for decisions, `text` for people: what was changed, or why nothing was."""

    changed: bool
    text: str
