"""Reading a request: who asks, from where, and whether a browser was tricked into asking."""

from typing import Final
from urllib.parse import parse_qsl

import structlog
from starlette.datastructures import Headers
from starlette.requests import HTTPConnection, Request

from domain.device import Device
from domain.error_code import ErrorCode
from domain.errors import Forbidden, InvalidInput, Refusal, Unauthenticated
from domain.locale import accepted
from domain.redirect import is_listed
from domain.user import SignIn
from routes.state import route_settings_of, services_of

FORM: Final = "application/x-www-form-urlencoded"
_FORM_BYTES: Final = 16 * 1024
_FORM_FIELDS: Final = 20
CSRF_HEADER: Final = "x-drop-csrf"
_SAME: Final = frozenset({"same-origin"})
_SHOWN_ORIGIN: Final = 100
_log = structlog.get_logger()


class InvalidForm(InvalidInput):
    """A form body that cannot be read."""

    def __init__(self, message: str) -> None:
        super().__init__("INVALID_FORM", message, field=())


class BodyTooLarge(Refusal):
    """The request's body exceeds what its route takes. Answered 413."""

    code = ErrorCode.BODY_TOO_LARGE


def base_url(connection: HTTPConnection) -> str:
    """This gateway as the client reached it, without a slash at the end."""
    fixed = route_settings_of(connection).public_url
    if fixed is not None:
        return fixed
    scheme = {"ws": "http", "wss": "https"}.get(connection.url.scheme, connection.url.scheme)
    return f"{scheme}://{connection.url.netloc}"


def is_https(connection: HTTPConnection) -> bool:
    return base_url(connection).startswith("https://")


def cookie_name(connection: HTTPConnection) -> str:
    """The cookie's name: `__Host-` demands https, so clients refuse it on plain-http loopback."""
    return "__Host-drop_session" if is_https(connection) else "drop_session"


def device(connection: HTTPConnection) -> Device:
    """The client's device, as it is told to the user's bank."""
    address = connection.client.host if connection.client else "127.0.0.1"
    return Device.of(address, connection.headers.get("user-agent"))


def accepted_locale(connection: HTTPConnection) -> str:
    """The language that the client asks for, one that Drop speaks."""
    return accepted(", ".join(connection.headers.getlist("accept-language")))


def bearer_token(headers: Headers) -> str | None:
    scheme, _, token = headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" and token.strip() else None


async def person_of(connection: HTTPConnection) -> SignIn | None:
    """As `sign_in_of`, where a person has caused the request: the session's end moves on."""
    sign_in = await sign_in_of(connection)
    if sign_in is not None:
        await services_of(connection).sessions.note_use(sign_in)
    return sign_in


async def sign_in_of(connection: HTTPConnection) -> SignIn | None:
    """By bearer token or cookie. A stale cookie gives None; a bad bearer token raises Unauthenticated."""
    sessions = services_of(connection).sessions
    token = bearer_token(connection.headers)
    if token is not None:
        sign_in = await sessions.sign_in_of(token, is_cookie=False)
        if sign_in is None:
            raise Unauthenticated("The access token is unknown or has expired. Refresh it, or sign in again.")
        return sign_in
    cookie = connection.cookies.get(cookie_name(connection))
    return await sessions.sign_in_of(cookie, is_cookie=True) if cookie else None


def is_allowed_origin(connection: HTTPConnection) -> bool:
    """Whether `Sec-Fetch-Site` is `same-origin`, or `Origin` is this gateway or a listed origin."""
    if connection.headers.get("sec-fetch-site") in _SAME:
        return True
    origin = connection.headers.get("origin")
    return origin is not None and (
        origin == base_url(connection) or is_listed(origin, route_settings_of(connection).allowed_origins)
    )


def require_same_site(request: Request) -> None:
    """Raises Forbidden for a request that carries the session cookie and may come from another site."""
    if cookie_name(request) not in request.cookies:
        return
    if media_type_of(request) != "application/json" and CSRF_HEADER not in request.headers:
        raise Forbidden(
            f"Requests with the session cookie need Content-Type: application/json, or the header {CSRF_HEADER}."
        )
    if not is_allowed_origin(request):
        origin = request.headers.get("origin")
        _log.info("origin_refused", origin=(origin or "")[:_SHOWN_ORIGIN], allowed_by="ALLOWED_ORIGINS")
        raise Forbidden(
            "Requests with the session cookie must come from this origin or one of ALLOWED_ORIGINS: "
            + ("the header Origin names another." if origin is not None else "the header Origin is missing.")
        )


async def read_bounded(request: Request, *, at_most_bytes: int) -> bytes:
    """The raw body. Raises BodyTooLarge."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > at_most_bytes:
            raise BodyTooLarge(f"The body may have {at_most_bytes} bytes.")
    return bytes(body)


async def read_form(request: Request) -> dict[str, str]:
    """The parameters of a form body, each once; none for an empty body.

    Raises BodyTooLarge beyond 16 KiB and InvalidForm for another media type, text that is not UTF-8, a repeated
    parameter or more than 20 of them.
    """
    raw = await read_bounded(request, at_most_bytes=_FORM_BYTES)
    if raw and media_type_of(request) != FORM:
        raise InvalidForm(f"Send the parameters as {FORM}.")
    try:
        text = raw.decode("utf-8")
        pairs = parse_qsl(text, keep_blank_values=True, errors="strict", max_num_fields=_FORM_FIELDS)
    except ValueError as error:
        raise InvalidForm(f"Send at most {_FORM_FIELDS} parameters, in UTF-8.") from error
    form = dict(pairs)
    if len(form) < len(pairs):
        raise InvalidForm("Send each parameter once.")
    return form


def media_type_of(request: Request) -> str:
    """The media type that the request declares, without its parameters; empty if it declares none."""
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()
