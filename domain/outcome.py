"""What came of a report that a vendor sent, or of asking a vendor."""

from dataclasses import dataclass, replace

from domain.ids import UserId


@dataclass(frozen=True, slots=True)
class Outcome:
    """`changed` is for decisions, `text` for people: what was changed, or why nothing was.

    `user_id` is the person whom it is about, where that is known.
    """

    changed: bool
    text: str
    user_id: UserId | None = None

    def about(self, user_id: UserId | None) -> "Outcome":
        return replace(self, user_id=user_id)
