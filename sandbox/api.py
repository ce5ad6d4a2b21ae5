"""The vendors' own interfaces, for the mock adapters: JSON in, JSON out."""

import asyncio
import base64
from collections.abc import Awaitable, Callable
from datetime import date, datetime

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sandbox import (
    bank_accounts,
    bank_consents,
    bank_payments,
    bankid,
    card_lists,
    cards,
    clock,
    issuing,
    kyc,
    maps,
    messages,
    objects,
    plan_charges,
    plans,
    refunds,
    scenarios,
    seeding,
)
from sandbox.people import banks
from sandbox.problems import Refused
from sandbox.store import Document
from sandbox.world import World

NOW_HEADER = "x-sandbox-now"
# How often the teller's clock was reset.
GENERATION_HEADER = "x-sandbox-generation"
SCENARIO_HEADER = "x-sandbox-scenario"
_SLOW_S = 1.0
Handler = Callable[[World, Request], Awaitable[object]]


def _harmed(rail: str, handler: Handler) -> Handler:
    """Make a call that changes something at a vendor, with the faults of the request's scenario."""

    async def harmed(world: World, request: Request) -> object:
        chosen = scenarios.of_request(rail)
        match chosen.fault if chosen else None:
            case scenarios.SLOW:
                await asyncio.sleep(_SLOW_S)
            case scenarios.RATE_LIMITED:
                raise Refused(429, "", "Too many requests.")
            case scenarios.ERROR:
                raise Refused(500, "", "Something is wrong here.")
            case scenarios.ANSWER_LOST:
                await handler(world, request)
                raise Refused(504, "", "The answer was lost.")
            case scenarios.WEBHOOK_FIRST:
                answer = await handler(world, request)
                await clock.tell(world, world.now, world.generation)
                return answer
        return await handler(world, request)

    return harmed


def _given(act: Callable[[World, Document], Awaitable[object]]) -> Handler:
    """What a vendor does with a body."""

    async def handler(world: World, request: Request) -> object:
        return await act(world, await request.json())

    return handler


def _named(act: Callable[[World, str], Awaitable[object]], name: str) -> Handler:
    """What a vendor does with the object that the path names."""

    async def handler(world: World, request: Request) -> object:
        return await act(world, request.path_params[name])

    return handler


def _world(request: Request) -> World:
    world: World = request.app.state.world
    return world


def _endpoint(handler: Handler) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(request: Request) -> Response:
        world = _world(request)
        told = request.headers.get(NOW_HEADER)
        if told is not None:
            world.tell(datetime.fromisoformat(told), _generation(world, request))
        chosen = scenarios.scenarios().get(request.headers.get(SCENARIO_HEADER, ""))
        token = scenarios.requested.set(chosen)
        try:
            return JSONResponse(await handler(world, request))
        finally:
            scenarios.requested.reset(token)

    return endpoint


def _generation(world: World, request: Request) -> int:
    return int(request.headers.get(GENERATION_HEADER, world.generation))


async def refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, Refused)
    return JSONResponse({"code": error.code, "message": error.message, **error.more}, status_code=error.status)


async def _tell(world: World, request: Request) -> Document:
    body = await request.json()
    done = await clock.tell(world, datetime.fromisoformat(body["now"]), _generation(world, request))
    return {"done": done, **await _next_due(world, request)}


async def _next_due(world: World, request: Request) -> Document:
    due = await clock.next_due(world)
    return {"nextDue": due.isoformat() if due else None}


async def _reset(world: World, request: Request) -> Document:
    await world.store.clear()
    return {}


async def _create_applicant(world: World, request: Request) -> Document:
    body = await request.json()
    return await kyc.create_applicant(world, body["externalUserId"], body["name"])


async def _applicant_by_reference(world: World, request: Request) -> Document:
    applicant = await world.store.by_reference("applicant", request.path_params["reference"])
    if applicant is None:
        raise Refused(404, "not_found", "There is no such applicant.")
    return applicant


async def _access_token(world: World, request: Request) -> Document:
    body = await request.json()
    token = await kyc.issue_token(world, body["userId"], int(body["ttlInSecs"]), body.get("returnTo"))
    return {"token": token, "userId": body["userId"]}


async def _banks(world: World, request: Request) -> Document:
    if request.query_params.get("country") != "NO":
        return {"banks": []}
    listed = [
        {"id": bank.id, "name": bank.name, "bic": bank.bic, "country": "NO", "partOf": bank.part_of}
        for bank in banks().values()
    ]
    return {"banks": listed}


def _is_attended(request: Request) -> bool:
    return bool(request.query_params.get("psuIpAddress"))


