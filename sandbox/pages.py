"""The vendors' pages: server-rendered, usable on a phone and by keyboard, without script."""

import html
import secrets
from dataclasses import asdict
from pathlib import Path
from typing import Final
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from sandbox import (
    bank_consents,
    bank_payments,
    bankid,
    card_catalogue,
    cards,
    kyc,
    objects,
    plans,
    refunds,
    scenarios,
    triggers,
    webhooks,
)
from sandbox.people import banks, person, personas
from sandbox.problems import Refused
from sandbox.rendering import form_of, render, world_of
from sandbox.store import Document

_HERE: Final = Path(__file__).parent
_SEE_OTHER: Final = 303
# The lane of the picture for each kind of timeline entry.
_LANES: Final = {
    "OPERATION": "app",
    "REDIRECT": "app",
    "PUSH": "app",
    "TRANSITION": "gateway",
    "JOB": "gateway",
    "VENDOR_CALL": "vendor",
    "WEBHOOK": "vendor",
}


async def home(request: Request) -> Response:
    world = world_of(request)
    consents = await world.store.newest("consent", 10)
    return render(
        "home.html",
        personas=personas().values(),
        banks=banks(),
        applicants=await world.store.newest("applicant", 10),
        consents=[
            one for one in consents if {"psuMessage", "scaMethods"} & set(one) and one["consentStatus"] == "received"
        ],
        payments=await world.store.newest("payment", 10),
        intents=[await cards.intent_by_id(world, intent["id"]) for intent in await world.store.newest("intent", 10)],
        subscriptions=await world.store.newest("subscription", 10),
        deliveries=await world.store.deliveries(5),
        now=world.now,
    )


async def persona_list(request: Request) -> Response:
    return JSONResponse(
        [{"id": persona.id, "name": persona.name, "about": persona.about} for persona in personas().values()]
    )


async def choose_persona(request: Request) -> Response:
    """BankID's page. A `login_hint` that names a persona signs in at once."""
    query = dict(request.query_params)
    bankid.check_request(query, request.url.netloc)
    hint = query.get("login_hint", "")
    if hint == "new" or hint in personas():
        return RedirectResponse(await bankid.sign_in(world_of(request), query, hint), _SEE_OTHER)
    return render("bankid.html", personas=personas().values(), query=urlencode(query))


async def take_persona(request: Request) -> Response:
    query = dict(request.query_params)
    bankid.check_request(query, request.url.netloc)
    who = (await form_of(request)).get("who", "")
    if who == "cancel":
        return RedirectResponse(bankid.cancelled(query), _SEE_OTHER)
    return RedirectResponse(await bankid.sign_in(world_of(request), query, who), _SEE_OTHER)


async def kyc_form(request: Request) -> Response:
    world = world_of(request)
    token = request.path_params["token"]
    applicant, return_to = await kyc.applicant_of_token(world, token)
    return render("kyc.html", applicant=applicant, token=token, return_to=return_to)


async def hand_in(request: Request) -> Response:
    """Submit the document. The verdict comes after three seconds, or at once where it is chosen here."""
    world = world_of(request)
    token = request.path_params["token"]
    applicant, _ = await kyc.applicant_of_token(world, token)
    verdict = (await form_of(request)).get("verdict") or None
    if verdict not in (None, kyc.APPROVED, kyc.RETRY, kyc.REJECTED):
        raise Refused(400, "FORMAT_ERROR", "There is no such verdict.")
    if applicant.get("reviewResult", {}).get("reviewRejectType") == "RETRY":
        applicant = await kyc.submit_again(world, applicant["id"])
    if verdict is not None:
        await kyc.decide(world, applicant["id"], verdict)
    else:
        await kyc.hand_in(world, applicant["id"])
    return RedirectResponse(f"/sandbox/kyc/{token}", _SEE_OTHER)


