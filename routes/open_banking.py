"""The way back from a bank's page."""

from typing import Final
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response

from domain.errors import InvalidInput, Unauthenticated
from routes.auth import LOGIN
from routes.openapi_schemas import TEXT, record
from routes.operations import SIGNED_IN, Answer, Body, DescribedRoute, Operation, Parameter
from routes.pages import Words, page, wants_json, wants_page
from routes.requests import FORM, device, person_of, read_form, require_same_site
from routes.state import route_settings_of, services_of
from services.returns.bank_returns import SignInFirst

CALLBACK: Final = "/api/openbanking/callback"
_LONGEST: Final = 200
_SEE_OTHER: Final = 303
_NO_STORE: Final = {"Cache-Control": "no-store"}


async def callback(request: Request) -> Response:
    """Take whoever the bank sends back. It counts for the user who went there, whose status is read at the bank."""
    query, returns, sign_in = dict(request.query_params), services_of(request).bank_returns, await person_of(request)
    if "resume" in query:
        code = query["resume"][:_LONGEST]
        if sign_in is None:
            return _not_signed_in(request, code)
        target: str | SignInFirst = (await returns.resumed(code, device(request), sign_in)).target
    else:
        target = await returns.arrived(query.get("state", "")[:_LONGEST], query, device(request), sign_in)
    if not isinstance(target, SignInFirst):
        return RedirectResponse(target, _SEE_OTHER, headers=_NO_STORE)
    if wants_json(request):
        raise Unauthenticated
    return RedirectResponse(_sign_in_for(target.code), _SEE_OTHER, headers=_NO_STORE)


async def redeem(request: Request) -> Response:
    """Complete what an app's user has approved, by the one-time code of the app link, for the app's own user."""
    require_same_site(request)
    sign_in = await person_of(request)
    if sign_in is None:
        raise Unauthenticated
    code = (await read_form(request)).get("code", "")[:_LONGEST]
    if not code:
        raise InvalidInput("INVALID_CODE", "Send the returnCode of the app link as code.", field=("code",))
    finished = await services_of(request).bank_returns.resumed(code, device(request), sign_in)
    return JSONResponse(finished.told, headers=_NO_STORE)


def _sign_in_for(code: str) -> str:
    back = f"{CALLBACK}?{urlencode({'resume': code})}"
    return f"{LOGIN}?{urlencode({'return_to': back})}"


def _not_signed_in(request: Request, code: str) -> Response:
    if not wants_page(request):
        raise Unauthenticated
    links = {Words.START_AGAIN: _sign_in_for(code), Words.BACK_TO_DROP: route_settings_of(request).default_return_to}
    return page(request, 401, Words.NOT_SIGNED_IN, Unauthenticated().text, links)


ROUTES = [
    DescribedRoute(
        CALLBACK,
        callback,
        Operation(
            "bankCallback",
            "The way back from a bank's page",
            {303: Answer("On to the return address, or to BankID first where nobody is signed in.")},
            {
                401: "Nobody is signed in: a page for a browser.",
                403: "Another user is signed in: what was begun is ended.",
                404: "Unknown state.",
                409: "What was brought back has run out.",
            },
            description="Completes a visit that a browser began for the user of that browser's session alone. "
            "What an app began with its token goes on to the return address with `returnCode`, which the app "
            "redeems; what nobody comes for within ten minutes is ended.",
            parameters=(
                Parameter("state", "As given to the bank."),
                Parameter("resume", "The one-time code of a return whose user had to sign in first."),
            ),
        ),
    ),
    DescribedRoute(
        "/api/openbanking/return",
        redeem,
        Operation(
            "redeemBankReturn",
            "Complete an app's visit to a bank's page",
            {
                200: Answer(
                    "How the visit ended, as the return address of a browser has it.",
                    record({"outcome": TEXT, "bankLink": TEXT, "payment": TEXT}, optional=("bankLink", "payment")),
                )
            },
            {
                400: "No code.",
                401: "Nobody is signed in.",
                403: "Another user began the visit: it is ended.",
                404: "Unknown code.",
                409: "The code has run out.",
            },
            description="The app link that a bank's page leads to carries `returnCode`: send it as `code`, with the "
            "access token of the user who began the visit. Safe to repeat.",
            security=SIGNED_IN,
            body=Body(record({"code": TEXT}), FORM),
        ),
        method="POST",
    ),
]
