"""KYC over REST, as Drop's other parts call it."""

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from domain.clock import text_of
from domain.errors import Forbidden, Unauthenticated
from routes.openapi_schemas import BOOLEAN, TEXT, TEXT_OR_NULL, TIME, NamedSchema, choice, record
from routes.operations import SIGNED_IN, Answer, DescribedRoute, Operation
from routes.requests import person_of
from routes.state import services_of


async def initiate(request: Request) -> Response:
    """The same as `startKyc`. It writes, so another site's page may not call it, and no cache may keep it."""
    if request.headers.get("sec-fetch-site") == "cross-site":
        raise Forbidden("Not from another site.")
    sign_in = await person_of(request)
    if sign_in is None:
        raise Unauthenticated
    started = await services_of(request).kyc.start(sign_in.user_id)
    body = {
        "status": started.kyc.status,
        "retryRequired": started.kyc.retry_required,
        "accessToken": started.token.token,
        "url": started.token.url,
        "expiresAt": text_of(started.token.expires_at),
    }
    return JSONResponse(body, headers={"Cache-Control": "no-store"})


_KYC_ACCESS = NamedSchema(
    "KycAccess",
    record(
        {
            "status": choice("NOT_STARTED", "PENDING", "APPROVED", "REJECTED"),
            "retryRequired": BOOLEAN,
            "accessToken": TEXT,
            "url": {**TEXT_OR_NULL, "description": "A page that the token opens; null where there is the SDK alone."},
            "expiresAt": TIME,
        }
    ),
)

ROUTES = [
    DescribedRoute(
        "/api/kyc/initiate",
        initiate,
        Operation(
            "initiateKyc",
            "Begin or go on with the verification",
            {200: Answer("A token for the vendor's SDK, for 30 minutes.", _KYC_ACCESS)},
            {
                401: "Signed out.",
                403: "From another site.",
                409: "Approved or rejected already.",
                503: "Verification temporarily unavailable.",
            },
            description="The same as the mutation startKyc.",
            security=SIGNED_IN,
        ),
    )
]
