"""The side-routes' own description (OpenAPI 3.1), put together from what stands beside their handlers."""

import json
from collections.abc import Iterable, Mapping
from typing import Final

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from routes import side_routes
from routes.openapi_schemas import NamedSchema
from routes.operations import DescribedRoute
from routes.operator.guard import require_schema

_HEAD: Final = {
    "openapi": "3.1.0",
    "info": {
        "title": "Drop Gateway side-routes",
        "version": "1",
        "description": "What is not GraphQL: the BankID login, an app's tokens, KYC over REST, the providers' "
        "webhooks, the way back from a bank, and health.",
    },
    "servers": [{"url": "/"}],
}
_SECURITY_SCHEMES: Final = {
    "cookie": {
        "type": "apiKey",
        "in": "cookie",
        "name": "drop_session",
        "description": "`__Host-drop_session` over https.",
    },
    "bearer": {"type": "http", "scheme": "bearer"},
}


def document_of(routes: Iterable[DescribedRoute]) -> dict[str, object]:
    """The OpenAPI document of the routes, as JSON has it."""
    paths: dict[str, dict[str, object]] = {}
    schemas: dict[str, object] = {}
    for route in routes:
        paths.setdefault(route.path, {})[route.method.lower()] = _with_references(route.operation.as_openapi(), schemas)
    components = {"schemas": dict(sorted(schemas.items())), "securitySchemes": _SECURITY_SCHEMES}
    return {**_HEAD, "paths": paths, "components": components}


def _with_references(part: object, schemas: dict[str, object]) -> object:
    """The part with a reference for each named schema, which goes into `schemas`."""
    match part:
        case NamedSchema(name, schema):
            schemas[name] = _with_references(schema, schemas)
            return {"$ref": f"#/components/schemas/{name}"}
        case Mapping():
            return {name: _with_references(inner, schemas) for name, inner in part.items()}
        case list():
            return [_with_references(inner, schemas) for inner in part]
    return part


DOCUMENT: Final = document_of([*side_routes.ALWAYS, *side_routes.WITH_SANDBOX])


def exported() -> str:
    """The document as routes/openapi.json holds it."""
    return json.dumps(DOCUMENT, indent=2) + "\n"


async def document(request: Request) -> Response:
    await require_schema(request)
    return JSONResponse(DOCUMENT)


ROUTES = [Route("/openapi.json", document)]
