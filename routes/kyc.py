"""KYC over REST, as Drop's other parts call it."""

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from domain.errors import Forbidden, Unauthenticated
from routes.requests import sign_in_of
from routes.state import services_of


async def initiate(request: Request) -> Response:
    """The same as `startKyc`. It writes, so another site's page may not call it, and no cache may keep it."""
    if request.headers.get("sec-fetch-site") == "cross-site":
        raise Forbidden("Not from another site.")
    sign_in = await sign_in_of(request)
    if sign_in is None:
        raise Unauthenticated
    started = await services_of(request).kyc.start(sign_in.user_id)
    body = {
        "status": started.kyc.status,
        "retryRequired": started.kyc.retry_required,
        "accessToken": started.token.token,
        "expiresAt": started.token.expires_at.isoformat(),
    }
    return JSONResponse(body, headers={"Cache-Control": "no-store"})


ROUTES = [Route("/api/kyc/initiate", initiate)]
