"""Every webhook of every vendor, fired by hand about an object as it stands."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlencode

from sandbox import card_events, cards, kyc
from sandbox.problems import Refused
from sandbox.store import Document
from sandbox.webhooks import OPEN_BANKING, SENDGRID, STRIPE, SUMSUB, TWILIO, compact, deliver
from sandbox.world import World

Build = Callable[[World, str, Document], Awaitable[Any]]


@dataclass(frozen=True, slots=True)
class Trigger:
    """A webhook that can be fired by hand. `kind` is the kind of object that it is about; `build` makes its body."""

    provider: str
    kind: str
    build: Build


@dataclass(frozen=True, slots=True)
class Fired:
    provider: str
    event: str
    about: str
    event_key: str


async def _stripe(world: World, event: str, about: Document) -> Document:
    shown = {name: value for name, value in about.items() if name not in ("replies", "outcome", "delivery", "told")}
    if event == "charge.refunded":
        shown = card_events.charge_object(await cards.intent_by_id(world, about["id"]))
    return await card_events.event_of(world, event, shown)


async def _bank_payment(world: World, event: str, about: Document) -> Document:
    return {
        **await _bank_event(world, event),
        "paymentId": about["paymentId"],
        "endToEndIdentification": about["endToEndId"],
        "transactionStatus": about["transactionStatus"],
    }


async def _bank_consent(world: World, event: str, about: Document) -> Document:
    return {
        **await _bank_event(world, event),
        "consentId": about["consentId"],
        "reference": about["reference"],
        "consentStatus": about["consentStatus"],
    }


async def _bank_event(world: World, event: str) -> Document:
    number = await world.store.next_number("event")
    return {"eventId": f"obe-{number:08d}", "occurredAt": world.now.isoformat(), "type": event}


async def _kyc(world: World, event: str, about: Document) -> Document:
    if event == "applicantReset":
        about = await kyc.reset(world, about)
    return await kyc.webhook(world, about, event)


async def _mail(world: World, event: str, about: Document) -> list[Document]:
    number = await world.store.next_number("triggered_mail")
    return [
        {
            "email": about["to"]["email"],
            "timestamp": int(world.now.timestamp()),
            "event": event.removeprefix("mail."),
            "sg_event_id": f"{about['id']}-t{number}",
            "sg_message_id": f"{about['id']}.recvd",
            "notification_id": about["custom_args"]["notification_id"],
        }
    ]


async def _sms(world: World, event: str, about: Document) -> dict[str, str]:
    status = event.removeprefix("sms.")
    return {"MessageSid": about["id"], "MessageStatus": status, "To": about["To"], "ApiVersion": "2010-04-01"}


def _several(provider: str, kind: str, build: Build, *events: str) -> dict[str, Trigger]:
    return {event: Trigger(provider, kind, build) for event in events}


TRIGGERS: Final[Mapping[str, Trigger]] = {
    **_several(OPEN_BANKING, "payment", _bank_payment, "payment.status"),
    **_several(OPEN_BANKING, "consent", _bank_consent, "consent.status"),
    **_several(
        SUMSUB, "applicant", _kyc, "applicantCreated", "applicantPending", "applicantReviewed", "applicantReset"
    ),
    **_several(
        STRIPE,
        "intent",
        _stripe,
        "payment_intent.created",
        "payment_intent.requires_action",
        "payment_intent.processing",
        "payment_intent.succeeded",
        "payment_intent.payment_failed",
        "payment_intent.canceled",
        "charge.refunded",
    ),
    **_several(STRIPE, "refund", _stripe, "charge.refund.updated"),
    **_several(STRIPE, "dispute", _stripe, "charge.dispute.created", "charge.dispute.closed"),
    **_several(STRIPE, "subscription", _stripe, "customer.subscription.updated", "customer.subscription.deleted"),
    **_several(STRIPE, "invoice", _stripe, "invoice.paid", "invoice.payment_failed"),
    **_several(
        SENDGRID, "mail", _mail, "mail.processed", "mail.deferred", "mail.delivered", "mail.bounce", "mail.dropped"
    ),
    **_several(TWILIO, "sms", _sms, "sms.sent", "sms.delivered", "sms.undelivered", "sms.failed"),
}


async def fire(world: World, event: str, wanted: str | None) -> Fired:
    """Post the webhook now, about the object with this id (the vendor's or ours), else about the newest.

    Raises Refused.
    """
    trigger = TRIGGERS.get(event)
    if trigger is None:
        raise Refused(404, "UNKNOWN_EVENT", f"There is no such event. Known are {', '.join(TRIGGERS)}.")
    about = await _object(world, trigger.kind, wanted)
    async with world.store.transaction():
        body = await trigger.build(world, event, about)
    job: Document = {"provider": trigger.provider, "attempt": 99}
    if trigger.provider == TWILIO:
        job |= {"raw": urlencode(body), "url": about["StatusCallback"]}
    else:
        job["raw"] = compact(body)
    await deliver(world, job)
    return Fired(trigger.provider, event, _id_of(about), _event_key(trigger.provider, body))


async def _object(world: World, kind: str, wanted: str | None) -> Document:
    for document in await world.store.newest(kind, 1_000):
        if wanted is None or wanted in _names(document):
            return document
    which = "yet" if wanted is None else f"called {wanted}"
    raise Refused(404, "RESOURCE_UNKNOWN", f"There is no {kind} {which}.")


def _names(document: Document) -> set[str]:
    """Every id of the object, at the vendor and at the product."""
    names = {str(document.get(name)) for name in ("id", "paymentId", "consentId", "externalUserId", "reference")}
    names |= {str(value) for value in document.get("metadata", {}).values()}
    if "endToEndId" in document:
        names |= {document["endToEndId"], f"pay_{document['endToEndId'].removeprefix('D-')}"}
    return names


def _id_of(document: Document) -> str:
    return str(document.get("id") or document.get("paymentId") or document.get("consentId"))


def _event_key(provider: str, body: Any) -> str:
    match provider:
        case "sendgrid":
            return str(body[0]["sg_event_id"])
        case "twilio":
            return f"{body['MessageSid']}:{body['MessageStatus']}"
        case "openbanking":
            return str(body["eventId"])
        case "stripe":
            return str(body["id"])
        case _:
            return str(body["correlationId"])
