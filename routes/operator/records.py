"""For operators: timelines, webhooks and dead messages. Behind a token; mock mode without one is open."""

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from domain.errors import NotFound
from domain.ids import NotificationId, PaymentId
from domain.timeline import StoredEntry
from domain.webhook import Webhook
from routes.operator.guard import NO_STORE, for_operators, limit_of, number_of
from routes.state import services_of


async def timeline(request: Request) -> Response:
    """A payment's way, oldest line first."""
    payment_id = PaymentId(request.path_params["payment"])
    events = await services_of(request).timeline.of_payment(payment_id)
    if not events:
        raise NotFound("Nothing is known of such a payment.", field=("payment",))
    return JSONResponse({"events": [_timeline_line(line) for line in events]}, headers=NO_STORE)


async def events(request: Request) -> Response:
    """The newest lines of all payments, or what came after a line's number."""
    after = request.query_params.get("after")
    lines = services_of(request).timeline
    found = await lines.after(number_of(after, "after")) if after is not None else await lines.newest(limit_of(request))
    return JSONResponse({"events": [_timeline_line(line) for line in found]}, headers=NO_STORE)


async def webhooks(request: Request) -> Response:
    """What was received, newest first, with what it did or why it did nothing."""
    found = await services_of(request).webhooks.newest(limit_of(request))
    return JSONResponse({"webhooks": [_webhook(notification) for notification in found]}, headers=NO_STORE)


async def replay_webhook(request: Request) -> Response:
    """Have a stored webhook processed once more."""
    await services_of(request).webhooks.replay(request.path_params["webhook"])
    return Response(status_code=202)


async def dead_notifications(request: Request) -> Response:
    """Messages that no vendor took, newest first."""
    found = await services_of(request).notifications.dead(limit_of(request))
    rows = [
        {
            "id": notification.id,
            "template": notification.template,
            "outcome": notification.outcome,
            "createdAt": notification.created_at.isoformat(),
        }
        for notification in found
    ]
    return JSONResponse({"notifications": rows}, headers=NO_STORE)


async def replay_notification(request: Request) -> Response:
    """Send a dead message once more."""
    await services_of(request).notifications.replay(NotificationId(request.path_params["notification"]))
    return Response(status_code=202)


def _timeline_line(stored: StoredEntry) -> dict[str, object]:
    entry = stored.entry
    return {
        "number": stored.number,
        "payment": stored.payment_id,
        "trace": stored.trace_id,
        "kind": entry.kind,
        "summary": entry.summary,
        "outcome": entry.outcome,
        "webhook": entry.webhook_id,
        "at": entry.at.isoformat(),
    }


def _webhook(webhook: Webhook) -> dict[str, object]:
    return {
        "id": webhook.id,
        "provider": webhook.provider,
        "eventKey": webhook.event_key,
        "receivedAt": webhook.received_at.isoformat(),
        "status": webhook.status,
        "outcome": webhook.outcome,
    }


ROUTES = [
    Route("/api/operator/payments/{payment}/timeline", for_operators(timeline)),
    Route("/api/operator/events", for_operators(events)),
    Route("/api/operator/webhooks", for_operators(webhooks)),
    Route("/api/operator/webhooks/{webhook}/replay", for_operators(replay_webhook), methods=["POST"]),
    Route("/api/operator/notifications", for_operators(dead_notifications)),
    Route("/api/operator/notifications/{notification}/replay", for_operators(replay_notification), methods=["POST"]),
]
