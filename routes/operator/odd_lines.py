"""For operators: lines of statements that bear our ids and fit no payment."""

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from domain import ids
from domain.errors import InvalidInput
from domain.ids import TransactionId
from domain.line_match import Oddity
from routes.openapi_schemas import INTEGER, TEXT, TEXT_OR_NULL, NamedSchema, array, record
from routes.operations import Answer, Operation, Parameter
from routes.operator.guard import LIMIT, NO_STORE, limit_of, operator_route
from routes.state import services_of


async def odd_lines(request: Request) -> Response:
    """What fits no payment, newest first, with the reason."""
    before = request.query_params.get("before")
    if before is not None and not ids.is_id(before, ids.TRANSACTION):
        raise InvalidInput("INVALID_ID", "Give the id of a line.", field=("before",))
    older_than = TransactionId(before) if before is not None else None
    found = await services_of(request).statement_matching.odd_lines(limit_of(request), before=older_than)
    rows = [
        {
            "id": odd.line.id,
            "reason": odd.oddity,
            "bank": odd.bank_id,
            "accountId": odd.line.account_id,
            "endToEndId": odd.line.end_to_end_id,
            "payment": odd.payment_id,
            "bookingDate": odd.line.booking_date.isoformat(),
            "amountMinor": odd.line.amount.amount_minor,
            "currency": odd.line.amount.currency,
        }
        for odd in found
    ]
    return JSONResponse({"lines": rows}, headers=NO_STORE)


_LINE = NamedSchema(
    "OddLine",
    record(
        {
            "id": TEXT,
            "reason": {"enum": [*Oddity], "description": "What of it is not as the payment has it."},
            "bank": TEXT,
            "accountId": TEXT,
            "endToEndId": {**TEXT, "description": "Our reference, as the line bears it."},
            "payment": {**TEXT_OR_NULL, "description": "Whose reference it is; null where no payment has it."},
            "bookingDate": TEXT,
            "amountMinor": {**INTEGER, "description": "Negative where money left the account."},
            "currency": TEXT,
        }
    ),
)
_BEFORE = Parameter("before", "Only lines that are older than the one with this id.", TEXT)

ROUTES = [
    operator_route(
        "/api/operator/payments/lines",
        odd_lines,
        Operation(
            "listOddLines",
            "Lines of statements that bear our references and fit no payment (operators)",
            {200: Answer("Newest first.", record({"lines": array(_LINE)}))},
            {400: "`limit` is no number, or `before` no id of a line."},
            parameters=(LIMIT, _BEFORE),
        ),
    ),
]
