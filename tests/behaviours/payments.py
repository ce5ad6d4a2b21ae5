"""How banks take, approve, carry out and lose payments: docs/vendors, and what was found out later of single banks."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Final

from starlette.responses import Response

from tests.behaviours.stage import INGRID, PAYEE, Behaviour, Outcome, Stage, refusal
from tests.vendors.enable_banking import a_method
from tests.vendors.nextgenpsd2 import Sca

NEXT_GEN: Final = ("open_payments", "direct")
EB: Final = ("enable_banking",)
_FLAGGED: Final = {"category": "WARNING", "code": "CREDITOR_ACCOUNT_FLAGGED", "text": "Listed"}


async def ended(stage: Stage, days: int = 4) -> Outcome:
    await stage.pass_days(days)
    return await stage.payment_outcome()


async def approved(stage: Stage) -> Outcome:
    await stage.pay()
    await stage.decide()
    return await ended(stage)


async def refused(stage: Stage) -> Outcome:
    await stage.pay()
    await stage.decide("refuse")
    return await ended(stage)


async def left_open(stage: Stage) -> Outcome:
    await stage.pay()
    return await ended(stage)


async def not_carried_out(stage: Stage) -> Outcome:
    await stage.pay()
    await stage.decide(execution="fails")
    return await ended(stage)


async def without_funds(stage: Stage) -> Outcome:
    await stage.pay(creditorAccount="32019900028")
    await stage.decide()
    return await ended(stage)


async def cancelled_in_time(stage: Stage) -> Outcome:
    await stage.pay()
    await stage.cancel()
    return await ended(stage)


async def cancelled_too_late(stage: Stage) -> Outcome:
    await stage.pay()
    await stage.decide()
    await stage.cancel()
    return await ended(stage)


async def cancelled_elsewhere(stage: Stage) -> Outcome:
    """Kari takes a payment of a later day back in her online bank."""
    day = stage.bank.sandbox.clock.at.date() + timedelta(days=3)
    await stage.pay(executionDate=day.isoformat())
    await stage.decide()
    asked = "/bank/payments/obp-000001/cancellation"
    assert (await stage.bank.sandbox.inner.post(asked, json={"redirectUri": "https://bank.example"})).is_success
    await stage.bank.sandbox.press(f"/sandbox{asked}", decision="approve")
    return await ended(stage, days=8)


async def rejected_at_once(stage: Stage) -> Outcome:
    stage.bank.odd_payments.rejects_with = "AM04" if stage.kind == "enable_banking" else "FUNDS_NOT_AVAILABLE"
    await stage.pay()
    return await ended(stage)


def says_no(status: int, code: str, own: str) -> Callable[[Stage], Awaitable[Outcome]]:
    async def play(stage: Stage) -> Outcome:
        stage.bank.odd_payments.instead["initiate"] = refusal(stage.kind, status, code, own)
        await stage.pay()
        return await ended(stage)

    return play


async def loses_the_answer(stage: Stage) -> Outcome:
    stage.bank.face.loses_answers = True
    await stage.pay()
    await stage.decide_elsewhere()
    return await ended(stage)


async def approves_by(stage: Stage, sca: Sca) -> None:
    await stage.connect()
    if stage.kind == "enable_banking":
        stage.bank.face.methods = [a_method("Mobile BankID", "DECOUPLED")]
    elif stage.kind == "open_payments":
        stage.bank.face.is_exempted = sca is Sca.EXEMPTED
        stage.bank.face.is_decoupled = sca is not Sca.EXEMPTED
    else:
        stage.bank.face.sca = sca


def with_sca(sca: Sca) -> Callable[[Stage], Awaitable[Outcome]]:
    async def play(stage: Stage) -> Outcome:
        await approves_by(stage, sca)
        await stage.pay()
        # A direct bank's face carries out by itself what it exempts.
        if stage.kind != "direct" or sca not in (Sca.EXEMPTED, Sca.EXEMPTED_AT_ONCE):
            await stage.decide_elsewhere()
        return await ended(stage)

    return play


async def chosen_by_the_user(stage: Stage) -> Outcome:
    await approves_by(stage, Sca.CHOSEN_DECOUPLED)
    apps = {"mobile": "Mobilbanken", "bankid": "BankID"}
    stage.bank.face.methods = [
        {"authenticationType": "PUSH_OTP", "authenticationMethodId": method, "name": name}
        for method, name in apps.items()
    ]
    await stage.pay()
    await stage.choose("bankid")
    await stage.decide_elsewhere()
    return await ended(stage)


async def refused_in_the_app(stage: Stage) -> Outcome:
    await approves_by(stage, Sca.DECOUPLED)
    await stage.pay()
    await stage.decide_elsewhere("refuse")
    return await ended(stage)


async def fails_to_begin_the_approval(stage: Stage) -> Outcome:
    """The approval has begun all the same, and its user gives it in the bank's app. DELETE cancels nothing."""
    await approves_by(stage, Sca.ERROR)
    stage.bank.face.deletes_with = 405
    await stage.pay()
    await stage.decide_elsewhere()
    return await ended(stage)


