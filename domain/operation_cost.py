"""What one operation may cost."""

from dataclasses import dataclass
from enum import StrEnum


class CostMode(StrEnum):
    """What is done about an operation that costs more than the limit."""

    MEASURE = "measure"
    ENFORCE = "enforce"


@dataclass(frozen=True, slots=True)
class CostLimit:
    """The most that an operation may cost, counted in objects."""

    limit: int = 10_000
    mode: CostMode = CostMode.ENFORCE