async def decide_applicant(request: Request) -> Response:
    """An officer of the vendor decides, also after the applicant's link has expired: an approval can be taken back."""
    verdict = (await form_of(request)).get("verdict", "")
    if verdict not in (kyc.APPROVED, kyc.RETRY, kyc.REJECTED):
        raise Refused(400, "FORMAT_ERROR", "There is no such verdict.")
    await kyc.decide(world_of(request), request.path_params["applicant"], verdict)
    return RedirectResponse("/sandbox/", _SEE_OTHER)


async def consent_page(request: Request) -> Response:
    world = world_of(request)
    consent = await bank_consents.consent_by_id(world, request.path_params["consent"])
    return render("consent.html", **_consent_view(consent))


def _consent_view(consent: Document) -> Document:
    holder = person(consent["person"]) if consent["person"] else None
    return {
        "consent": consent,
        "bank": banks()[consent["bank"]],
        "holder": holder,
        "accounts": bank_consents.consent_accounts(consent),
        "is_open": consent["consentStatus"] == "received",
    }


async def give_consent(request: Request) -> Response:
    form = await request.form(max_files=0, max_fields=50)
    is_approved = form.get("decision") == "approve"
    chosen = [value for value in form.getlist("account") if isinstance(value, str)]
    consent = await bank_consents.decide_consent(
        world_of(request), request.path_params["consent"], chosen if is_approved else None
    )
    return _back_from(request, consent, consent["redirectUri"])


async def payment_page(request: Request) -> Response:
    payment = await bank_payments.payment_by_id(world_of(request), request.path_params["payment"])
    is_open = payment["transactionStatus"] == "RCVD"
    return render("payment.html", payment=payment, bank=banks()[payment["bank"]], is_open=is_open)


async def approve_payment(request: Request) -> Response:
    form = await form_of(request)
    payment = await bank_payments.decide_payment(
        world_of(request),
        request.path_params["payment"],
        is_approved=form.get("decision") == "approve",
        fails=form.get("execution") == "fails",
    )
    return _back_from(request, payment, payment["redirectUri"])


async def cancellation_page(request: Request) -> Response:
    payment = await bank_payments.payment_by_id(world_of(request), request.path_params["payment"])
    is_open = payment.get("cancelSca") == "received" and payment["isScheduled"]
    return render("cancellation.html", payment=payment, bank=banks()[payment["bank"]], is_open=is_open)


async def approve_cancellation(request: Request) -> Response:
    is_approved = (await form_of(request)).get("decision") == "approve"
    payment = await bank_payments.decide_cancellation(
        world_of(request), request.path_params["payment"], is_approved=is_approved
    )
    return _back_from(request, payment, payment["cancelRedirectUri"])


def _back_from(request: Request, decided: Document, target: str) -> Response:
    """From the page that the user came from; the bank's own app, where there is none, leads nowhere."""
    return RedirectResponse(str(request.url) if "psuMessage" in decided else target, _SEE_OTHER)


async def card_page(request: Request) -> Response:
    """The vendor's own form for card numbers: the product never sees a card number."""
    intent = await cards.intent_by_id(world_of(request), request.path_params["intent"])
    return _card_page(intent)


def _card_page(intent: Document, status: int = 200, problem: str | None = None) -> Response:
    return render("card.html", status, intent=intent, cards=card_catalogue.cards().values(), problem=problem)


async def pay_by_card(request: Request) -> Response:
    world = world_of(request)
    identifier = request.path_params["intent"]
    card = card_catalogue.by_number((await form_of(request)).get("number", ""))
    if card is None:
        intent = await cards.intent_by_id(world, identifier)
        return _card_page(intent, 400, "Your card number is incorrect.")
    page = str(request.url.replace(query=""))
    try:
        intent = await cards.confirm(world, identifier, card.payment_method, page, secrets.token_hex(8))
    except Refused as refusal:
        if refusal.status != 402:
            raise
        return _card_page(await cards.intent_by_id(world, identifier), 402, refusal.message)
    action = intent["next_action"]
    return RedirectResponse(action["redirect_to_url"]["url"] if action else page, _SEE_OTHER)


