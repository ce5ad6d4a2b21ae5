"""How long a job waits before it asks a vendor again, in case that a webhook was lost."""

from datetime import timedelta
from typing import Final

LONGEST: Final = timedelta(hours=6)


def longer(pause_s: float, at_most: timedelta = LONGEST) -> timedelta:
    """Twice the last pause, which a job keeps in seconds."""
    return min(timedelta(seconds=pause_s * 2), at_most)
