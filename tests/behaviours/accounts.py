"""How banks list accounts, balances and statements: docs/vendors, and what was found out later of single banks."""

from collections.abc import Awaitable, Callable
from datetime import date
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from tests.behaviours.stage import Behaviour, Outcome, Stage, refusal
from tests.builders.gateway import CONNECT

NEXT_GEN: Final = ("open_payments", "direct")
_LONGEST: Final = 90
_AMOUNT_ALONE: Final = {"transactionAmount": {"currency": "NOK", "amount": "-7.00"}}


def says(*statements: Callable[[Stage], list[list[Any]]]) -> Callable[[Stage], Awaitable[Outcome]]:
    """The statement of each account, in pages: the first is read as the bank is connected, each other by a refresh."""

    async def play(stage: Stage) -> Outcome:
        for number, statement in enumerate(statements):
            stage.bank.says(*statement(stage))
            await (stage.refresh() if number else stage.bank.connect())
        return await stage.account_outcome()

    return play


def one(**parts: Any) -> Callable[[Stage], list[list[Any]]]:
    """A statement with one line."""
    return lambda stage: [[stage.bank.line(creditorName="Kiwi", **parts)]]


def several(*lines: dict[str, Any]) -> Callable[[Stage], list[list[Any]]]:
    """A statement of one page."""
    return lambda stage: [[stage.bank.line(**{"creditorName": "Kiwi", **parts}) for parts in lines]]


def in_pages(*lines: dict[str, Any]) -> Callable[[Stage], list[list[Any]]]:
    """A statement with one line on each page."""
    return lambda stage: [[stage.bank.line(**{"creditorName": "Kiwi", **parts})] for parts in lines]


def answers(make: Callable[[Request], Response | None]) -> Callable[[Stage], Awaitable[Outcome]]:
    """The bank is connected, and answers so when its statement is read again."""

    async def play(stage: Stage) -> Outcome:
        stage.bank.says([stage.bank.line(creditorName="Kiwi")])
        await stage.bank.connect()
        stage.bank.odd.instead["transactions"] = make
        await stage.refresh()
        return await stage.account_outcome()

    return play


async def gives_a_shorter_period(stage: Stage) -> Outcome:
    today, no = (
        stage.bank.sandbox.clock.at.date(),
        refusal(stage.kind, 400, "PERIOD_INVALID", "WRONG_TRANSACTIONS_PERIOD"),
    )

    def limits(request: Request) -> Response | None:
        asked = request.query_params.get("dateFrom") or request.query_params["date_from"]
        return no(request) if (today - date.fromisoformat(asked)).days >= _LONGEST else None

    stage.bank.says([stage.bank.line(creditorName="Kiwi")])
    stage.bank.odd.instead["transactions"] = limits
    await stage.bank.connect()
    return await stage.account_outcome()


def _booked_alone(request: Request) -> Response | None:
    no = refusal("direct", 400, "PARAMETER_NOT_SUPPORTED", "")
    return None if request.query_params["bookingStatus"] == "booked" else no(request)


async def without_resource_ids(stage: Stage) -> Outcome:
    def nameless(items: list[Any]) -> list[Any]:
        found = []
        for item in items:
            links = {"transactions": {"href": f"/v1/accounts/{item['resourceId']}/transactions"}}
            found.append({**{name: value for name, value in item.items() if name != "resourceId"}, "_links": links})
        return found

    stage.bank.odd.accounts = nameless
    return await says(one())(stage)


async def with_a_loan(stage: Stage) -> Outcome:
    loan: dict[str, Any] = {"bban": "12345678901", "currency": "NOK", "resourceId": "loan"}
    if stage.kind == "enable_banking":
        number = {"other": {"identification": "12345678901", "scheme_name": "BBAN"}}
        loan = {"odd": {"account_id": number, "currency": "NOK"}}
    stage.bank.odd.accounts = lambda items: [loan, *items]
    return await says(one())(stage)


async def with_many_balances(stage: Stage) -> Outcome:
    kind, amount, day, word = ("balanceType", "balanceAmount", "referenceDate", "interimAvailable")
    if stage.kind == "enable_banking":
        kind, amount, day, word = ("balance_type", "balance_amount", "reference_date", "ITAV")
    old = {kind: word, amount: {"currency": "NOK", "amount": "1.00"}, day: "2020-01-01"}
    foreign = {kind: word, amount: {"currency": "EUR", "amount": "2.00"}, day: "2099-01-01"}
    own = {kind: word, amount: {"currency": "NOK", "amount": "3.00"}, day: stage.bank.day(0)}
    stage.bank.odd.balances = lambda items: [foreign, old, own]
    stage.bank.says([stage.bank.line(creditorName="Kiwi")])
    await stage.bank.connect()
    shown = [balance["amount"] for balance in (await stage.bank.account())["balances"]]
    stage.read += [f"{int(one['amountMinor']) / 100:.2f} {one['currency']}." for one in shown]
    return await stage.account_outcome()


