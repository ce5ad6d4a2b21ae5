"""Errors as problem documents (RFC 9457): one place translates the tree of `domain.errors`."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Final

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from domain.errors import (
    BadSignature,
    BadWebhook,
    DatabaseAway,
    DropError,
    Forbidden,
    InvalidState,
    KycRequired,
    NotFound,
    ProviderUnavailable,
    RateLimited,
    Refusal,
    Unauthenticated,
    Unavailable,
)
from domain.text import Text
from routes.pages import Words, page, wants_page
from routes.requests import BodyTooLarge
from routes.state import route_settings_of, services_of

# The first class that fits is taken, so narrow classes come before wide ones.
_STATUS: Final[Mapping[type[DropError], int]] = {
    BodyTooLarge: 413,
    NotFound: 404,
    InvalidState: 409,
    KycRequired: 403,
    ProviderUnavailable: 503,
    Refusal: 400,
    Unauthenticated: 401,
    Forbidden: 403,
    BadSignature: 401,
    BadWebhook: 400,
    Unavailable: 503,
    DatabaseAway: 503,
    RateLimited: 429,
}
_RETRY_AFTER_S: Final = "30"
# What a restart or a failover of the database takes, as a rule.
DATABASE_RETRY_AFTER_S: Final = "5"


def problem(
    status: int, code: str, detail: str, *, headers: Mapping[str, str] | None = None, **more: object
) -> Response:
    """`type` is about:blank, so `title` is the status' own phrase (RFC 9457, 4.2.1); `code` is for programs."""
    body = {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
        "code": code,
        **more,
    }
    return JSONResponse(body, status, headers=headers, media_type="application/problem+json")


def status_of(kind: type[DropError]) -> int:
    """The HTTP status by which errors of a class are answered."""
    return next((status for wide, status in _STATUS.items() if issubclass(kind, wide)), 400)


async def drop_error(request: Request, error: Exception) -> Response:
    """A page where a browser asks, a problem document for programs."""
    assert isinstance(error, DropError)
    status = status_of(type(error))
    headers = {}
    if status == 503:
        headers["Retry-After"] = DATABASE_RETRY_AFTER_S if isinstance(error, DatabaseAway) else _RETRY_AFTER_S
    if isinstance(error, RateLimited):
        headers["Retry-After"] = str(error.retry_after_s)
    if status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    more = {"field": list(error.field)} if isinstance(error, Refusal) and error.field else {}
    # A vendor's own message is for operators alone.
    detail = (
        "A provider is temporarily unavailable. Try again soon." if isinstance(error, Unavailable) else error.message
    )
    if wants_page(request):
        return error_page(request, status, error.text, headers)
    return problem(status, error.code, detail, headers=headers, **more)


async def http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    code = HTTPStatus(error.status_code).name
    if wants_page(request):
        is_nowhere = error.status_code == HTTPStatus.NOT_FOUND
        text = Text("page", Words.NOTHING_HERE) if is_nowhere else Text("error", "BAD_USER_INPUT")
        return error_page(request, error.status_code, text, error.headers)
    return problem(error.status_code, code, error.detail, headers=error.headers)


async def unexpected(request: Request, error: Exception) -> Response:
    """A bug: a reference id to the caller, the rest to the log."""
    reference = services_of(request).incidents.unhandled(error, where=request.url.path)
    detail = f"Something went wrong on our side. Reference: {reference}"
    if wants_page(request):
        return error_page(request, 500, Text("error", "INTERNAL", {"reference": reference}))
    return problem(500, "INTERNAL", detail)


def error_page(request: Request, status: int, text: Text, headers: Mapping[str, str] | None = None) -> Response:
    """The same for a person: what went wrong, and the way back to where users go by default."""
    title = Words.NOT_FOUND if status == HTTPStatus.NOT_FOUND else Words.FAILED
    ways = {Words.BACK_TO_DROP: route_settings_of(request).default_return_to}
    return page(request, status, title, text, ways, headers)
