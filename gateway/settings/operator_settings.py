"""How operators come in, and what takes two of them."""

from typing import Annotated

from pydantic import BaseModel, Field, SecretStr


class OperatorSettings(BaseModel):
    """Of the routes under /api/operator, and of /metrics."""

    operator_token: SecretStr | None = Field(
        default=None,
        description="Opens /api/operator. In mock mode that is open without it; on a HOST beyond loopback one is made "
        "and printed. Beside a real vendor it is needed.",
    )
    operator_port: Annotated[int, Field(ge=1, le=65535)] | None = Field(
        default=None,
        description="Where `serve` answers operators' routes and /metrics, and there alone; without it on PORT. It is "
        "needed live.",
    )
    two_operators_resolve: bool | None = Field(
        default=None,
        description="Whether the end of a payment's doubt takes two operators: one proposes, another one approves. "
        "Where it is live it always does.",
    )
