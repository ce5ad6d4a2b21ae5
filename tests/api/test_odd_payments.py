"""What banks say of payments besides the usual: at every kind of bank, through its page and back; the ledger judges."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from anyio import fail_after
from prometheus_client import REGISTRY
from starlette.requests import Request
from starlette.responses import Response

from tests.builders.gateway import a_payment, nodes, pay, payment_of
from tests.builders.odd_banks import KINDS, OddBank, odd_bank
from tests.vendors.nextgenpsd2 import Sca

CANCEL = """mutation($id: ID!) { cancelPayment(input: {id: $id}) {
  payment { status } userErrors { code message } } }"""
DELETE = "mutation { deleteAccount(input: {confirm: true}) { userErrors { code message } } }"
UNKNOWN = "drop_unknown_statuses_total"


@pytest.fixture(params=KINDS)
async def bank(database_url: str, tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[OddBank]:
    async with odd_bank(request.param, database_url, tmp_path) as bank:
        await bank.connect()
        yield bank


def _counted() -> float:
    return REGISTRY.get_sample_value(UNKNOWN, {"of": "bank payment"}) or 0


async def test_a_status_that_is_not_known_moves_nothing_and_is_counted(bank: OddBank) -> None:
    payment = await bank.pay()
    before = _counted()
    bank.odd_payments.word = "QQQQ"
    bank.odd_payments.is_final = False
    await bank.visit(payment["authorisationUrl"])
    await bank.pass_time(minutes=10)
    waiting = await payment_of(bank.kari, payment["id"])
    counted = _counted() - before

    bank.odd_payments.word = bank.odd_payments.is_final = None
    await bank.pass_time(hours=2)
    ended = await payment_of(bank.kari, payment["id"])

    assert (waiting["status"], waiting["version"]) == ("AUTHORISATION_REQUIRED", payment["version"])
    assert counted >= 2
    assert (ended["status"], await bank.booked()) == ("SETTLED", 1)


@pytest.mark.parametrize("word", ["RCVD", "PDNG", "ACTC", "ACSP", "QQQQ"])
@pytest.mark.parametrize("bank", ["enable_banking"], indirect=True)
async def test_after_the_last_report_a_payment_is_under_way_and_has_not_failed(bank: OddBank, word: str) -> None:
    payment = await bank.pay()
    bank.odd_payments.word, bank.odd_payments.is_final = word, True

    await bank.visit(payment["authorisationUrl"])
    await bank.pass_time(hours=30)
    waiting = await payment_of(bank.kari, payment["id"])

    assert (waiting["status"], waiting["failure"]) == ("PROCESSING", None)
    assert [event["status"] for event in nodes(waiting["history"])][-1] == "PROCESSING"


@pytest.mark.parametrize("bank", ["enable_banking"], indirect=True)
async def test_after_the_last_report_the_statement_is_read_and_settles_a_payment(bank: OddBank) -> None:
    bank.odd.gives_ids = True
    payment = await bank.pay()
    bank.odd_payments.word, bank.odd_payments.is_final = "ACSP", True
    await bank.visit(payment["authorisationUrl"])
    under_way = await payment_of(bank.kari, payment["id"])

    await bank.pass_time(days=4)
    ended = await payment_of(bank.kari, payment["id"])

    assert under_way["status"] == "PROCESSING"
    assert (ended["status"], nodes(ended["history"])[-1]["cause"]) == ("SETTLED", "STATEMENT")


@pytest.mark.parametrize("bank", ["enable_banking"], indirect=True)
async def test_after_the_last_report_the_statement_is_read_daily_until_it_tells_the_end(bank: OddBank) -> None:
    payment = await bank.pay()
    bank.odd_payments.word, bank.odd_payments.is_final = "ACSP", True
    await bank.visit(payment["authorisationUrl"])
    daily = []
    for _ in range(18):
        before = await bank.unattended_reads()
        await bank.pass_time(days=1)
        daily.append(await bank.unattended_reads() - before)

    assert set(daily[1:]) == {1}
    assert (await payment_of(bank.kari, payment["id"]))["status"] == "PROCESSING"


@pytest.mark.parametrize("bank", ["enable_banking"], indirect=True)
async def test_a_forgotten_payment_in_doubt_is_settled_by_its_statement(bank: OddBank) -> None:
    bank.odd.gives_ids = True
    payment = await bank.pay()
    bank.odd_payments.gone = UNKNOWN_AT[bank.kind]
    await bank.visit(payment["authorisationUrl"])
    await bank.pass_time(hours=12)
    doubted = await payment_of(bank.kari, payment["id"])

    await bank.pass_time(days=4)
    ended = await payment_of(bank.kari, payment["id"])

    assert "IN_DOUBT" in [event["kind"] for event in nodes(ended["history"])]
    assert doubted["status"] in ("AUTHORISATION_REQUIRED", "SETTLED")
    assert (ended["status"], nodes(ended["history"])[-1]["cause"]) == ("SETTLED", "STATEMENT")
    assert await bank.booked() == 1


@pytest.mark.parametrize(("word", "status"), [("RJCT", "REJECTED"), ("CNCL", "CANCELLED")])
@pytest.mark.parametrize("bank", ["enable_banking"], indirect=True)
async def test_the_vendors_word_for_the_end_ends_a_payment(bank: OddBank, word: str, status: str) -> None:
    payment = await bank.pay()
    bank.odd_payments.word = word

    await bank.pass_time(minutes=5)

    assert (await payment_of(bank.kari, payment["id"]))["status"] == status


class Held:
    """A bank that has taken a payment and whose answer is on its way until it is let go."""

    def __init__(self, bank: OddBank) -> None:
        self.is_taken, self.go_on = asyncio.Event(), asyncio.Event()
        bank.face.on_accepted = self._hold

    async def _hold(self) -> None:
        self.is_taken.set()
        await self.go_on.wait()

    async def wait(self) -> None:
        with fail_after(10):
            await self.is_taken.wait()


async def test_a_like_payment_waits_for_the_one_on_its_way(bank: OddBank) -> None:
    held, account = Held(bank), (await bank.account())["id"]
    first = asyncio.create_task(bank.pay())
    await held.wait()

    again = await pay(bank.kari, a_payment(account))
    other = asyncio.create_task(pay(bank.kari, a_payment(account, amount_minor=9_900)))
    held.go_on.set()
    await first
    afterwards = await pay(bank.kari, a_payment(account))

    assert (await other)["userErrors"] == []
    assert [error["code"] for error in again["userErrors"]] == ["POSSIBLE_DUPLICATE"]
    assert afterwards["userErrors"] == []


async def test_who_loses_kyc_while_the_bank_answers_is_shown_no_page(bank: OddBank) -> None:
    held = Held(bank)
    paying = asyncio.create_task(bank.pay())
    await held.wait()

    await bank.lose_kyc()
    held.go_on.set()
    payment = await paying
    await bank.play.settle()
    ended = await payment_of(bank.kari, payment["id"])

    assert (payment["authorisationUrl"], ended["authorisationUrl"]) == (None, None)
    if bank.kind == "enable_banking":
        # It cannot cancel: the payment is watched until it lapses.
        assert ended["status"] == "AUTHORISATION_REQUIRED"
        await bank.pass_time(hours=1)
        assert (await payment_of(bank.kari, payment["id"]))["status"] == "EXPIRED"
    else:
        assert (ended["status"], nodes(ended["history"])[-1]["cause"]) == ("CANCELLED", "KYC_LOST")
    assert await bank.booked() == 0


async def test_who_loses_kyc_is_not_shown_the_page_of_an_open_payment(bank: OddBank) -> None:
    payment = await bank.pay()

    await bank.lose_kyc()
    after = await payment_of(bank.kari, payment["id"])

    assert after["authorisationUrl"] is None
    assert after["status"] == ("AUTHORISATION_REQUIRED" if bank.kind == "enable_banking" else "CANCELLED")


@pytest.mark.parametrize("bank", ["open_payments", "direct"], indirect=True)
async def test_a_payment_in_doubt_that_the_bank_has_is_cancelled_with_the_rest(bank: OddBank) -> None:
    bank.face.starts_approvals, bank.face.sca, bank.face.deletes_with = False, Sca.ERROR, 405
    payment = await bank.pay()
    bank.face.deletes_with = None

    await bank.lose_kyc()
    after = await payment_of(bank.kari, payment["id"])

    assert payment["inDoubt"] is True
    assert (after["status"], nodes(after["history"])[-1]["cause"]) == ("CANCELLED", "KYC_LOST")


@pytest.mark.parametrize("leaves", [False, True])
@pytest.mark.parametrize("bank", ["open_payments", "direct"], indirect=True)
async def test_a_payment_that_cannot_be_cancelled_just_now_keeps_no_other_from_it(bank: OddBank, leaves: bool) -> None:
    odd, other = await bank.pay(), await bank.pay(9_900)
    of_odd = bank.odd_payments.ids[0]

    def cancel(request: Request) -> Response | None:
        return Response(status_code=503) if of_odd in request.url.path else None

    bank.odd_payments.instead["cancel"] = cancel
    if leaves:
        (told,) = (await bank.kari.ask(DELETE))["deleteAccount"]["userErrors"]
        assert told["code"] == "PROVIDER_UNAVAILABLE"
    else:
        await bank.lose_kyc()
    first, second = await payment_of(bank.kari, odd["id"]), await payment_of(bank.kari, other["id"])
    bank.odd_payments.instead.clear()
    assert (first["status"], second["status"]) == ("AUTHORISATION_REQUIRED", "CANCELLED")
    if leaves:
        assert (await bank.kari.ask(DELETE))["deleteAccount"]["userErrors"] == []
        return
    await bank.pass_time(minutes=10)
    after = await payment_of(bank.kari, odd["id"])

    assert first["authorisationUrl"] is None
    assert (after["status"], nodes(after["history"])[-1]["cause"]) == ("CANCELLED", "KYC_LOST")


@pytest.mark.parametrize("bank", ["enable_banking"], indirect=True)
async def test_where_the_vendor_cannot_cancel_the_user_is_told_so(bank: OddBank) -> None:
    payment = await bank.pay()

    waiting = (await bank.kari.ask(CANCEL, id=payment["id"]))["cancelPayment"]["userErrors"]
    leaving = (await bank.kari.ask(DELETE))["deleteAccount"]["userErrors"]
    bank.odd_payments.word = "ACSP"
    await bank.visit(payment["authorisationUrl"])
    under_way = (await bank.kari.ask(CANCEL, id=payment["id"]))["cancelPayment"]["userErrors"]

    assert [error["message"] for error in waiting] == [
        "Banken lar oss ikke avbryte betalingen. Den faller bort av seg selv hvis du ikke godkjenner den."
    ]
    assert [error["code"] for error in leaving] == ["INVALID_STATE"]
    assert [error["message"] for error in under_way] == [
        "Banken lar oss ikke avbryte betalingen. Avbryt den i nettbanken hvis det ikke er for sent."
    ]


# How each kind of bank says that it does not know a payment.
UNKNOWN_AT = {
    "open_payments": (404, "RESOURCE_UNKNOWN"),
    "direct": (403, "RESOURCE_UNKNOWN"),
    "enable_banking": (404, "PAYMENT_NOT_FOUND"),
}


@pytest.mark.parametrize("bank", ["open_payments", "direct"], indirect=True)
async def test_what_nobody_had_approved_expires_once_the_bank_has_forgotten_it(bank: OddBank) -> None:
    payment = await bank.pay()
    await bank.pass_time(minutes=5)
    bank.odd_payments.gone = (403, "RESOURCE_EXPIRED")
    await bank.pass_time(minutes=40)
    waiting = await payment_of(bank.kari, payment["id"])

    await bank.pass_time(hours=3)
    ended = await payment_of(bank.kari, payment["id"])
    left = (await bank.kari.ask(DELETE))["deleteAccount"]["userErrors"]

    assert waiting["status"] == "AUTHORISATION_REQUIRED"
    assert (ended["status"], ended["failure"]["code"]) == ("EXPIRED", "AUTHORISATION_EXPIRED")
    assert nodes(ended["history"])[-1]["cause"] == "INFERRED"
    assert left == []
    # The job that watches it goes on without its user, and comes to its end.
    await bank.pass_time(days=20)
    assert await bank.jobs("ask_bank") == 0


@pytest.mark.parametrize("told", ["ACSC", "RJCT"])
@pytest.mark.parametrize("bank", ["open_payments", "direct"], indirect=True)
async def test_a_refusal_that_the_bank_has_not_told_is_inferred_and_watched(bank: OddBank, told: str) -> None:
    payment = await bank.pay()
    bank.odd_payments.word = "RCVD"
    await bank.visit(payment["authorisationUrl"], "refuse")
    await bank.pass_time(days=1)
    inferred, watching = await payment_of(bank.kari, payment["id"]), await bank.jobs("ask_bank")

    bank.odd_payments.word = told
    await bank.pass_time(days=1, hours=1)
    after = await payment_of(bank.kari, payment["id"])

    history = nodes(inferred["history"])
    assert (inferred["status"], inferred["failure"]["code"]) == ("REJECTED", "AUTHORISATION_REFUSED")
    assert (history[-1]["cause"], watching) == ("INFERRED", 1)
    # What the bank has said itself is not watched.
    assert await bank.jobs("ask_bank") == 0
    ended = [("REJECTED", "INFERRED"), ("SETTLED", "VENDOR_CORRECTION")]
    assert [(event["status"], event["cause"]) for event in nodes(after["history"])][len(history) - 1 :] == (
        ended if told == "ACSC" else ended[:1]
    )


@pytest.mark.parametrize("bank", ["direct", "enable_banking"], indirect=True)
async def test_a_refusal_that_the_bank_has_told_is_the_banks(bank: OddBank) -> None:
    payment = await bank.pay()
    await bank.visit(payment["authorisationUrl"], "refuse")
    await bank.pass_time(days=1)

    ended = await payment_of(bank.kari, payment["id"])

    assert (ended["status"], await bank.jobs("ask_bank")) == ("REJECTED", 0)
    assert nodes(ended["history"])[-1]["cause"] != "INFERRED"


async def test_an_unknown_id_is_asked_for_three_times_over_an_hour(bank: OddBank) -> None:
    payment = await bank.pay()
    await bank.pass_time(minutes=5)
    bank.odd_payments.gone = UNKNOWN_AT[bank.kind]
    await bank.pass_time(minutes=59)
    told = (await bank.kari.ask(CANCEL, id=payment["id"]))["cancelPayment"]["userErrors"]
    waiting = await payment_of(bank.kari, payment["id"])

    await bank.pass_time(hours=4)
    after = await payment_of(bank.kari, payment["id"])

    assert [error["code"] for error in told] == ["INVALID_STATE"]
    assert (waiting["status"], waiting["inDoubt"]) == ("AUTHORISATION_REQUIRED", False)
    # Enable Banking gives no SCA status: nobody has read that the user had not approved.
    expected = ("AUTHORISATION_REQUIRED", True) if bank.kind == "enable_banking" else ("EXPIRED", False)
    assert (after["status"], after["inDoubt"]) == expected


async def test_a_bank_that_knows_the_payment_again_is_believed(bank: OddBank) -> None:
    payment = await bank.pay()
    bank.odd_payments.gone = UNKNOWN_AT[bank.kind]
    await bank.pass_time(minutes=10)
    bank.odd_payments.gone = None
    await bank.visit(payment["authorisationUrl"])

    await bank.pass_time(hours=1)

    assert (await payment_of(bank.kari, payment["id"]))["status"] == "SETTLED"


@pytest.mark.parametrize("knows_sca", [True, False])
@pytest.mark.parametrize("bank", ["open_payments", "direct"], indirect=True)
async def test_what_was_approved_is_in_doubt_or_corrected_by_the_statement(bank: OddBank, knows_sca: bool) -> None:
    payment = await bank.pay()
    await bank.pass_time(minutes=5)
    bank.odd_payments.gone, bank.odd_payments.knows_sca = (403, "RESOURCE_EXPIRED"), knows_sca
    await bank.visit(payment["authorisationUrl"])

    # The statement, as the sandbox's bank gives it, bears our end-to-end id.
    await bank.pass_time(hours=30)
    ended = await payment_of(bank.kari, payment["id"])

    history = nodes(ended["history"])
    assert (ended["status"], await bank.booked()) == ("SETTLED", 1)
    if knows_sca:
        assert [event["kind"] for event in history][-2:] == ["IN_DOUBT", "STATUS"]
        assert history[-1]["cause"] == "STATEMENT"
    else:
        # The approval could not be read, so that its last reading counted: the statement corrects that.
        assert [event["status"] for event in history][-2:] == ["EXPIRED", "SETTLED"]
        assert history[-1]["cause"] == "VENDOR_CORRECTION"


@pytest.mark.parametrize("bank", ["open_payments", "direct"], indirect=True)
async def test_a_payment_that_has_ended_needs_no_approval_to_be_read(bank: OddBank) -> None:
    payment = await bank.pay()
    bank.odd_payments.gone, bank.odd_payments.knows_status = (403, "RESOURCE_UNKNOWN"), True
    await bank.pass_time(minutes=5)
    waiting = await payment_of(bank.kari, payment["id"])

    bank.odd_payments.word = "CANC"
    await bank.pass_time(minutes=10)

    assert waiting["status"] == "AUTHORISATION_REQUIRED"
    assert (await payment_of(bank.kari, payment["id"]))["status"] == "CANCELLED"


async def test_no_job_asks_about_a_payment_that_has_ended(bank: OddBank) -> None:
    asked: list[str] = []

    def fails(request: Request) -> Response:
        asked.append(request.url.path)
        return Response(status_code=500)

    bank.odd_payments.rejects_with = "AM04" if bank.kind == "enable_banking" else "FUNDS_NOT_AVAILABLE"
    bank.odd_payments.instead["read"] = fails
    for _ in range(3):
        payment = await bank.pay()

    await bank.pass_time(hours=2)

    assert payment["status"] == "REJECTED"
    assert asked == []
    assert await bank.jobs("ask_bank") == 0
    assert await bank.refresh() == []
