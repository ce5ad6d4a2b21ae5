"""Consents at banks that ask for no page: given in the bank's own app, or without any approval."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import stamina
from starlette.responses import Response

from tests.builders.gateway import CONNECT, nodes
from tests.builders.odd_banks import OddBank, odd_bank
from tests.vendors.nextgenpsd2 import NextGenBanks, Sca

SHOWN = "{ viewer { bankLinks(first: 1) { edges { node { authorisation { challenge } } } } } }"


@pytest.fixture
async def bank(database_url: str, tmp_path: Path) -> AsyncIterator[OddBank]:
    async with odd_bank("direct", database_url, tmp_path) as bank:
        yield bank


async def connect(bank: OddBank, sca: Sca) -> dict[str, Any]:
    bank.face.consents_by = sca
    return dict((await bank.kari.ask(CONNECT, bank="bank_dnb"))["connectBank"])


@pytest.mark.parametrize("sca", [Sca.DECOUPLED, Sca.CHOSEN_DECOUPLED])
async def test_a_consent_is_given_in_the_banks_app_and_seen_within_seconds(bank: OddBank, sca: Sca) -> None:
    face: NextGenBanks = bank.face

    asked = await connect(bank, sca)
    await bank.pass_time(seconds=4)
    waiting = await bank.link()
    await face.approve_consent(bank.odd.consents[-1])
    await bank.pass_time(seconds=2)
    given = await bank.link()

    shown = {"kind": "DECOUPLED", "url": None, "message": "Open your BankID app.", "challenge": "4711"}
    assert asked["authorisation"] == {**shown, "expiresAt": None}
    assert (asked["authorisationUrl"], asked["bankLink"]["status"]) == (None, "AWAITING_AUTHORISATION")
    assert (waiting["status"], waiting["accounts"]) == ("AWAITING_AUTHORISATION", [])
    assert (given["status"], len(given["accounts"])) == ("ACTIVE", 2)
    assert face.selected == (1 if sca is Sca.CHOSEN_DECOUPLED else 0)


async def test_a_consent_that_is_refused_in_the_banks_app_is_over_within_seconds(bank: OddBank) -> None:
    await connect(bank, Sca.DECOUPLED)

    await bank.face.approve_consent(bank.odd.consents[-1], "refuse")
    await bank.pass_time(seconds=2)

    assert (await bank.link())["status"] == "REJECTED"


@pytest.mark.parametrize("sca", [Sca.DECOUPLED, Sca.REDIRECT])
async def test_an_approval_that_the_bank_does_not_link_to_is_read_all_the_same(bank: OddBank, sca: Sca) -> None:
    bank.face.links_to_approvals = False
    asked = await connect(bank, sca)
    bank.face.code = "0815"
    await bank.pass_time(seconds=2)
    waiting = await bank.kari.ask(SHOWN)

    # The consent itself stays "received": only the approval tells that the user has refused it.
    bank.odd.consent_word = "received"
    if sca is Sca.DECOUPLED:
        await bank.face.approve_consent(bank.odd.consents[-1], "refuse")
        await bank.pass_time(seconds=2)
    else:
        await bank.visit(asked["authorisationUrl"], "refuse")

    (link,) = nodes(waiting["viewer"]["bankLinks"])
    assert link["authorisation"] == ({"challenge": "0815"} if sca is Sca.DECOUPLED else None)
    assert (await bank.link())["status"] == "REJECTED"


@pytest.mark.parametrize("status", [404, 405, 500])
async def test_a_bank_that_lists_no_approvals_is_asked_for_the_consent_alone(bank: OddBank, status: int) -> None:
    bank.face.links_to_approvals = False
    bank.odd.instead["approvals"] = lambda request: Response(status_code=status)
    await connect(bank, Sca.DECOUPLED)

    with stamina.set_testing(True, attempts=1, cap=True):
        await bank.pass_time(seconds=2)
    await bank.face.approve_consent(bank.odd.consents[-1])
    await bank.pass_time(seconds=2)

    assert (await bank.link())["status"] == "ACTIVE"


@pytest.mark.parametrize("sca", [Sca.EXEMPTED, Sca.EXEMPTED_AT_ONCE])
async def test_a_consent_that_needs_no_approval_is_active_at_once(bank: OddBank, sca: Sca) -> None:
    asked = await connect(bank, sca)
    await bank.pass_time(seconds=4)

    link = await bank.link()
    assert (asked["authorisation"], asked["userErrors"]) == (None, [])
    assert asked["bankLink"]["status"] == "ACTIVE"
    assert (link["status"], len(link["accounts"])) == ("ACTIVE", 2)
    # Nothing was begun that could ask the user all the same.
    assert len(bank.face.begun_consents) == (1 if sca is Sca.EXEMPTED else 0)


@pytest.mark.parametrize(("sca", "code"), [(Sca.TYPED_CODE, "INVALID_STATE"), (Sca.ERROR, "PROVIDER_UNAVAILABLE")])
async def test_a_consent_that_drop_cannot_carry_is_ended_at_the_bank(bank: OddBank, sca: Sca, code: str) -> None:
    with stamina.set_testing(True, attempts=2, cap=True):
        asked = await connect(bank, sca)
    await bank.face.approve_consent(bank.odd.consents[-1])
    await bank.pass_time(minutes=1)

    assert [error["code"] for error in asked["userErrors"]] == [code]
    at_bank = (await bank.sandbox.inner.get(f"/bank/consents/{bank.odd.consents[-1]}")).json()
    assert at_bank["consentStatus"] == "terminatedByTpp"
