"""Signing in and out: the BankID login for browsers and apps, and an app's tokens."""

import re
from typing import Final
from urllib.parse import urlencode, urljoin

import structlog
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response

from domain.audit import Anomaly
from domain.errors import DropError, InvalidInput
from domain.login import LoginAttempt
from domain.session import LOGIN_ATTEMPT_LIFETIME, SessionClient
from routes.client_address import client_network
from routes.openapi_schemas import INTEGER, SHORT_TEXT, TEXT, NamedSchema, choice, record
from routes.operations import SIGNED_IN, TOO_OFTEN, Answer, Body, DescribedRoute, Operation, Parameter
from routes.pages import Words, page, wants_json, wants_page
from routes.problems import drop_error, problem
from routes.requests import (
    FORM,
    InvalidForm,
    base_url,
    bearer_token,
    cookie_name,
    is_https,
    person_of,
    read_form,
    require_same_site,
    sign_in_of,
)
from routes.state import route_settings_of, services_of
from services.limits import LimitName
from services.users.app_tokens import InvalidGrant, StepUpOfUnknown, Tokens
from services.users.login import BankIdAway, LoginCompletedBefore, LoginOfAnotherBrowser, LoginStart

LOGIN: Final = "/auth/bankid/login"
_LOGIN_COOKIE: Final = "drop_login_"
# A browser's logins that are open at once; an older one ends, so that cookies do not grow without end.
_MOST_LOGINS: Final = 5
# RFC 7636, 4.1.
_VERIFIER: Final = re.compile("[A-Za-z0-9._~-]{43,128}")
CALLBACK: Final = "/auth/bankid/callback"
EXCHANGE: Final = "/auth/token"
GRANT_TYPES: Final = ("authorization_code", "refresh_token")
_LONGEST: Final = 512
_SEE_OTHER: Final = 303
# The codes of OAuth 2.0 and OpenID Connect (bankid.md, Authorization request); other text of a browser is not repeated.
_ERRORS: Final = frozenset(
    {
        "access_denied",
        "interaction_required",
        "login_required",
        "invalid_request",
        "invalid_scope",
        "unauthorized_client",
        "unsupported_response_type",
        "temporarily_unavailable",
        "server_error",
    }
)
_log = structlog.get_logger()
_NO_STORE: Final = {"Cache-Control": "no-store"}


async def login(request: Request) -> Response:
    """Send the browser to BankID; with `step_up` although somebody is signed in, to ask them again."""
    query = request.query_params
    client = query.get("client", "web")
    if client not in ("web", "mobile"):
        raise InvalidInput("INVALID_CLIENT", "client is web or mobile.", field=("client",))
    await services_of(request).limits.require(LimitName.SIGN_INS, client_network(request))
    is_mobile = client == "mobile"
    start = LoginStart(
        client=SessionClient.MOBILE if is_mobile else SessionClient.WEB,
        return_to=_given(query.get("redirect_uri" if is_mobile else "return_to"))
        or route_settings_of(request).default_return_to,
        callback_uri=f"{base_url(request)}{CALLBACK}",
        login_hint=_given(query.get("persona")),
        app_state=_given(query.get("state")),
        app_code_challenge=_given(query.get("code_challenge")),
        step_up=query.get("step_up") == "true",
        sign_in=None if is_mobile else await person_of(request),
    )
    try:
        redirect = await services_of(request).login.start(start)
    except BankIdAway as error:
        if wants_json(request):
            return await drop_error(request, error)
        return RedirectResponse(error.return_to, _SEE_OTHER, headers=_NO_STORE)
    response = RedirectResponse(redirect.url, _SEE_OTHER, headers=_NO_STORE)
    for oldest in sorted(_login_cookies(request))[: -_MOST_LOGINS + 1]:
        name = f"{_login_prefix(request)}{oldest}"
        response.delete_cookie(name, secure=is_https(request), httponly=True, samesite="lax")
    response.set_cookie(
        f"{_login_prefix(request)}{redirect.attempt_id}",
        redirect.browser_secret,
        max_age=int(LOGIN_ATTEMPT_LIFETIME.total_seconds()),
        secure=is_https(request),
        httponly=True,
        samesite="lax",
    )
    return response


def _login_prefix(request: Request) -> str:
    """`__Host-` lets no other host of our domain plant one; clients refuse it on plain-http loopback."""
    return f"__Host-{_LOGIN_COOKIE}" if is_https(request) else _LOGIN_COOKIE


def _login_cookies(request: Request) -> dict[str, str]:
    """The secrets of the logins that this browser has open, by attempt: ids sort by time."""
    prefix = _login_prefix(request)
    return {name.removeprefix(prefix): value for name, value in request.cookies.items() if name.startswith(prefix)}


