"""What only mock mode has."""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Protocol
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response

from domain.clock import text_of
from domain.errors import Forbidden, InvalidInput
from routes.openapi_schemas import INTEGER, STATUS, TIME, TIME_OR_NULL, NamedSchema, choice, record
from routes.operations import Answer, Body, DescribedRoute, Operation
from routes.requests import FORM, is_allowed_origin, read_form
from routes.state import services_of

_UNITS_S: Final = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}
_LONGEST: Final = timedelta(days=3_660)
_DURATION: Final = re.compile(r"(?:\d{1,9}[smhd])+")
_NEXT: Final = "next"


@dataclass(frozen=True, slots=True)
class ClockReading:
    """The product's time, how far it is ahead of the machine's, and when something falls due next."""

    now: datetime
    offset: timedelta
    next_due: datetime | None


class ClockControl(Protocol):
    """Moves the one clock of mock mode. Both moves raise Forbidden where a provider is real."""

    async def advance(self, by: timedelta) -> None:
        """Move forward, doing on the way, in order, all that falls due."""

    async def advance_to_next(self) -> None:
        """Move to what falls due next, and do it."""

    async def reading(self) -> ClockReading:
        """What time it is now."""


def duration_of(text: str) -> timedelta:
    """`180d`, `1h30m`. Raises InvalidInput."""
    if _DURATION.fullmatch(text):
        parts = re.findall(r"(\d+)([smhd])", text)
        total = timedelta(seconds=sum(int(number) * _UNITS_S[unit] for number, unit in parts))
        if total <= _LONGEST:
            return total
    message = "Give a duration such as 180d or 1h30m, ten years at most, or `next`."
    raise InvalidInput("INVALID_DURATION", message, field=("advance",))


def require_same_site(request: Request) -> None:
    """Raises Forbidden for another site's page, with or without a session."""
    # A browser always names its origin on a POST; a script that sends none has no one's session to abuse.
    if "origin" in request.headers and not is_allowed_origin(request):
        raise Forbidden("Not from another site.")


def clock_of(request: Request) -> ClockControl:
    control: ClockControl = request.app.state.clock
    return control


async def clock(request: Request) -> Response:
    """What time the product believes it is."""
    reading = await clock_of(request).reading()
    return JSONResponse(_shown(reading), headers={"Cache-Control": "no-store"})


async def move_clock(request: Request) -> Response:
    """Forward by a duration, or to whatever falls due next; everything on the way happens in order."""
    require_same_site(request)
    form = await read_form(request)
    wanted, control = form.get("advance", ""), clock_of(request)
    if wanted == _NEXT:
        await control.advance_to_next()
    else:
        await control.advance(duration_of(wanted))
    if "text/html" in request.headers.get("accept", ""):
        return RedirectResponse(_page_before(request), 303)
    return JSONResponse(_shown(await control.reading()))


def _page_before(request: Request) -> str:
    try:
        page = urlsplit(request.headers.get("referer", "")).path
    except ValueError:
        return "/sandbox/"
    return page if page.startswith("/sandbox/") else "/sandbox/"


def _shown(reading: ClockReading) -> dict[str, object]:
    return {
        "now": text_of(reading.now),
        "aheadSeconds": int(reading.offset.total_seconds()),
        "nextDue": text_of(reading.next_due) if reading.next_due else None,
    }


async def reset(request: Request) -> Response:
    """`resetMockServices`: empties the database and the vendors, signs every user out, puts the clock back to now."""
    require_same_site(request)
    await services_of(request).reset.reset_mock_services()
    if "text/html" in request.headers.get("accept", ""):
        return RedirectResponse("/sandbox/", 303)
    return JSONResponse({"status": "ok"})


_CLOCK: Final = NamedSchema("Clock", record({"now": TIME, "aheadSeconds": INTEGER, "nextDue": TIME_OR_NULL}))
_ADVANCE: Final = {**choice(_NEXT, "1s", "5m"), "description": "A duration, ten years at most, or next."}

ROUTES = [
    DescribedRoute(
        "/api/mock/reset",
        reset,
        Operation(
            "resetMockServices",
            "Start over (mock mode)",
            {200: Answer("Empty.", STATUS), 303: Answer("Empty; back to the sandbox, for a browser.")},
            {403: "A provider is not a mock, or another site asks."},
            description="Empties the database and the vendors, signs everybody out, puts the clock back to now.",
        ),
        method="POST",
    ),
    DescribedRoute(
        "/api/mock/clock",
        clock,
        Operation(
            "clock",
            "What time the product believes it is (mock mode)",
            {200: Answer("The product's time.", _CLOCK)},
        ),
    ),
    DescribedRoute(
        "/api/mock/clock",
        move_clock,
        Operation(
            "moveClock",
            "Move the one clock forward (mock mode)",
            {
                200: Answer("The product's time.", _CLOCK),
                303: Answer("Moved; back to the page, for a browser."),
            },
            {400: "Not a duration.", 403: "Another site asks."},
            description="By a duration such as 180d or 1h30m, or to whatever falls due next; "
            "everything on the way happens in order.",
            body=Body(record({"advance": _ADVANCE}), FORM),
        ),
        method="POST",
    ),
]
