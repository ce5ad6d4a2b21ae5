"""For operators: the GraphQL documents that front ends may send."""

from typing import Final

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from domain.clock import text_of
from domain.errors import NotFound
from domain.trusted_document import ID_PREFIX, DocumentMode, KeptDocument, read_hash
from routes.graphql.manifest import documents_in
from routes.graphql.messages import read_json
from routes.openapi_schemas import BOOLEAN, INTEGER, OBJECT, TEXT, TIME, NamedSchema, array, record
from routes.operations import Answer, Body, Operation, Parameter, in_path
from routes.operator.guard import NO_STORE, operator_route
from routes.requests import read_bounded
from routes.state import route_settings_of, services_of

# Of the manifests of all front ends together.
_MANIFEST_BYTES: Final = 8 * 1024 * 1024


async def documents(request: Request) -> Response:
    """Every trusted document, by name, without its text."""
    trusted = services_of(request).documents
    shown = [_shown(one) for one in await trusted.all()]
    return JSONResponse({"mode": trusted.mode, "documents": shown}, headers=NO_STORE)


async def document(request: Request) -> Response:
    """One trusted document with its text."""
    found = await services_of(request).documents.get(_hash_of(request))
    return JSONResponse({**_shown(found), "text": found.document.text}, headers=NO_STORE)


async def push(request: Request) -> Response:
    """Let in all documents of a manifest, or none where one of them is not valid."""
    raw = await read_bounded(request, at_most_bytes=_MANIFEST_BYTES)
    pushed = await documents_in(read_json(raw, "The manifest"), route_settings_of(request).cost_limit)
    if request.query_params.get("dry_run") == "true":
        return JSONResponse({"documents": len(pushed), "new": 0})
    new = await services_of(request).documents.push(pushed)
    return JSONResponse({"documents": len(pushed), "new": new})


async def remove(request: Request) -> Response:
    """Refuse a document from now on."""
    await services_of(request).documents.remove(_hash_of(request))
    return Response(status_code=204)


def _hash_of(request: Request) -> str:
    found = read_hash(request.path_params["document"])
    if found is None:
        raise NotFound(f"An id is {ID_PREFIX} and the SHA-256 of the text in hex digits.", field=("document",))
    return found


def _shown(kept: KeptDocument) -> dict[str, object]:
    return {
        "id": ID_PREFIX + kept.document.hash,
        "name": kept.document.name,
        "pushedAt": text_of(kept.pushed_at),
        "lastUsedAt": text_of(kept.last_used_at),
    }


_SHOWN: Final = {
    "id": {**TEXT, "description": "As clients send it: `documentId`."},
    "name": {**TEXT, "description": "The names of its operations."},
    "pushedAt": TIME,
    "lastUsedAt": {**TIME, "description": "By the hour; the push itself until a client sends it."},
}
_DOCUMENT = NamedSchema("TrustedDocument", record(_SHOWN))
_MODE = {"enum": [*DocumentMode], "description": "What is done with other documents just now."}

ROUTES = [
    operator_route(
        "/api/operator/documents",
        documents,
        Operation(
            "listDocuments",
            "The GraphQL documents that front ends may send (operators)",
            {200: Answer("By name.", record({"mode": _MODE, "documents": array(_DOCUMENT)}))},
        ),
    ),
    operator_route(
        "/api/operator/documents",
        push,
        Operation(
            "pushDocuments",
            "Let in the documents of a manifest (operators)",
            {200: Answer("All are let in.", record({"documents": INTEGER, "new": INTEGER}))},
            {400: "It is no manifest, or one of its documents is not valid; `detail` says which, and why."},
            description="As GraphQL Code Generator, Relay or Apollo's generate-persisted-query-manifest write it.",
            parameters=(Parameter("dry_run", "Whether to check alone, and store nothing.", BOOLEAN),),
            body=Body(OBJECT),
        ),
        method="POST",
    ),
    operator_route(
        "/api/operator/documents/{document}",
        document,
        Operation(
            "getDocument",
            "A GraphQL document that front ends may send (operators)",
            {200: Answer("With its text.", record({**_SHOWN, "text": TEXT}))},
            {404: "There is no such document."},
            parameters=(in_path("document"),),
        ),
    ),
    operator_route(
        "/api/operator/documents/{document}",
        remove,
        Operation(
            "removeDocument",
            "Refuse a document from now on (operators)",
            {204: Answer("Refused.")},
            {404: "There is no such document."},
            parameters=(in_path("document"),),
        ),
        method="DELETE",
    ),
]