def offers_nothing(deleted: int | None, *, is_approved: bool) -> Callable[[Stage], Awaitable[Outcome]]:
    """No approval that Drop could carry; the bank may execute all the same, and answers DELETE so."""

    async def play(stage: Stage) -> Outcome:
        await stage.connect()
        face = stage.bank.face
        face.deletes_with = deleted
        if stage.kind == "open_payments":
            face.offers_page = False
        else:
            face.sca = Sca.TYPED_CODE
        await stage.pay()
        if is_approved:
            await stage.decide_elsewhere()
        return await ended(stage)

    return play


async def away_for_hours(stage: Stage) -> Outcome:
    await stage.pay()
    stage.bank.odd_payments.instead["read"] = lambda request: Response(status_code=503)
    await stage.decide()
    for _ in range(10):
        await stage.pass_time(hours=1)
    del stage.bank.odd_payments.instead["read"]
    return await ended(stage)


async def loses_the_code(stage: Stage) -> Outcome:
    await stage.pay()
    stage.bank.face.exchanges_codes = False
    await stage.decide()
    stage.bank.face.exchanges_codes = True
    return await ended(stage)


def last_word(last: str) -> Callable[[Stage], Awaitable[Outcome]]:
    """The bank books, and never says so in the payment's status."""

    async def play(stage: Stage) -> Outcome:
        stage.bank.odd_payments.last = last
        return await approved(stage)

    return play


async def forgets(stage: Stage) -> Outcome:
    await stage.pay()
    await stage.pass_time(minutes=5)
    unknown = (403, "RESOURCE_UNKNOWN") if stage.kind == "direct" else (404, "RESOURCE_UNKNOWN")
    stage.bank.odd_payments.gone = (404, "PAYMENT_NOT_FOUND") if stage.kind == "enable_banking" else unknown
    return await ended(stage)


async def forgets_what_was_approved(stage: Stage) -> Outcome:
    await stage.pay()
    await stage.decide()
    stage.bank.odd_payments.gone = (404, "RESOURCE_UNKNOWN")
    if stage.kind != "open_payments":
        own = (404, "PAYMENT_NOT_FOUND")
        stage.bank.odd_payments.gone = own if stage.kind == "enable_banking" else (403, "RESOURCE_EXPIRED")
    return await ended(stage)


def with_ids(play: Callable[[Stage], Awaitable[Outcome]]) -> Callable[[Stage], Awaitable[Outcome]]:
    """As that, at a bank behind Enable Banking whose lines bear the payments' end-to-end ids."""

    async def played(stage: Stage) -> Outcome:
        stage.bank.odd.gives_ids = True
        return await play(stage)

    return played


async def warns_of_the_payee(stage: Stage) -> Outcome:
    await stage.connect()
    stage.bank.odd.warns = [_FLAGGED]
    return await approved(stage)


async def waits_for_another(stage: Stage) -> Outcome:
    """Of an account that two have to approve for: the second one does so two days later."""
    day = stage.bank.sandbox.clock.at.date() + timedelta(days=3)
    await stage.pay(executionDate=day.isoformat())
    stage.bank.odd_payments.word = "PATC"
    await stage.decide()
    await stage.pass_days(2)
    stage.bank.odd_payments.word = None
    return await ended(stage, days=8)


async def waits_for_another_in_vain(stage: Stage) -> Outcome:
    """Of an account that two have to approve for: the second one never does, and the bank says no more."""
    await stage.pay()
    stage.bank.odd_payments.word, stage.bank.odd_payments.is_final = "PATC", False
    await stage.decide(execution="fails")
    return await ended(stage, days=8)


async def gives_the_money_back(stage: Stage) -> Outcome:
    stage.bank.odd.gives_ids = True
    await stage.pay()
    await stage.decide()
    await stage.pass_days(4)
    assert stage.payment_id is not None
    ours = {"endToEndId": f"D-{stage.payment_id.removeprefix('pay_')}"}
    stage.bank.says(
        [
            stage.bank.line(creditorName=PAYEE, amount="-125.00", **ours),
            stage.bank.line(debtorName=PAYEE, amount="125.00", **ours),
        ]
    )
    return await stage.payment_outcome()


