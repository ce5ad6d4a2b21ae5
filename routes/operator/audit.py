"""For operators: the audit trail of one user, payment or other object."""

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from domain import ids
from domain.clock import text_of
from domain.errors import InvalidInput
from routes.openapi_schemas import OBJECT, TEXT, TEXT_OR_NULL, TIME, NamedSchema, array, record
from routes.operations import Answer, Operation, Parameter
from routes.operator.guard import LIMIT, NO_STORE, limit_of, operator_route
from routes.state import services_of


async def trail(request: Request) -> Response:
    """What is audited of a user or an object, newest first. The look is an entry itself."""
    given = {name: request.query_params.get(name, "") for name in ("user", "object")}
    before = request.query_params.get("before")
    if not all(value.isprintable() for value in given.values()):
        raise InvalidInput("INVALID_ID", "Give an id.", field=("user",))
    if before is not None and not ids.is_id(before, ids.AUDIT_ENTRY):
        raise InvalidInput("INVALID_ID", "Give the id of an entry.", field=("before",))
    found = await services_of(request).audit.page(given, before, limit_of(request))
    return JSONResponse(
        {"entries": [{**entry.as_json(), "at": text_of(entry.at)} for entry in found]}, headers=NO_STORE
    )


_ENTRY = NamedSchema(
    "AuditEntry",
    record(
        {
            "id": TEXT,
            "action": TEXT,
            "at": TIME,
            "user": TEXT_OR_NULL,
            "operator": {**TEXT_OR_NULL, "description": "Who did it, where an operator did."},
            "object": TEXT_OR_NULL,
            "detail": OBJECT,
        }
    ),
)

ROUTES = [
    operator_route(
        "/api/operator/audit",
        trail,
        Operation(
            "auditTrail",
            "What is audited of one user or object (operators)",
            {200: Answer("Newest first.", record({"entries": array(_ENTRY)}))},
            {400: "Neither or both of `user` and `object`, or `before` is no id of an entry."},
            parameters=(
                Parameter("user", "The user's id.", TEXT),
                Parameter("object", "A payment's or another object's id.", TEXT),
                LIMIT,
                Parameter("before", "Only entries that are older than the one with this id.", TEXT),
            ),
        ),
    ),
]
