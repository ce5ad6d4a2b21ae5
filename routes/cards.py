"""The way back from the page of a card's bank."""

from typing import Final

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from domain.errors import NotFound
from routes.operations import Answer, DescribedRoute, Operation, Parameter
from routes.state import services_of

CALLBACK: Final = "/api/cards/callback"
_LONGEST: Final = 200


async def callback(request: Request) -> Response:
    """Read at the card vendor what became of it, and send the user on. Returning proves nothing by itself."""
    state = request.query_params.get("state", "")[:_LONGEST]
    services = services_of(request)
    target = await services.card_payments.returned(state) or await services.plans.returned(state)
    if target is None:
        raise NotFound("This way back from the card's page is unknown. Start again in the app.", field=("state",))
    return RedirectResponse(target, 303, headers={"Cache-Control": "no-store"})


ROUTES = [
    DescribedRoute(
        CALLBACK,
        callback,
        Operation(
            "cardCallback",
            "The way back from the page of a card's bank",
            {303: Answer("On to the return address.")},
            {404: "Unknown state."},
            parameters=(Parameter("state", "As given to the card vendor."),),
        ),
    )
]
