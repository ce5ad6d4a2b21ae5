"""What fields cost, as the schema shows it (GraphQL Cost Directives, IBM)."""

from typing import Final

import strawberry
from strawberry import UNSET
from strawberry.schema_directive import Location

from schema.types.paging import DEFAULT_PAGE


@strawberry.schema_directive(
    locations=[Location.FIELD_DEFINITION],
    name="cost",
    description="What asking for the field costs beside the objects that it gives, of which each costs 1.",
)
class Cost:
    weight: str


@strawberry.schema_directive(
    locations=[Location.FIELD_DEFINITION],
    name="listSize",
    description="How many objects a list is counted as: what the slicing arguments say, else the assumed size.",
)
class ListSize:
    assumed_size: int | None = UNSET
    slicing_arguments: list[str] | None = UNSET
    sized_fields: list[str] | None = UNSET
    require_one_slicing_argument: bool | None = True


# A page of a connection: `edges` has as many objects as the page.
PAGED: Final = ListSize(
    assumed_size=DEFAULT_PAGE,
    slicing_arguments=["first", "last"],
    sized_fields=["edges"],
    require_one_slicing_argument=False,
)
# A vendor may be asked, and rows are written.
ACT: Final = Cost(weight="100")


def at_most(count: int) -> ListSize:
    """Of a list that has no pages: it is counted at its maximum."""
    return ListSize(assumed_size=count, require_one_slicing_argument=False)


def as_many_as(argument: str, *, at_most: int) -> ListSize:
    """Of a list that answers each item of an argument."""
    return ListSize(assumed_size=at_most, slicing_arguments=[argument], require_one_slicing_argument=False)