async def in_yen(stage: Stage) -> Outcome:
    amount = "balance_amount" if stage.kind == "enable_banking" else "balanceAmount"
    stage.bank.odd.accounts = lambda items: [{**item, "currency": "JPY"} for item in items]
    stage.bank.odd.balances = lambda items: [{**item, amount: {"currency": "JPY", "amount": "1200"}} for item in items]
    stage.bank.says([stage.bank.line(transactionAmount={"currency": "JPY", "amount": "-300"}, creditorName="Kiwi")])
    await stage.bank.connect()
    shown = [(await stage.bank.account())["balances"][0]["amount"], (await stage.bank.lines())[0]["amount"]]
    stage.read += [f"{one['amountMinor']} {one['currency']}." for one in shown]
    return await stage.account_outcome()


async def with_a_credit_limit(stage: Stage) -> Outcome:
    """What may be spent with the limit is the newer balance, and is not the money that there is."""
    day = stage.bank.day
    own = {"balanceType": "interimAvailable", "balanceAmount": {"currency": "NOK", "amount": "3.00"}}
    limit = {**own, "balanceAmount": {"currency": "NOK", "amount": "9000.00"}, "creditLimitIncluded": True}
    stage.bank.odd.balances = lambda items: [{**limit, "referenceDate": day(0)}, {**own, "referenceDate": day(1)}]
    stage.bank.says([stage.bank.line(creditorName="Kiwi")])
    await stage.bank.connect()
    shown = [balance["amount"] for balance in (await stage.bank.account())["balances"]]
    stage.read += [f"{int(one['amountMinor']) / 100:.2f} {one['currency']}." for one in shown]
    return await stage.account_outcome()


async def without_a_sign(stage: Stage) -> Outcome:
    """A salary: no minus and no indicator, and our own number as the creditor's."""
    await says(one())(stage)
    own = {"bban": (await stage.bank.account())["bban"]}
    line = stage.bank.line(amount="300.00", creditorName="Kari", debtorName="Drop AS", creditorAccount=own)
    if stage.kind == "enable_banking":
        number = {"other": {"identification": own["bban"], "scheme_name": "BBAN"}}
        line |= {"credit_debit_indicator": None, "creditor": {"name": "Kari"}, "creditor_account": number}
    stage.bank.says([line])
    await stage.refresh()
    await stage.refresh()
    found = [line["amount"] for line in await stage.bank.lines()]
    stage.read += [f"{int(one['amountMinor']) / 100:.2f} {one['currency']}." for one in found]
    return await stage.account_outcome()


async def renewed_under_other_ids(stage: Stage) -> Outcome:
    await says(one(transactionId="s-1"))(stage)
    stage.bank.says([stage.bank.line(creditorName="Kiwi", transactionId="s-2")])
    await stage.bank.renew()
    return await stage.account_outcome()


async def gives_no_more_today(stage: Stage) -> Outcome:
    stage.bank.says([stage.bank.line(creditorName="Kiwi")])
    no = refusal(stage.kind, 429, "ACCESS_EXCEEDED", "ASPSP_RATE_LIMIT_EXCEEDED")
    stage.bank.odd.instead["accounts"] = no
    await stage.bank.connect()
    await stage.pass_time(minutes=2)
    del stage.bank.odd.instead["accounts"]
    await stage.pass_time(hours=25)
    return await stage.account_outcome()


async def known_by_its_name(stage: Stage) -> Outcome:
    stage.bank.face.bics["DNB"] = None
    stage.bank.says([stage.bank.line(creditorName="Kiwi")])
    await stage.bank.visit((await stage.bank.kari.ask(CONNECT, bank="bank_no_dnb"))["connectBank"]["authorisationUrl"])
    return await stage.account_outcome()


async def shares_its_bic(stage: Stage) -> Outcome:
    stage.bank.face.bics["Nordea"] = "DNBANOKK"
    listed = (await stage.bank.kari.ask("{ banks { name } }"))["banks"]
    stage.read.append(f"{', '.join(sorted(one['name'] for one in listed))}.")
    return await says(one())(stage)


async def forgets_an_account(stage: Stage) -> Outcome:
    stage.bank.says([stage.bank.line(creditorName="Kiwi")])
    await stage.bank.connect()
    stage.bank.odd.instead["balances"] = refusal(stage.kind, 404, "RESOURCE_UNKNOWN", "ACCOUNT_DOES_NOT_EXIST")
    await stage.refresh()
    await stage.refresh()
    return await stage.account_outcome()