async def challenge_page(request: Request) -> Response:
    intent = await cards.intent_by_id(world_of(request), request.path_params["intent"])
    is_open = intent["status"] == "requires_action"
    return render("challenge.html", amount=intent["amount"], is_open=is_open, state=intent["status"])


async def answer_challenge(request: Request) -> Response:
    is_approved = (await form_of(request)).get("decision") == "approve"
    intent = await cards.answer_challenge(world_of(request), request.path_params["intent"], is_approved=is_approved)
    return RedirectResponse(intent["return_url"], _SEE_OTHER)


async def plan_challenge_page(request: Request) -> Response:
    subscription = await plans.by_id(world_of(request), request.path_params["subscription"])
    amount, is_open = subscription["price"]["unit_amount"], plans.awaits_approval(subscription)
    return render("challenge.html", amount=amount, is_open=is_open, state=subscription["status"])


async def answer_plan_challenge(request: Request) -> Response:
    is_approved = (await form_of(request)).get("decision") == "approve"
    target = await plans.answer_challenge(
        world_of(request), request.path_params["subscription"], is_approved=is_approved
    )
    return RedirectResponse(target, _SEE_OTHER)


async def dispute(request: Request) -> Response:
    form = await form_of(request)
    decision, amount = form.get("decision", ""), form.get("amount", "")
    if decision not in ("open", "won", "lost") or not (amount.isdecimal() or not amount):
        raise Refused(400, "FORMAT_ERROR", "There is no such decision.")
    await refunds.dispute(world_of(request), request.path_params["intent"], decision, int(amount) if amount else None)
    return RedirectResponse("/sandbox/", _SEE_OTHER)


async def put_object(request: Request) -> Response:
    """A client's presigned PUT."""
    world, path, query = world_of(request), request.path_params["path"], dict(request.query_params)
    try:
        objects.check_address(world, "PUT", path, query)
        body = await _read(request, at_most_bytes=int(query["size"]) + 1)
        await objects.put_presigned(world, path, query, request.headers, body)
    except Refused as refusal:
        return _s3_error(refusal)
    return Response(status_code=200)


async def get_object(request: Request) -> Response:
    """A presigned GET: an attachment, which no page of this origin can run."""
    world, path, query = world_of(request), request.path_params["path"], dict(request.query_params)
    try:
        objects.check_address(world, "GET", path, query)
        found = await objects.get(world, path)
    except Refused as refusal:
        return _s3_error(refusal)
    headers = {"Content-Disposition": objects.disposition(query["name"]), "Content-Security-Policy": "sandbox"}
    return Response(found.body, media_type=found.content_type, headers=headers)


async def _read(request: Request, *, at_most_bytes: int) -> bytes:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) >= at_most_bytes:
            break
    return bytes(body)


def _s3_error(refusal: Refused) -> Response:
    body = f"<Error><Code>{refusal.code}</Code><Message>{html.escape(refusal.message)}</Message></Error>"
    return Response(body, refusal.status, media_type="application/xml")


async def files(request: Request) -> Response:
    world = world_of(request)
    return render("files.html", now=world.now, files=await world.store.objects())


async def timeline(request: Request) -> Response:
    """A payment's timeline as a picture, read from the product's operators' API as by any other client."""
    world, payment = world_of(request), request.path_params["payment"]
    token = world.settings.operator_token
    headers = {"authorization": f"Bearer {token}"} if token else {}
    answer = await world.gateway.get(f"/api/operator/payments/{payment}/timeline", headers=headers)
    if answer.is_error:
        raise Refused(404, "RESOURCE_UNKNOWN", "Nothing is known of such a payment.")
    lines = [{**event, "lane": _LANES[event["kind"]]} for event in answer.json()["events"]]
    return render("timeline.html", now=world.now, payment=payment, lines=lines)


