"""Arguments that many fields share."""

from typing import Final

import strawberry

INPUT: Final = strawberry.argument(description="What is asked for; each field is described at its type.")
