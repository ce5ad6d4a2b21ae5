"""For operators: timelines, webhooks, dead messages, moves. Behind a token; mock mode without one is open."""

import secrets
from collections.abc import Awaitable, Callable
from typing import Final

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from domain.errors import InvalidInput, NotFound, Unauthenticated
from domain.ids import NotificationId, PaymentId
from domain.trace import TimelineEvent
from routes.parts import parts_of
from routes.requests import bearer_token, is_allowed_origin
from services.vendor_moves import MoveReport
from services.webhooks import ReceivedWebhook

_NO_STORE: Final = {"Cache-Control": "no-store"}
_AT_MOST: Final = 500
Handler = Callable[[Request], Awaitable[Response]]


def _for_operators(handler: Handler) -> Handler:
    async def guarded(request: Request) -> Response:
        token = parts_of(request).operator_token
        if token is not None:
            given = bearer_token(request.headers) or ""
            if not secrets.compare_digest(given.encode(), token.encode()):
                raise Unauthenticated("Send the operators' token: Authorization: Bearer <OPERATOR_TOKEN>.")
        elif "origin" in request.headers and not is_allowed_origin(request):
            raise Unauthenticated("Not from another site.")
        return await handler(request)

    guarded.__doc__ = handler.__doc__
    return guarded


async def timeline(request: Request) -> Response:
    """A payment's way, oldest line first."""
    payment_id = PaymentId(request.path_params["payment"])
    events = await parts_of(request).timeline.of_payment(payment_id)
    if not events:
        raise NotFound("Nothing is known of such a payment.", field=("payment",))
    return JSONResponse({"events": [_event(one) for one in events]}, headers=_NO_STORE)


async def events(request: Request) -> Response:
    """The newest lines of all payments, or what came after a line's number."""
    after = request.query_params.get("after")
    lines = parts_of(request).timeline
    found = await lines.after(_number(after, "after")) if after is not None else await lines.newest(_limit(request))
    return JSONResponse({"events": [_event(one) for one in found]}, headers=_NO_STORE)


async def webhooks(request: Request) -> Response:
    """What was received, newest first, with what it did or why it did nothing."""
    found = await parts_of(request).webhooks.newest(_limit(request))
    return JSONResponse({"webhooks": [_webhook(one) for one in found]}, headers=_NO_STORE)


async def replay_webhook(request: Request) -> Response:
    """Have a stored webhook processed once more."""
    await parts_of(request).webhooks.replay(request.path_params["webhook"])
    return Response(status_code=202)


async def dead_notifications(request: Request) -> Response:
    """Messages that no vendor took, newest first."""
    found = await parts_of(request).notifications.dead(_limit(request))
    rows = [
        {"id": one.id, "template": one.template, "outcome": one.outcome, "createdAt": one.created_at.isoformat()}
        for one in found
    ]
    return JSONResponse({"notifications": rows}, headers=_NO_STORE)


async def replay_notification(request: Request) -> Response:
    """Send a dead message once more."""
    await parts_of(request).notifications.replay(NotificationId(request.path_params["notification"]))
    return Response(status_code=202)


async def move(request: Request) -> Response:
    """Where a port's move to another vendor stands."""
    report = await parts_of(request).moves.report(request.path_params["port"])
    return JSONResponse(_move(report), headers=_NO_STORE)


async def start_move(request: Request) -> Response:
    """Go on with a move, and have the customers moved who consented."""
    report = await parts_of(request).moves.start(request.path_params["port"])
    return JSONResponse(_move(report), status_code=202, headers=_NO_STORE)


async def revert_move(request: Request) -> Response:
    """Stop a move, and give the customers back whom it took."""
    report, count = await parts_of(request).moves.revert(request.path_params["port"])
    return JSONResponse({**_move(report), "takenBack": count}, headers=_NO_STORE)


def _event(one: TimelineEvent) -> dict[str, object]:
    note = one.note
    return {
        "number": one.number,
        "payment": one.payment_id,
        "trace": one.trace_id,
        "kind": note.kind,
        "summary": note.summary,
        "outcome": note.outcome,
        "webhook": note.webhook_id,
        "at": note.at.isoformat(),
    }


def _webhook(one: ReceivedWebhook) -> dict[str, object]:
    return {
        "id": one.id,
        "provider": one.provider,
        "eventKey": one.event_key,
        "receivedAt": one.received_at.isoformat(),
        "status": one.status,
        "outcome": one.outcome,
    }


def _move(report: MoveReport) -> dict[str, object]:
    move, counts = report.move, report.counts
    customers = counts and {
        "atOldVendor": counts.at_old_vendor,
        "willing": counts.willing,
        "moved": counts.moved,
        "plansThatStay": counts.plans,
    }
    return {
        "id": move.id,
        "port": move.port,
        "from": move.from_vendor,
        "to": move.to_vendor,
        "shareOfNewUsers": report.share,
        "beganAt": move.began_at.isoformat(),
        "stoppedAt": move.stopped_at.isoformat() if move.stopped_at else None,
        "stoppedBecause": move.stopped_because,
        "customers": customers,
    }


def _limit(request: Request) -> int:
    return min(_number(request.query_params.get("limit", "50"), "limit"), _AT_MOST)


def _number(text: str, field: str) -> int:
    if text.isascii() and text.isdigit() and len(text) <= 18:
        return int(text)
    raise InvalidInput("INVALID_NUMBER", "Give a whole number.", field=(field,))


ROUTES = [
    Route("/api/operator/payments/{payment}/timeline", _for_operators(timeline)),
    Route("/api/operator/events", _for_operators(events)),
    Route("/api/operator/webhooks", _for_operators(webhooks)),
    Route("/api/operator/webhooks/{webhook}/replay", _for_operators(replay_webhook), methods=["POST"]),
    Route("/api/operator/notifications", _for_operators(dead_notifications)),
    Route("/api/operator/notifications/{notification}/replay", _for_operators(replay_notification), methods=["POST"]),
    Route("/api/operator/moves/{port}", _for_operators(move)),
    Route("/api/operator/moves/{port}", _for_operators(start_move), methods=["POST"]),
    Route("/api/operator/moves/{port}/revert", _for_operators(revert_move), methods=["POST"]),
]