async def _accounts(world: World, request: Request) -> Document:
    found = await bank_accounts.accounts(world, request.path_params["consent"], _is_attended(request))
    return {
        "accounts": [
            {
                "resourceId": account.resource_id,
                "bban": account.bban,
                "currency": "NOK",
                "name": account.name,
                "ownerName": account.owner_name,
            }
            for account in found
        ]
    }


async def _balances(world: World, request: Request) -> Document:
    path = request.path_params
    booked, available = await bank_accounts.balances(world, path["consent"], path["account"], _is_attended(request))
    at = world.now.isoformat()
    return {"balances": [_balance("interimBooked", booked, at), _balance("interimAvailable", available, at)]}


def _balance(kind: str, amount_minor: int, at: str) -> Document:
    return {"balanceType": kind, "balanceAmount": _amount(amount_minor), "lastChangeDateTime": at}


def _amount(amount_minor: int) -> Document:
    sign = "-" if amount_minor < 0 else ""
    major, minor = divmod(abs(amount_minor), 100)
    return {"currency": "NOK", "amount": f"{sign}{major}.{minor:02d}"}


async def _transactions(world: World, request: Request) -> Document:
    path, query = request.path_params, request.query_params
    lines, following = await bank_accounts.transactions(
        world,
        path["consent"],
        path["account"],
        int(query.get("page") or 0),
        date.fromisoformat(query["dateFrom"]),
        _is_attended(request),
    )
    items = [
        {
            **{name: value for name, value in line.items() if name not in ("amount", "message")},
            "transactionAmount": _amount(line["amount"]),
            "remittanceInformationUnstructured": line["message"],
        }
        for line in lines
    ]
    return {"transactions": items, "next": str(following) if following is not None else None}


async def _cancel_payment(world: World, request: Request) -> Document:
    body = await request.json()
    return await bank_payments.cancel_payment(world, request.path_params["payment"], body["redirectUri"])


async def _choose_for_payment(world: World, request: Request) -> Document:
    return await bank_payments.choose_method(world, request.path_params["payment"], (await request.json())["method"])


async def _choose_for_consent(world: World, request: Request) -> Document:
    return await bank_consents.choose_method(world, request.path_params["consent"], (await request.json())["method"])


async def _ledger(world: World, request: Request) -> Document:
    return {
        "bookings": await world.store.bookings(),
        "charges": await world.store.charges(),
        "refunds": await world.store.newest("refund", 10_000),
    }


async def _search(world: World, request: Request) -> Document:
    query = request.query_params
    return {"data": await world.store.by_metadata(request.path_params["kind"], query["name"], query["value"])}


async def _confirm_intent(world: World, request: Request) -> Document:
    body = await request.json()
    identifier = request.path_params["intent"]
    return await cards.confirm(world, identifier, body["payment_method"], body["return_url"], body["idempotency_key"])


async def _update_subscription(world: World, request: Request) -> Document:
    body = await request.json()
    return await plans.update(world, request.path_params["subscription"], body)


async def _pay_subscription(world: World, request: Request) -> Document:
    return await plans.pay(world, request.path_params["subscription"], await request.json())


async def _geocode(world: World, request: Request) -> Document:
    return maps.geocode(request.query_params.get("address", ""))


async def _update_card(world: World, request: Request) -> Document:
    body = await request.json()
    return await issuing.update_card(world, request.path_params["card"], body["status"])


async def _card_list(world: World, request: Request) -> Document:
    return await card_lists.page(world, request.path_params["name"], request.query_params)


async def _card_object(world: World, request: Request) -> Document:
    return await card_lists.one(world, request.path_params["name"], request.path_params["object"])


def _object_path(request: Request) -> str:
    return f"{request.path_params['bucket']}/{request.path_params['key']}"


async def _put_object(world: World, request: Request) -> Document:
    await objects.put(world, _object_path(request), await request.json())
    return {}


async def _head_object(world: World, request: Request) -> Document:
    found = await objects.get(world, _object_path(request))
    return {"contentType": found.content_type, "size": len(found.body), "sha256": found.sha256}


async def _read_object(world: World, request: Request) -> Document:
    start, limit = int(request.query_params["start"]), int(request.query_params["limit"])
    return {"body": base64.b64encode(await objects.read(world, _object_path(request), start, limit)).decode()}


async def _put_part(world: World, request: Request) -> Document:
    await objects.put_part(world, _object_path(request), await request.json())
    return {}


async def _delete_object(world: World, request: Request) -> Document:
    await objects.delete(world, _object_path(request))
    return {}


def _route(path: str, handler: Handler, method: str = "GET") -> Route:
    return Route(path, _endpoint(handler), methods=[method])


