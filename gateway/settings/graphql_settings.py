"""Which GraphQL operations are answered, and how."""

from typing import Annotated

from pydantic import BaseModel, Field

from domain.operation_cost import CostMode
from domain.selection import PlanMode
from domain.trusted_document import DocumentMode


class GraphQlSettings(BaseModel):
    """What an operation may cost, which documents are taken, and when a document has a plan."""

    graphql_cost: CostMode = Field(
        default=CostMode.ENFORCE,
        description="enforce: an operation that costs more than the limit is refused. measure: it is counted "
        "(drop_graphql_over_cost_total), and answered.",
    )
    graphql_cost_limit: Annotated[int, Field(ge=1_000)] = Field(
        default=10_000, description="What an operation may cost: 1 for each object, and what @cost in the schema says."
    )
    graphql_plans: PlanMode = Field(
        default=PlanMode.KNOWN,
        description="known: a query that is sent again within ten minutes is read by one statement and written by one "
        "function, where all its fields allow it (drop_graphql_plans_total). eager: at its first use. off: never. "
        "compare: both ways answer, and a difference is an error; for tests.",
    )
    graphql_documents: DocumentMode | None = Field(
        default=None,
        description="enforce (default in production): only documents that were pushed (gateway documents push) and "
        "operators' are answered. log: others, too, counted and named in the log. any (default in mock mode): all.",
    )
    graphql_documents_kept_days: Annotated[int, Field(ge=1, le=3650)] = Field(
        default=90, description="Days after which a pushed document goes that no client has sent meanwhile."
    )
