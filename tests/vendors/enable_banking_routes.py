"""The addresses of Enable Banking's face, and what it demands of every request."""

from datetime import UTC, datetime, timedelta

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import RSAKey
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from tests.vendors.enable_banking import APP_ID, OUR_KEY, EnableBanking, refuse
from tests.vendors.face import Endpoint, face


def app(vendor: EnableBanking) -> Starlette:
    def api(path: str, method: str, endpoint: Endpoint) -> Route:
        async def checked(request: Request) -> Response:
            _demand_token(request, vendor.clock.now())
            if vendor.odd_payments.gone and vendor.odd_payments.has_forgotten(request):
                raise refuse(*vendor.odd_payments.gone)
            return await endpoint(request)

        return Route(path, checked, methods=[method])

    return face(
        [
            Route("/page/{slot}", vendor.page),
            Route("/back/{slot}", vendor.back),
            Route("/keys/webhook.pem", vendor.key),
            api("/application", "GET", vendor.application),
            api("/aspsps", "GET", vendor.banks),
            api("/auth", "POST", vendor.auth),
            api("/sessions", "POST", vendor.open_session),
            api("/sessions/{session}", "GET", vendor.session),
            api("/sessions/{session}", "DELETE", vendor.close_session),
            api("/accounts/{uid}/details", "GET", vendor.details),
            api("/accounts/{uid}/balances", "GET", vendor.balances),
            api("/accounts/{uid}/transactions", "GET", vendor.transactions),
            api("/payments", "POST", vendor.pay),
            api("/payments/{payment}", "GET", vendor.payment),
        ]
    )


def _demand_token(request: Request, now: datetime) -> None:
    token = request.headers.get("authorization", "").removeprefix("Bearer ")
    try:
        found = jwt.decode(token, RSAKey.import_key(OUR_KEY.as_dict(private=False)), algorithms=["RS256"])
    except (JoseError, ValueError) as error:
        raise refuse(401, "UNAUTHORIZED_ACCESS") from error
    issued, ends = (datetime.fromtimestamp(found.claims[name], UTC) for name in ("iat", "exp"))
    is_right = (found.claims["iss"], found.claims["aud"]) == ("enablebanking.com", "api.enablebanking.com")
    if found.header["kid"] != APP_ID or not is_right or ends - issued > timedelta(hours=24):
        raise refuse(401, "UNAUTHORIZED_ACCESS")