ROUTES = [
    _route("/clock", _tell, "POST"),
    _route("/clock", _next_due),
    _route("/reset", _reset, "POST"),
    _route("/ledger", _ledger),
    _route("/bankid/token", _given(bankid.exchange), "POST"),
    _route("/kyc/applicants", _harmed(scenarios.KYC, _create_applicant), "POST"),
    _route("/kyc/applicants/by-external-id/{reference}", _applicant_by_reference),
    _route("/kyc/applicants/{applicant}/status", _named(kyc.applicant_by_id, "applicant")),
    _route("/kyc/applicants/{applicant}/pending", _named(kyc.submit_again, "applicant"), "POST"),
    _route("/kyc/access-tokens", _access_token, "POST"),
    _route("/bank/banks", _banks),
    _route("/bank/consents", _given(bank_consents.create_consent), "POST"),
    _route("/bank/consents/{consent}", _named(bank_consents.consent_by_id, "consent")),
    _route("/bank/consents/{consent}", _named(bank_consents.revoke_consent, "consent"), "DELETE"),
    _route("/bank/consents/{consent}/method", _choose_for_consent, "POST"),
    _route("/bank/consents/{consent}/accounts", _accounts),
    _route("/bank/consents/{consent}/accounts/{account}/balances", _balances),
    _route("/bank/consents/{consent}/accounts/{account}/transactions", _transactions),
    _route("/bank/payments", _harmed(scenarios.BANK, _given(bank_payments.create_payment)), "POST"),
    _route("/bank/payments/by-reference/{reference}", _named(bank_payments.payment_by_reference, "reference")),
    _route("/bank/payments/{payment}", _named(bank_payments.payment_by_id, "payment")),
    _route("/bank/payments/{payment}/method", _choose_for_payment, "POST"),
    _route("/bank/payments/{payment}/execution", _named(seeding.execute_now, "payment"), "POST"),
    _route("/bank/payments/{payment}/end", _named(seeding.end_payment, "payment"), "POST"),
    _route("/bank/people/account", _given(seeding.furnish), "POST"),
    _route("/bank/people/found", _given(seeding.find_person), "POST"),
    _route("/bank/people/forgotten", _given(seeding.forget_person), "POST"),
    _route("/bank/payments/{payment}/cancellation", _cancel_payment, "POST"),
    _route("/cards/search/{kind}", _search),
    _route("/issuing/cardholders", _given(issuing.create_cardholder), "POST"),
    _route("/issuing/cards", _given(issuing.create_card), "POST"),
    _route("/issuing/cards/{card}", _named(issuing.card_by_id, "card")),
    _route("/issuing/cards/{card}", _update_card, "POST"),
    _route("/storage/{bucket}/{key:path}/body", _read_object),
    _route("/storage/{bucket}/{key:path}/parts", _put_part, "POST"),
    _route("/storage/{bucket}/{key:path}", _put_object, "POST"),
    _route("/storage/{bucket}/{key:path}", _head_object),
    _route("/storage/{bucket}/{key:path}", _delete_object, "DELETE"),
    _route("/mail/send", _given(messages.send_mail), "POST"),
    _route("/sms/messages", _given(messages.send_sms), "POST"),
    _route("/maps/geocode", _geocode),
    _route("/cards/lists/{name}", _card_list),
    _route("/cards/lists/{name}/{object}", _card_object),
    _route("/cards/customers", _given(cards.create_customer), "POST"),
    _route("/cards/customers/{customer}", _named(cards.delete_customer, "customer"), "DELETE"),
    _route("/cards/payment_intents", _given(cards.create_intent), "POST"),
    _route("/cards/payment_intents/{intent}", _named(cards.intent_by_id, "intent")),
    _route("/cards/payment_intents/{intent}/confirm", _harmed(scenarios.CARD, _confirm_intent), "POST"),
    _route("/cards/payment_intents/{intent}/cancel", _named(cards.cancel, "intent"), "POST"),
    _route("/cards/refunds", _given(refunds.create_refund), "POST"),
    _route("/cards/invoices/{invoice}", _named(plan_charges.invoice_by_id, "invoice")),
    _route("/cards/subscriptions", _given(plans.create), "POST"),
    _route("/cards/subscriptions/{subscription}", _named(plans.by_id, "subscription")),
    _route("/cards/subscriptions/{subscription}", _update_subscription, "POST"),
    _route("/cards/subscriptions/{subscription}/pay", _harmed(scenarios.CARD, _pay_subscription), "POST"),
    _route("/cards/subscriptions/{subscription}", _named(plans.cancel, "subscription"), "DELETE"),
]
