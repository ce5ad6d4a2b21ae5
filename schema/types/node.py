import strawberry


@strawberry.interface(description="Anything with an id of its own, found again by `node`.")
class Node:
    id: strawberry.ID = strawberry.field(description="Opaque and stable.")