async def scheduled(stage: Stage) -> Outcome:
    day = stage.bank.sandbox.clock.at.date().toordinal() + 3
    await stage.pay(executionDate=type(stage.bank.sandbox.clock.at.date()).fromordinal(day).isoformat())
    await stage.decide()
    return await ended(stage, days=8)


PAYMENTS: Final = (
    Behaviour("carries it out within seconds", approved),
    Behaviour("the user refuses on its page", refused),
    Behaviour("the user leaves its page open", left_open),
    Behaviour("accepts it, and cannot carry it out", not_carried_out),
    Behaviour("finds too little money", without_funds),
    Behaviour("waits for a later day", scheduled),
    Behaviour("is asked to cancel before the approval", cancelled_in_time),
    Behaviour("is asked to cancel after the approval", cancelled_too_late),
    Behaviour("its user cancels it in the online bank (`CANC`, `CNCL`)", cancelled_elsewhere),
    Behaviour("takes it with status RJCT", rejected_at_once),
    Behaviour("refuses its product (`PRODUCT_UNKNOWN`)", says_no(403, "PRODUCT_UNKNOWN", ""), NEXT_GEN),
    Behaviour("wants a KID (`REQUIRED_KID_MISSING`)", says_no(401, "REQUIRED_KID_MISSING", ""), NEXT_GEN),
    Behaviour("refuses its day", says_no(400, "EXECUTION_DATE_INVALID", ""), NEXT_GEN),
    Behaviour("refuses an amount above its limit", says_no(400, "", "PAYMENT_LIMIT_EXCEEDED"), ("enable_banking",)),
    Behaviour("refuses an unknown payee", says_no(400, "", "UNTRUSTED_PAYMENT_PARTY"), ("enable_banking",)),
    Behaviour("wants something of the user first", says_no(400, "", "ASPSP_PSU_ACTION_REQUIRED"), EB),
    Behaviour("takes it, its answer is lost, and the user approves all the same", loses_the_answer),
    Behaviour("asks in its own app, with a code (`DECOUPLED`)", with_sca(Sca.DECOUPLED), ("direct",)),
    Behaviour("asks in its own app once a method is chosen", with_sca(Sca.CHOSEN_DECOUPLED), NEXT_GEN),
    Behaviour("has two apps, of which the user chooses one (`CHOICE`)", chosen_by_the_user, ("direct",)),
    Behaviour("asks in its own app, and its vendor's page waits", with_sca(Sca.DECOUPLED), ("enable_banking",)),
    Behaviour("the user refuses in its app", refused_in_the_app, NEXT_GEN),
    Behaviour("wants no approval (`exempted`)", with_sca(Sca.EXEMPTED), NEXT_GEN),
    Behaviour("wants none, and says so at once", with_sca(Sca.EXEMPTED_AT_ONCE), ("direct",)),
    Behaviour(
        "offers no approval that Drop can carry, and cancels (204)", offers_nothing(None, is_approved=False), NEXT_GEN
    ),
    Behaviour(
        "offers none, does not cancel (405), and carries it out", offers_nothing(405, is_approved=True), NEXT_GEN
    ),
    Behaviour(
        "offers none, wants an approval to cancel (202), and carries it out",
        offers_nothing(202, is_approved=True),
        NEXT_GEN,
    ),
    Behaviour("answers 500 as the approval is begun, and carries it out", fails_to_begin_the_approval, ("direct",)),
    Behaviour("is away for ten hours after the approval", away_for_hours),
    Behaviour("forgets a payment that nobody has approved", forgets),
    Behaviour("forgets a payment that was approved", forgets_what_was_approved),
    Behaviour("warns that the payee's account is flagged", warns_of_the_payee, NEXT_GEN),
    Behaviour("waits for another's approval (`PATC`), which comes", waits_for_another),
    Behaviour("waits for another's approval (`PATC`), which never comes", waits_for_another_in_vain),
    Behaviour(
        "wants to know the user at each reading, and lets no payment be read (Handelsbanken)",
        approved,
        ("open_payments",),
        INGRID,
        "bank_handelsbanken",
    ),
    Behaviour("ends at ACSP, and books", last_word("ACSP")),
    Behaviour("ends at ACTC, and books", last_word("ACTC")),
    Behaviour("says a status that nobody knows, and books", last_word("QQQQ")),
    Behaviour("gives the money back days after it has settled", gives_the_money_back),
    Behaviour("ends at ACSP, and its line bears our id", with_ids(last_word("ACSP")), EB),
    Behaviour("forgets what was approved, and its line bears our id", with_ids(forgets_what_was_approved), EB),
    Behaviour("its answer is lost, the user approves, and its line bears our id", with_ids(loses_the_answer), EB),
    Behaviour("its vendor is away while the code is exchanged", loses_the_code, ("open_payments",)),
)
