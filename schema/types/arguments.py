"""Arguments that many fields share."""

from typing import Annotated, Final

import strawberry

INPUT: Final = strawberry.argument(description="What is asked for; each field is described at its type.")
ObjectId = Annotated[
    strawberry.ID,
    strawberry.argument(description="As any object gave it. Anything else is the id of nothing, which gives null."),
]