async def callback(request: Request) -> Response:
    """Take the browser back from BankID, open the session, and go on."""
    query = request.query_params
    await services_of(request).limits.require(LimitName.LOGIN_RETURNS, client_network(request))
    if "error" in query:
        _log.info("login_not_completed", error=query["error"] if query["error"] in _ERRORS else "other")
    try:
        done = await services_of(request).login.finish(
            state=query.get("state", "")[:_LONGEST],
            code=None if "error" in query else _given(query.get("code")),
            issuer=_given(query.get("iss")),
            error=query.get("error"),
            browser_secrets=_login_cookies(request),
            user_agent=_given(request.headers.get("user-agent")),
            sign_in=await sign_in_of(request),
        )
    except LoginOfAnotherBrowser as error:
        _count_failed(request, error)
        return await _login_failed(request, error, _start_again(error.attempt))
    except LoginCompletedBefore as error:
        if not wants_page(request):
            return await drop_error(request, error)
        return page(request, 200, Words.SIGNED_IN, error.text, {Words.BACK_TO_APP: error.return_to})
    except DropError as error:
        _count_failed(request, error)
        return await _login_failed(request, error, LOGIN)
    if done.problem is not None:
        _count_failed(request, done.problem)
    if done.problem is not None and wants_json(request):
        return await drop_error(request, done.problem)
    response = RedirectResponse(done.return_to, _SEE_OTHER, headers=_NO_STORE)
    if done.session_token is not None:
        response.set_cookie(
            cookie_name(request),
            done.session_token,
            max_age=route_settings_of(request).web_session_s,
            secure=is_https(request),
            httponly=True,
            samesite="lax",
        )
    return response


def _count_failed(request: Request, problem: DropError) -> None:
    """Count a failed sign-in, unless its person has left BankID's page or BankID is away."""
    if request.query_params.get("error") != "access_denied" and not isinstance(problem, BankIdAway):
        services_of(request).audit.count(Anomaly.SIGN_IN_FAILED, "login")


async def logout(request: Request) -> Response:
    """End the session and its open WebSockets. Safe to repeat.

    Where BankID keeps a session of its own, the answer names the page that ends it.
    """
    require_same_site(request)
    sign_in, services = await sign_in_of(request), services_of(request)
    url = None
    if sign_in is not None:
        return_to = urljoin(f"{base_url(request)}/", route_settings_of(request).default_return_to)
        url = await services.login.end_session_url(sign_in, return_to)
        await services.sessions.end(sign_in.user_id, sign_in.session_id)
    response: Response
    if url is None:
        response = Response(status_code=204, headers=_NO_STORE)
    else:
        response = JSONResponse({"endSessionUrl": url}, headers=_NO_STORE)
    if bearer_token(request.headers) is None:
        response.delete_cookie(cookie_name(request), secure=is_https(request), httponly=True, samesite="lax")
        # What the browser keeps of the user; cookies are deleted by name, as an app's login may be under way.
        response.headers["Clear-Site-Data"] = '"cache", "storage"'
    return response


async def token(request: Request) -> Response:
    """An app's one-time code or refresh token for new tokens (RFC 6749, 4.1.3 and 6)."""
    await services_of(request).limits.require(LimitName.TOKEN_EXCHANGES, client_network(request))
    try:
        form = await read_form(request)
    except InvalidForm as error:
        return _oauth_error("invalid_request", error.message)
    match form.get("grant_type"):
        case "authorization_code" if form.get("code") and form.get("code_verifier"):
            if _VERIFIER.fullmatch(form["code_verifier"]) is None:
                return _oauth_error("invalid_request", "code_verifier has 43 to 128 characters of RFC 7636, 4.1.")
            user_agent = _given(request.headers.get("user-agent"))
            exchange = services_of(request).app_tokens.exchange_code(
                form["code"], form["code_verifier"], user_agent, form.get("refresh_token") or None
            )
        case "refresh_token" if form.get("refresh_token"):
            exchange = services_of(request).app_tokens.refresh(form["refresh_token"])
        case "authorization_code" | "refresh_token":
            return _oauth_error("invalid_request", "Send code and code_verifier, or refresh_token.")
        case _:
            return _oauth_error("unsupported_grant_type", "grant_type is authorization_code or refresh_token.")
    try:
        return _tokens(await exchange)
    except InvalidGrant as error:
        services_of(request).audit.count(Anomaly.SIGN_IN_FAILED, "token")
        return _oauth_error(error.code, error.message)
    except StepUpOfUnknown as error:
        return _oauth_error(error.code, error.message)


def _tokens(tokens: Tokens) -> Response:
    body = {
        "access_token": tokens.access_token,
        "token_type": "Bearer",
        "expires_in": tokens.expires_in_s,
        "refresh_token": tokens.refresh_token,
    }
    return JSONResponse(body, headers=_NO_STORE)


def _oauth_error(error: str, description: str) -> Response:
    return problem(400, error, description, headers=_NO_STORE, error=error, error_description=description)


