"""The way back from a bank's page."""

from typing import Final

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from domain.errors import NotFound
from routes.operations import Answer, DescribedRoute, Operation, Parameter
from routes.requests import device
from routes.state import services_of

_LONGEST: Final = 200


async def callback(request: Request) -> Response:
    """Read at the bank what became of it, and send the user on. Returning proves nothing by itself."""
    state = request.query_params.get("state", "")[:_LONGEST]
    services = services_of(request)
    query = dict(request.query_params)
    target = await services.bank_links.returned(state, query, device(request))
    if target is None:
        target = await services.payments.returned(state, query, device(request))
    if target is None:
        raise NotFound("This way back from the bank is unknown. Start again in the app.", field=("state",))
    return RedirectResponse(target, 303, headers={"Cache-Control": "no-store"})


ROUTES = [
    DescribedRoute(
        "/api/openbanking/callback",
        callback,
        Operation(
            "bankCallback",
            "The way back from a bank's page",
            {303: Answer("On to the return address.")},
            {404: "Unknown state."},
            parameters=(Parameter("state", "As given to the bank."),),
        ),
    )
]
