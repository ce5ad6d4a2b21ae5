"""What a route says about itself in the OpenAPI document (OpenAPI 3.1), as data beside its handler."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from routes.openapi_schemas import PROBLEM, SHORT_TEXT, TEXT, Schema

Handler = Callable[[Request], Awaitable[Response]]
JSON: Final = "application/json"
# For what is counted; the answer's Retry-After tells when there is room again.
TOO_OFTEN: Final = "Too often: wait as long as Retry-After says."
# Each entry is a way that suffices by itself.
SIGNED_IN: Final[tuple[Mapping[str, object], ...]] = ({"cookie": []}, {"bearer": []})


@dataclass(frozen=True, slots=True)
class Parameter:
    """What a request gives beside its body. Only a part of the path is required."""

    name: str
    description: str = ""
    schema: Schema = field(default_factory=lambda: SHORT_TEXT)
    place: Literal["query", "header", "path"] = "query"

    def as_openapi(self) -> Schema:
        """The Parameter Object of OpenAPI."""
        parts = {"name": self.name, "in": self.place, "required": self.place == "path"}
        return _given({**parts, "description": self.description, "schema": self.schema})


@dataclass(frozen=True, slots=True)
class Body:
    """What a request must carry. Every body has a limit, so the operation documents a 413 by itself."""

    schema: Schema
    media_type: str = JSON


@dataclass(frozen=True, slots=True)
class Answer:
    """A response that is no problem document. `schema` is None where the response has no body."""

    description: str
    schema: Schema | None = None
    media_type: str = JSON

    def as_openapi(self) -> Schema:
        """The Response Object of OpenAPI."""
        content = None if self.schema is None else {self.media_type: {"schema": self.schema}}
        return _given({"description": self.description, "content": content})


@dataclass(frozen=True, slots=True)
class Operation:
    """One method of one path: how it is called, and every response to expect, by HTTP status.

    `problems` says when each problem document is sent (RFC 9457). `security` is empty where signing in changes nothing.
    """

    id: str
    summary: str
    answers: Mapping[int, Answer]
    problems: Mapping[int, str] = field(default_factory=dict)
    description: str = ""
    parameters: tuple[Parameter, ...] = ()
    body: Body | None = None
    security: tuple[Mapping[str, object], ...] = ()

    def as_openapi(self) -> Schema:
        """The Operation Object of OpenAPI, with each named schema still in its place."""
        problems = self.problems if self.body is None else {**self.problems, 413: "Too large."}
        refusals = {status: Answer(said, PROBLEM, "application/problem+json") for status, said in problems.items()}
        responses = sorted({**self.answers, **refusals}.items())
        content = self.body and {"required": True, "content": {self.body.media_type: {"schema": self.body.schema}}}
        return _given(
            {
                "operationId": self.id,
                "summary": self.summary,
                "description": self.description,
                "parameters": [parameter.as_openapi() for parameter in self.parameters],
                "security": list(self.security),
                "requestBody": content,
                "responses": {str(status): answer.as_openapi() for status, answer in responses},
            }
        )


class DescribedRoute(Route):
    """A route of one method that carries its operation, so that the two cannot drift apart."""

    def __init__(self, path: str, handler: Handler, operation: Operation, *, method: str = "GET") -> None:
        super().__init__(path, handler, methods=[method])
        self.method = method
        self.operation = operation


def in_path(name: str, description: str = "As another answer gave it.") -> Parameter:
    return Parameter(name, description, TEXT, "path")


def in_header(name: str, description: str) -> Parameter:
    return Parameter(name, description, TEXT, "header")


def _given(parts: Mapping[str, object]) -> Schema:
    return {name: part for name, part in parts.items() if part not in (None, "", [])}
