"""The e-mail and the SMS vendor: an outbox each, and delivery reports."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Final

from sandbox.problems import Refused
from sandbox.store import Document
from sandbox.webhooks import SENDGRID, TWILIO, send_form_later, send_later
from sandbox.world import World

_REPORTS_AFTER: Final = timedelta(seconds=1)
# Twilio's own magic number and a Norwegian one: valid, and of no person.
_UNREACHABLE: Final = frozenset({"+15005550009", "+4790000009"})
_INVALID: Final = "+4790000008"
# A dead address, and a message that was turned down.
_BOUNCES: Final[Mapping[str, Document]] = {
    "bounce": {"reason": "550 no such user", "status": "5.1.1"},
    "blocked": {"reason": "554 rejected as spam", "status": "5.7.1"},
}


async def send_mail(world: World, body: Document) -> Document:
    """Mail to `bounce...` or `blocked...` is reported as a bounce of that type, mail to `invalid...` is refused.

    Mail to `down...` finds the vendor away.
    """
    address = body["to"]["email"]
    if address.startswith("down"):
        raise Refused(503, "service_unavailable", "Try again later.")
    if address.startswith("invalid"):
        raise Refused(400, "invalid", "Does not contain a valid address.")
    async with world.store.transaction():
        number = await world.store.next_number("mail")
        mail: Document = {**body, "id": f"sg-{number:06d}", "at": world.now.isoformat(), "status": "processed"}
        await world.store.put("mail", mail["id"], mail)
        bounce = next((type for type in _BOUNCES if address.startswith(type)), None)
        kind = "bounce" if bounce else "delivered"
        report = [
            {
                "email": address,
                "timestamp": int(world.now.timestamp()),
                "event": event,
                "sg_event_id": f"{mail['id']}-{event}",
                "sg_message_id": f"{mail['id']}.recvd",
                "notification_id": body["custom_args"]["notification_id"],
                **({**_BOUNCES[bounce], "type": bounce} if bounce and event == "bounce" else {}),
            }
            for event in ("processed", kind)
        ]
        await send_later(world, SENDGRID, report, world.now + _REPORTS_AFTER)
        await world.store.put("mail", mail["id"], {**mail, "status": kind})
    world.on_scheduled()
    return {"messageId": mail["id"]}


async def send_sms(world: World, body: Document) -> Document:
    if body["To"] == _INVALID:
        raise Refused(400, "21211", "The 'To' number is not a valid phone number.")
    async with world.store.transaction():
        number = await world.store.next_number("sms")
        status = "undelivered" if body["To"] in _UNREACHABLE else "delivered"
        sms: Document = {**body, "id": f"SM{number:032d}", "at": world.now.isoformat(), "status": status}
        await world.store.put("sms", sms["id"], sms)
        for step, word in enumerate(("sent", status), start=1):
            report = {"MessageSid": sms["id"], "MessageStatus": word, "To": body["To"], "ApiVersion": "2010-04-01"}
            if word == "undelivered":
                report["ErrorCode"] = "30003"
            await send_form_later(world, TWILIO, report, body["StatusCallback"], world.now + _REPORTS_AFTER * step)
    world.on_scheduled()
    return {"sid": sms["id"]}
