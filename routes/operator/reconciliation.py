"""For operators: what differs between the vendors and what is stored here."""

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from domain.clock import text_of
from domain.reconciliation import Difference, DifferenceKind, ObjectKind
from routes.openapi_schemas import TEXT, TEXT_OR_NULL, TIME, TIME_OR_NULL, NamedSchema, array, record
from routes.operations import Answer, Body, Operation, in_path
from routes.operator.guard import LIMIT, NO_STORE, QUEUED, limit_of, operator_route
from routes.requests import FORM, read_form
from routes.state import services_of


async def differences(request: Request) -> Response:
    """What differs, oldest first."""
    found = await services_of(request).reconciliation.open(limit_of(request))
    return JSONResponse({"differences": [_shown(one) for one in found]}, headers=NO_STORE)


async def run(request: Request) -> Response:
    """Compare everything of the last days now."""
    await services_of(request).reconciliation.ask()
    return Response(status_code=202)


async def close(request: Request) -> Response:
    """Close a difference that was dealt with; the reason is kept."""
    reason = (await read_form(request)).get("reason", "")
    await services_of(request).reconciliation.close(request.path_params["difference"], reason)
    return Response(status_code=204)


def _shown(one: Difference) -> dict[str, object]:
    amount = one.listed.amount
    return {
        "id": one.id,
        "difference": one.kind,
        "vendor": one.vendor,
        "object": one.listed.kind,
        "vendorObjectId": one.listed.reference,
        "ourId": one.our_id,
        "theirs": one.listed.status,
        "ours": one.ours,
        "amountMinor": amount.amount_minor if amount else None,
        "currency": amount.currency if amount else None,
        "foundAt": text_of(one.found_at) if one.found_at else None,
        "toldAt": text_of(one.told_at) if one.told_at else None,
    }


_DIFFERENCE = NamedSchema(
    "OperatorDifference",
    record(
        {
            "id": TEXT,
            "difference": {"enum": [*DifferenceKind]},
            "vendor": TEXT,
            "object": {"enum": [*ObjectKind]},
            "vendorObjectId": {**TEXT, "description": "The vendor's id; ours of what the bank's statement lacks."},
            "ourId": TEXT_OR_NULL,
            "theirs": {**TEXT_OR_NULL, "description": "How the vendor had it."},
            "ours": {**TEXT_OR_NULL, "description": "How it was here then."},
            "amountMinor": {"type": ["integer", "null"]},
            "currency": TEXT_OR_NULL,
            "foundAt": TIME,
            "toldAt": {**TIME_OR_NULL, "description": "When operators were alerted."},
        }
    ),
)

_REASON = {**TEXT, "minLength": 1, "maxLength": 500, "description": "How it was mended; kept in the audit trail."}

ROUTES = [
    operator_route(
        "/api/operator/reconciliation",
        differences,
        Operation(
            "listDifferences",
            "What differs between the vendors and what is stored here (operators)",
            {200: Answer("Oldest first.", record({"differences": array(_DIFFERENCE)}))},
            {400: "`limit` is no number."},
            parameters=(LIMIT,),
        ),
    ),
    operator_route(
        "/api/operator/reconciliation/run",
        run,
        Operation("runReconciliation", "Compare everything of the last days now (operators)", QUEUED),
        method="POST",
    ),
    operator_route(
        "/api/operator/reconciliation/{difference}/close",
        close,
        Operation(
            "closeDifference",
            "Close a difference that was dealt with (operators)",
            {204: Answer("Closed.")},
            {400: "No reason.", 404: "None is open with this id."},
            parameters=(in_path("difference"),),
            body=Body(record({"reason": _REASON}), FORM),
        ),
        method="POST",
    ),
]
