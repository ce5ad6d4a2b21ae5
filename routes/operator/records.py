"""For operators: timelines, webhooks and dead messages. Behind a token; mock mode without one is open."""

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from domain.clock import text_of
from domain.errors import NotFound
from domain.ids import NotificationId, PaymentId
from domain.timeline import StoredEntry
from domain.webhook import Webhook
from routes.openapi_schemas import INTEGER, OBJECT, array, record
from routes.operations import Answer, Operation, Parameter, in_path
from routes.operator.guard import NO_STORE, QUEUED, limit_of, number_of, operator_route
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
            "createdAt": text_of(notification.created_at),
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
        "at": text_of(entry.at),
    }


def _webhook(webhook: Webhook) -> dict[str, object]:
    return {
        "id": webhook.id,
        "provider": webhook.provider,
        "eventKey": webhook.event_key,
        "receivedAt": text_of(webhook.received_at),
        "status": webhook.status,
        "outcome": webhook.outcome,
    }


_LINES = record({"events": array(OBJECT)})
_LIMIT = Parameter("limit", "How many, 500 at most.", {**INTEGER, "minimum": 0, "maximum": 500})
_NO_NUMBER = {400: "Not a number."}

ROUTES = [
    operator_route(
        "/api/operator/payments/{payment}/timeline",
        timeline,
        Operation(
            "paymentTimeline",
            "A payment's way, oldest line first (operators)",
            {200: Answer("Its lines.", _LINES)},
            {404: "Nothing is known of it."},
            parameters=(in_path("payment"),),
        ),
    ),
    operator_route(
        "/api/operator/events",
        events,
        Operation(
            "events",
            "The newest lines of all timelines (operators)",
            {200: Answer("Lines, oldest first.", _LINES)},
            _NO_NUMBER,
            parameters=(
                Parameter("after", "Only what came after this line's number.", {**INTEGER, "minimum": 0}),
                _LIMIT,
            ),
        ),
    ),
    operator_route(
        "/api/operator/webhooks",
        webhooks,
        Operation(
            "receivedWebhooks",
            "Webhooks received, newest first (operators)",
            {200: Answer("With what each did.", record({"webhooks": array(OBJECT)}))},
            _NO_NUMBER,
            parameters=(_LIMIT,),
        ),
    ),
    operator_route(
        "/api/operator/webhooks/{webhook}/replay",
        replay_webhook,
        Operation(
            "replayWebhook",
            "Process a webhook once more (operators)",
            QUEUED,
            {404: "Unknown."},
            parameters=(in_path("webhook"),),
        ),
        method="POST",
    ),
    operator_route(
        "/api/operator/notifications",
        dead_notifications,
        Operation(
            "deadNotifications",
            "Messages that no vendor took (operators)",
            {200: Answer("Newest first.", record({"notifications": array(OBJECT)}))},
            _NO_NUMBER,
            parameters=(_LIMIT,),
        ),
    ),
    operator_route(
        "/api/operator/notifications/{notification}/replay",
        replay_notification,
        Operation(
            "replayNotification",
            "Send a dead message once more (operators)",
            QUEUED,
            {404: "Unknown, or not dead."},
            parameters=(in_path("notification"),),
        ),
        method="POST",
    ),
]
