from typing import Annotated

import strawberry

from schema.types.view import shown

VERSION = "Equal versions mean equal fields in one language, but for other objects with an id, and fields that say so."
ObjectId = Annotated[
    strawberry.ID,
    strawberry.argument(description="As any object gave it. Anything else is the id of nothing, which gives null."),
]


@strawberry.interface(description="Anything with an id of its own, found again by `node`.")
class Node:
    id: strawberry.ID = shown("id", description="Opaque and stable; `node` finds the object by it.")
