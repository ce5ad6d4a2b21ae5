"""For operators: payments whose outcome is not known."""

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from domain.clock import text_of
from domain.ids import PaymentId
from domain.payment import Payment
from routes.openapi_schemas import BOOLEAN, TEXT, TEXT_OR_NULL, TIME, NamedSchema, array, record
from routes.operations import Answer, Body, Operation, in_path
from routes.operator.guard import LIMIT, NO_STORE, limit_of, operator_route
from routes.requests import FORM, read_form
from routes.state import services_of


async def in_doubt(request: Request) -> Response:
    """What is in doubt, oldest first."""
    found = await services_of(request).in_doubt.oldest(limit_of(request))
    return JSONResponse({"payments": [_shown(payment) for payment in found]}, headers=NO_STORE)


async def resolve(request: Request) -> Response:
    """End a doubt by what the bank or card vendor has said; the reason is kept."""
    form = await read_form(request)
    payment_id = PaymentId(request.path_params["payment"])
    done = await services_of(request).in_doubt.resolve(payment_id, form.get("outcome", ""), form.get("reason", ""))
    return JSONResponse(_shown(done), headers=NO_STORE)


def _shown(payment: Payment) -> dict[str, object]:
    return {
        "id": payment.id,
        "status": payment.status,
        "inDoubt": payment.in_doubt,
        "rail": payment.rail,
        "vendor": payment.vendor,
        "vendorPaymentId": payment.vendor_payment_id,
        "endToEndId": payment.end_to_end_id,
        "createdAt": text_of(payment.created_at),
    }


_PAYMENT = NamedSchema(
    "OperatorPayment",
    record(
        {
            "id": TEXT,
            "status": TEXT,
            "inDoubt": BOOLEAN,
            "rail": {"enum": ["BANK", "CARD"]},
            "vendor": TEXT,
            "vendorPaymentId": TEXT_OR_NULL,
            "endToEndId": {**TEXT, "description": "Our reference, as the bank knows it."},
            "createdAt": TIME,
        }
    ),
)
_REASON = {**TEXT, "minLength": 1, "maxLength": 500, "description": "How it is known; kept in the audit trail."}

ROUTES = [
    operator_route(
        "/api/operator/payments/doubts",
        in_doubt,
        Operation(
            "listDoubts",
            "Payments whose outcome nobody knows (operators)",
            {200: Answer("Oldest first.", record({"payments": array(_PAYMENT)}))},
            {400: "`limit` is no number."},
            parameters=(LIMIT,),
        ),
    ),
    operator_route(
        "/api/operator/payments/{payment}/resolve",
        resolve,
        Operation(
            "resolvePayment",
            "End a doubt by what the bank or card vendor has said (operators)",
            {200: Answer("As it stands.", _PAYMENT)},
            {400: "Another outcome, or no reason.", 404: "Unknown.", 409: "It is not in doubt."},
            parameters=(in_path("payment"),),
            body=Body(record({"outcome": {"enum": ["SETTLED", "FAILED"]}, "reason": _REASON}), FORM),
        ),
        method="POST",
    ),
]
