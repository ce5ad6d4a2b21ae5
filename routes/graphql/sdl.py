"""The schema in its own language, for front ends' tools: the very text that `schema/schema.graphql` keeps."""

from functools import cache
from hashlib import sha256

from starlette.requests import Request
from starlette.responses import Response

from routes.graphql.schema import sdl
from routes.openapi_schemas import TEXT
from routes.operations import TOO_OFTEN, Answer, DescribedRoute, Operation, in_header
from routes.operator.guard import require_schema


@cache
def _exported() -> tuple[str, str]:
    """The text, and its entity tag: it changes with a release alone."""
    text = sdl()
    return text, f'"{sha256(text.encode()).hexdigest()}"'


async def schema(request: Request) -> Response:
    """Answers 304 to a client that has it. Raises Unauthenticated and RateLimited, in production alone."""
    await require_schema(request)
    text, tag = _exported()
    # A cache asks again each time: a request without an operator's token must not be answered from it.
    headers = {"ETag": tag, "Cache-Control": "private, no-cache"}
    known = (given.strip().removeprefix("W/") for given in request.headers.get("if-none-match", "").split(","))
    if {tag, "*"} & {*known}:
        return Response(status_code=304, headers=headers)
    return Response(text, media_type="text/plain", headers=headers)


ROUTES = [
    DescribedRoute(
        "/schema.graphql",
        schema,
        Operation(
            "schema",
            "The GraphQL schema in its own language",
            {
                200: Answer("The schema.", TEXT, "text/plain"),
                304: Answer("As the client has it, by its `If-None-Match`."),
            },
            {401: "Production, and no operator's token.", 429: TOO_OFTEN},
            description="Open to anybody in mock mode. In production it is for operators, as introspection is: "
            "`Authorization: Bearer` with an operator's token.",
            parameters=(in_header("If-None-Match", "The `ETag` of the schema that the client has."),),
        ),
    )
]
