"""The way back from the page of a card's bank."""

from typing import Final

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from routes.operations import Answer, DescribedRoute, Operation, Parameter
from routes.requests import person_of
from routes.state import services_of

CALLBACK: Final = "/api/cards/callback"
_LONGEST: Final = 200


async def callback(request: Request) -> Response:
    """Read at the card vendor what became of it for its own user, and send the browser on."""
    state = request.query_params.get("state", "")[:_LONGEST]
    target = await services_of(request).card_returns.arrived(state, await person_of(request))
    return RedirectResponse(target, 303, headers={"Cache-Control": "no-store"})


ROUTES = [
    DescribedRoute(
        CALLBACK,
        callback,
        Operation(
            "cardCallback",
            "The way back from the page of a card's bank",
            {303: Answer("On to the return address.")},
            {403: "Another user is signed in: nothing is told.", 404: "Unknown state."},
            description="`outcome` is told to the user who pays, where the browser has that user's session; else it is "
            "`unknown`, and the client reads the object as its user.",
            parameters=(Parameter("state", "As given to the card vendor."),),
        ),
    )
]
