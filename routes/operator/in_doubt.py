"""For operators: payments whose outcome is not known."""

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from domain.ids import PaymentId
from domain.payment import Payment
from routes.operator.guard import NO_STORE, for_operators, limit_of
from routes.requests import read_form
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
        "createdAt": payment.created_at.isoformat(),
    }


ROUTES = [
    Route("/api/operator/payments/doubts", for_operators(in_doubt)),
    Route("/api/operator/payments/{payment}/resolve", for_operators(resolve), methods=["POST"]),
]