async def replay(request: Request) -> Response:
    """Have the product process a stored webhook once more."""
    world, payment = world_of(request), request.path_params["payment"]
    token = world.settings.operator_token
    headers = {"authorization": f"Bearer {token}"} if token else {}
    webhook = (await form_of(request)).get("webhook", "")
    if not webhook.isalnum() and not webhook.replace("_", "").isalnum():
        raise Refused(400, "FORMAT_ERROR", "There is no such webhook.")
    await world.gateway.post(f"/api/operator/webhooks/{webhook}/replay", headers=headers)
    return RedirectResponse(f"/sandbox/timeline/{payment}", _SEE_OTHER)


async def scenario_list(request: Request) -> Response:
    world = world_of(request)
    cards_known = card_catalogue.cards().values()
    return render("scenarios.html", now=world.now, scenarios=scenarios.scenarios().values(), cards=cards_known)


async def trigger(request: Request) -> Response:
    """Fire a webhook: JSON for the command, back to the list for a browser."""
    form = await form_of(request)
    fired = await triggers.fire(world_of(request), form.get("event", ""), form.get("object") or None)
    if "text/html" in request.headers.get("accept", ""):
        return RedirectResponse("/sandbox/webhooks", _SEE_OTHER)
    return JSONResponse(asdict(fired))


async def outbox(request: Request) -> Response:
    world = world_of(request)
    store = world.store
    return render(
        "outbox.html", now=world.now, mails=await store.newest("mail", 50), messages=await store.newest("sms", 50)
    )


async def webhook_list(request: Request) -> Response:
    world = world_of(request)
    return render("webhooks.html", now=world.now, events=triggers.TRIGGERS, deliveries=await world.store.deliveries())


async def send_again(request: Request) -> Response:
    world = world_of(request)
    sent = await world.store.delivery(request.path_params["number"])
    if sent is None:
        raise Refused(404, "RESOURCE_UNKNOWN", "There is no such webhook.")
    await webhooks.deliver(world, {**sent, "attempt": 99})
    return RedirectResponse("/sandbox/webhooks", _SEE_OTHER)


ROUTES = [
    Route("/", home),
    Route("/personas.json", persona_list),
    Route("/bankid/authorize", choose_persona),
    Route("/bankid/authorize", take_persona, methods=["POST"]),
    Route("/kyc/{token}", kyc_form),
    Route("/kyc/{token}", hand_in, methods=["POST"]),
    Route("/applicants/{applicant}", decide_applicant, methods=["POST"]),
    Route("/bank/consents/{consent}", consent_page),
    Route("/bank/consents/{consent}", give_consent, methods=["POST"]),
    Route("/bank/payments/{payment}", payment_page),
    Route("/bank/payments/{payment}", approve_payment, methods=["POST"]),
    Route("/bank/payments/{payment}/cancellation", cancellation_page),
    Route("/bank/payments/{payment}/cancellation", approve_cancellation, methods=["POST"]),
    Route("/cards/pay/{intent}", card_page),
    Route("/cards/pay/{intent}", pay_by_card, methods=["POST"]),
    Route("/cards/challenge/{intent}", challenge_page),
    Route("/cards/challenge/{intent}", answer_challenge, methods=["POST"]),
    Route("/cards/plan-challenge/{subscription}", plan_challenge_page),
    Route("/cards/plan-challenge/{subscription}", answer_plan_challenge, methods=["POST"]),
    Route("/cards/disputes/{intent}", dispute, methods=["POST"]),
    Route("/scenarios", scenario_list),
    Route("/timeline/{payment}", timeline),
    Route("/timeline/{payment}/replay", replay, methods=["POST"]),
    Route("/trigger", trigger, methods=["POST"]),
    Route("/objects/{path:path}", put_object, methods=["PUT"]),
    Route("/objects/{path:path}", get_object),
    Route("/files", files),
    Route("/outbox", outbox),
    Route("/webhooks", webhook_list),
    Route("/webhooks/{number:int}", send_again, methods=["POST"]),
    Mount("/static", StaticFiles(directory=_HERE / "static")),
]