async def _login_failed(request: Request, error: DropError, start_again: str) -> Response:
    answer = await drop_error(request, error)
    if not wants_page(request):
        return answer
    links = {Words.START_AGAIN: start_again, Words.BACK_TO_DROP: route_settings_of(request).default_return_to}
    return page(request, answer.status_code, Words.NOT_SIGNED_IN, error.text, links)


def _start_again(attempt: LoginAttempt) -> str:
    """The address that begins the same login once more, from the same client and for the same return address."""
    is_mobile = attempt.client is SessionClient.MOBILE
    query = {
        "client": attempt.client.value.lower(),
        "redirect_uri" if is_mobile else "return_to": attempt.return_to,
        "state": attempt.app_state,
        "code_challenge": attempt.app_code_challenge,
        "step_up": "true" if attempt.max_age_s is not None else None,
    }
    return f"{LOGIN}?{urlencode({name: value for name, value in query.items() if value is not None})}"


def _given(text: str | None) -> str | None:
    return text if text and len(text) <= _LONGEST and text.isprintable() else None


_AWAY: Final = "BankID is away."
_GRANT: Final = record(
    {
        "grant_type": choice(*GRANT_TYPES),
        "code": TEXT,
        "code_verifier": TEXT,
        "refresh_token": TEXT,
    },
    optional=("code", "code_verifier", "refresh_token"),
)
_TOKENS: Final = NamedSchema(
    "Tokens",
    record(
        {
            "access_token": TEXT,
            "token_type": choice("Bearer"),
            "expires_in": {**INTEGER, "description": "Seconds."},
            "refresh_token": TEXT,
        }
    ),
)

ROUTES = [
    DescribedRoute(
        LOGIN,
        login,
        Operation(
            "login",
            "Send the browser to BankID",
            {303: Answer("To BankID, or back with `error` and `state` where it is away.")},
            {400: "An address that is not allowed, or a missing challenge.", 429: TOO_OFTEN, 503: _AWAY},
            description="An app sends `client=mobile` with its own PKCE `code_challenge` and `redirect_uri`, "
            "and gets a one-time code there. A login that is cancelled or fails comes back to the same address with "
            "`error` (RFC 6749, 4.1.2.1: access_denied, server_error or temporarily_unavailable) and `state`.",
            parameters=(
                Parameter("client", "web or mobile", {**SHORT_TEXT, "enum": ["web", "mobile"]}),
                Parameter("return_to", "Where the browser goes afterwards: a path here or an allowed address."),
                Parameter("redirect_uri", "The app link that takes the code (mobile), as it is registered."),
                Parameter("state", "The client's own state; comes back with an app's code, and with `error`."),
                Parameter("code_challenge", "S256 of the app's code_verifier (mobile)."),
                Parameter(
                    "step_up",
                    "true asks whoever is signed in again, for what answers STEP_UP_REQUIRED.",
                    {**SHORT_TEXT, "enum": ["true", "false"]},
                ),
                Parameter("persona", "Signs a test person in with one click (mock mode)."),
            ),
        ),
    ),
    DescribedRoute(
        CALLBACK,
        callback,
        Operation(
            "loginCallback",
            "Take the browser back from BankID",
            {303: Answer("On to the return address, with `error` and `state` where nobody was signed in.")},
            {
                400: "Unknown or of another browser; JSON is asked for, and the login failed.",
                429: TOO_OFTEN,
                503: _AWAY,
            },
            parameters=(
                Parameter("state", "As given at the start."),
                Parameter("code", "BankID's one-time code."),
                Parameter("error", "Set where the login was not completed."),
            ),
        ),
    ),
    DescribedRoute(
        "/auth/logout",
        logout,
        Operation(
            "logout",
            "End the session and its open WebSockets",
            {
                200: Answer(
                    "Signed out; `endSessionUrl` is the page that ends BankID's own session, too.",
                    record({"endSessionUrl": TEXT}),
                ),
                204: Answer("Signed out; safe to repeat."),
            },
            {401: "The access token is unknown or expired.", 403: "May come from another site."},
            security=(*SIGNED_IN, {}),
        ),
        method="POST",
    ),
    DescribedRoute(
        EXCHANGE,
        token,
        Operation(
            "token",
            "An app's one-time code or refresh token for new tokens",
            {200: Answer("New tokens.", _TOKENS)},
            {400: "invalid_request, invalid_grant or unsupported_grant_type.", 429: TOO_OFTEN},
            description="RFC 6749, 4.1.3 and 6. A refresh token is rotated at each use; "
            "one used twice ends its session. A code may come with the `refresh_token` that the app holds, and after "
            "`step_up=true` must: its session ends, and the new one takes its place.",
            body=Body(_GRANT, FORM),
        ),
        method="POST",
    ),
]
