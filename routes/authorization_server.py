"""What an app's OAuth library is told of the login and the tokens (RFC 8414)."""

from typing import Final

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from routes.auth import EXCHANGE, GRANT_TYPES, LOGIN
from routes.openapi_schemas import TEXT, NamedSchema, array, choice, record
from routes.operations import Answer, DescribedRoute, Operation
from routes.requests import base_url

# RFC 8414, 3: under it the metadata of an issuer without a path is found.
_WELL_KNOWN: Final = "/.well-known/oauth-authorization-server"


async def metadata(request: Request) -> Response:
    """The same for everybody: it holds no secret, and changes with a release alone."""
    issuer = base_url(request)
    body = {
        "issuer": issuer,
        # An endpoint may have a query, which clients keep (RFC 6749, 3.1): it tells an app's login from a browser's.
        "authorization_endpoint": f"{issuer}{LOGIN}?client=mobile",
        "token_endpoint": f"{issuer}{EXCHANGE}",
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "grant_types_supported": GRANT_TYPES,
        "token_endpoint_auth_methods_supported": ["none"],
        "code_challenge_methods_supported": ["S256"],
    }
    return JSONResponse(body, headers={"Cache-Control": "public, max-age=3600"})


_METADATA: Final = NamedSchema(
    "AuthorizationServer",
    record(
        {
            "issuer": TEXT,
            "authorization_endpoint": TEXT,
            "token_endpoint": TEXT,
            "response_types_supported": array(choice("code")),
            "response_modes_supported": array(choice("query")),
            "grant_types_supported": array(choice(*GRANT_TYPES)),
            "token_endpoint_auth_methods_supported": array(choice("none")),
            "code_challenge_methods_supported": array(choice("S256")),
        }
    ),
)

ROUTES = [
    DescribedRoute(
        _WELL_KNOWN,
        metadata,
        Operation(
            "authorizationServer",
            "What an app's OAuth library must know (RFC 8414)",
            {200: Answer("The endpoints, and what they take.", _METADATA)},
            description="An app is a public client: it has no secret, and any `client_id` is passed over. PKCE by S256 "
            "is demanded, and `redirect_uri` must be registered letter by letter.",
        ),
    )
]