async def ends_the_consent(stage: Stage) -> Outcome:
    stage.bank.says([stage.bank.line(creditorName="Kiwi")])
    await stage.bank.connect()
    await stage.bank.end_consent()
    stage.bank.odd.pages = None
    await stage.refresh()
    stage.bank.odd.pages = []
    return await stage.account_outcome()


async def refuses_under_a_consent_that_holds(stage: Stage) -> Outcome:
    stage.bank.says([stage.bank.line(creditorName="Kiwi")])
    await stage.bank.connect()
    stage.bank.odd.instead["balances"] = refusal(stage.kind, 401, "CONSENT_INVALID", "CLOSED_SESSION")
    await stage.refresh()
    return await stage.account_outcome()


def _message(request: Request) -> Response:
    return JSONResponse({"tppMessages": [{"category": "WARNING", "code": "SERVICE_BLOCKED"}]})


ACCOUNTS: Final = (
    Behaviour("gives a line another id at each read", says(*(one(transactionId=f"{n}" * 250) for n in range(4)))),
    Behaviour(
        "changes a line's id as it is booked",
        says(one(transactionId="p-1", status="pending"), one(transactionId="b-1"), one(transactionId="b-1")),
    ),
    Behaviour(
        "gives many lines the reference 0",
        says(*([several(*({"entryReference": "0", "creditorName": name} for name in ("Kiwi", "Rema", "Ruter")))] * 3)),
    ),
    Behaviour("has two equal lines, on two pages", says(*([in_pages({}, {})] * 3))),
    Behaviour("changes a line's id with the consent", renewed_under_other_ids),
    Behaviour(
        "tells a line's reference a day later", says(one(), one(entryReference="e-1"), one(entryReference="e-1"))
    ),
    Behaviour("lists a pending line without any date", says(one(status="pending", bookingDate=None))),
    Behaviour(
        "drops a pending line",
        says(several({"status": "pending"}, {"creditorName": "Rema"}), several({"creditorName": "Rema"})),
    ),
    Behaviour("drops a booked line, at two reads", says(one(), lambda stage: [[]], lambda stage: [[]])),
    Behaviour(
        "writes an amount that is none (`1000,00`)", says(several({}, {"amount": "1000,00"}, {"creditorName": "Rema"}))
    ),
    Behaviour("writes an amount with three decimals", says(several({}, {"amount": "-12.345"}, {"amount": "-12.340"}))),
    Behaviour("tells of a line its amount alone", says(several({}, {"item": dict(_AMOUNT_ALONE)})), NEXT_GEN),
    Behaviour("writes no sign, and names our own account as the creditor's", without_a_sign),
    Behaviour("lists null among the lines", says(several({}, {"item": None}, {"creditorName": "Rema"}))),
    Behaviour("has a statement of thirty pages", says(in_pages(*({"entryReference": f"e-{n}"} for n in range(30))))),
    Behaviour("gives 90 days with today", gives_a_shorter_period),
    Behaviour("lists no pending lines (`bookingStatus=both` is refused)", answers(_booked_alone), NEXT_GEN),
    Behaviour("answers 200 with a message instead of a statement", answers(_message)),
    Behaviour("refuses the statement (400)", answers(lambda request: Response(status_code=400))),
    Behaviour("lists a loan among the accounts", with_a_loan),
    Behaviour("names no account's `resourceId`", without_resource_ids, NEXT_GEN),
    Behaviour("lists an account in yen", in_yen),
    Behaviour(
        "lists a line under two ids (Nordea)",
        says(*([several(*({"transactionId": name, "entryReference": "e-1"} for name in "ab"))] * 2)),
        ("open_payments", "enable_banking"),
        "silje",
        "bank_nordea",
    ),
    Behaviour("takes a consent a little before its longest alone", says(one()), ("enable_banking",)),
    Behaviour("has no BIC", known_by_its_name, ("enable_banking",)),
    Behaviour("shares its BIC with another bank", shares_its_bic, ("enable_banking",)),
    Behaviour("gives several balances of one type", with_many_balances),
    Behaviour("counts a credit limit into its newest balance", with_a_credit_limit, NEXT_GEN),
    Behaviour("lets nobody read the accounts any more today (429)", gives_no_more_today),
    Behaviour("does not know its accounts any more (404)", forgets_an_account),
    Behaviour("has ended the consent", ends_the_consent),
    Behaviour("refuses a reading under a consent that holds", refuses_under_a_consent_that_holds),
)
