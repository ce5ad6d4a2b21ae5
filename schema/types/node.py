import strawberry

from schema.types.view import shown

VERSION = "Equal versions mean equal fields in one language, but for other objects with an id, and fields that say so."


@strawberry.interface(description="Anything with an id of its own, found again by `node`.")
class Node:
    id: strawberry.ID = shown("id", description="Opaque and stable; `node` finds the object by it.")
