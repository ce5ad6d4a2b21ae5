"""Somebody who walks the schema, and an owner whose rows there are to find."""

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import groupby, islice
from operator import itemgetter
from typing import Any, Final

from sqlalchemy import text

from domain.clock import oslo_date
from tests.api.test_upload import declared, put
from tests.builders.answers import forget_answers
from tests.builders.canaries import Canaries
from tests.builders.gateway import Play, Player, a_payment, nodes
from tests.builders.schema_walk import Change, asked_by, changes, id_arguments, reached, spanning
from tests.builders.twin import Twin

_A_FEW: Final = 2
# After them, the person is another user, or signed out.
ENDS: Final = ("endAllSessions", "deleteAccount")
CHANGES: Final[dict[str, Change]] = {one.name: one for one in changes()}
# Shown only where something went wrong, which none of the owner's has: put where it stands then.
WRONG: Final = (
    "UPDATE card SET failure_code = 'CARDHOLDER_UNKNOWN', status = 'FAILED'",
    "UPDATE refund SET failure_code = 'DECLINED', status = 'FAILED'",
    "UPDATE payment SET failure_code = 'AUTHORISATION_REFUSED', status = 'REJECTED' WHERE amount_minor = 99000000",
    "UPDATE payment SET returned_on = '2026-11-24' WHERE rail = 'BANK'",
)


@dataclass
class Walker:
    """One who asks, and all that was answered."""

    player: Player
    persona: str | None = None
    # Ids of the walker's own, for the other places of a mutation that takes two.
    own: dict[str, str] = field(default_factory=dict)
    fields: set[str] = field(default_factory=set)
    answers: list[Any] = field(default_factory=list)

    async def ask(self, document: str, scenario: str | None = None, **variables: object) -> Any:
        """The whole answer."""
        headers = {"x-drop-scenario": scenario} if scenario else {}
        sent = {"query": document, "variables": variables}
        answer = (await self.player.http.post("/graphql", json=sent, headers=headers)).json()
        self.hear(answer, document)
        return answer

    def hear(self, answer: Any, document: str) -> None:
        self.answers.append(answer)
        self.fields |= reached(answer.get("data"), document)

    async def change(self, name: str, scenario: str | None = None, **given: object) -> Any:
        """What a mutation gives, where there must be no fault."""
        change = CHANGES[name]
        answer = await self.ask(change.document, scenario, **({"input": given} if change.kind else {}))
        assert "errors" not in answer, (name, answer["errors"])
        payload = answer["data"][name]
        assert payload["userErrors"] == [], (name, payload["userErrors"])
        return payload

    def cursors(self, *ends: str) -> list[str]:
        """A few of each kind of object that were answered, whose names end like that."""
        found = sorted({one for answer in self.answers for one in _cursors_in(answer) if one[0].endswith(ends)})
        return [cursor for _, of_kind in groupby(found, itemgetter(0)) for _, cursor in islice(of_kind, _A_FEW)]

    def ids(self) -> set[str]:
        """Of the objects that were answered."""
        return set(re.findall(r'"id": "(\w+)"', json.dumps(self.answers)))

    async def walk_fields(self) -> list[Any]:
        """Every field that can be reached without an id. Gives the errors."""
        return await self._ask_each([document for _, document in spanning()])

    async def walk_ids(self, ids: Sequence[str], cursors: Sequence[str]) -> list[Any]:
        """Every place of a query that takes an id or a cursor. Gives the errors."""
        asked = [asked_by(place, cursors if place.is_cursor else ids) for place in id_arguments()]
        return await self._ask_each([document for documents in asked for document in documents])

    async def _ask_each(self, documents: Sequence[str]) -> list[Any]:
        answers = [await self.ask(document) for document in documents]
        return [error for answer in answers for error in answer.get("errors", [])]

    async def walk_changes(self, ids: Sequence[str]) -> dict[str, set[str]]:
        """Every mutation, with each id in each place that takes one. Gives what was said to those, by their place."""
        found: dict[str, set[str]] = {}
        for change in sorted(CHANGES.values(), key=lambda one: (not one.ids, one.name in ENDS)):
            for path in change.ids:
                said = found.setdefault(f"{change.name}.{'.'.join(path)}", set())
                for identifier in ids:
                    variables = change.variables(path, identifier, self.own)
                    what = _said(await self.ask(change.document, **variables), change.name, path)
                    said.update(what)
                    await self._come_back(what)
            if not change.ids:
                answer = await self.ask(change.document, **change.variables())
                await self._come_back(_said(answer, change.name, ()))
        return found

    async def _come_back(self, said: Sequence[str]) -> None:
        """Sign in again, where what was done has ended the session."""
        if self.persona is None or "done" not in said:
            return
        if (await self.player.post("{ viewer { id } }")).json()["data"]["viewer"] is None:
            await self.player.sign_in(self.persona)

    def canaries(self, planted: Canaries) -> set[str]:
        return planted.found_in(json.dumps(self.answers))


def _said(answer: Any, name: str, path: Sequence[str]) -> list[str]:
    """The codes of an answer to a mutation, with `elsewhere` where they are not of this place; `done` where it was."""
    payload = (answer.get("data") or {}).get(name)
    if payload is None:
        return [error["extensions"]["code"] for error in answer["errors"]]
    here = ["input", *path]
    codes = [f"{error['code']}{'' if error['field'] == here else ' elsewhere'}" for error in payload["userErrors"]]
    return codes or ["done"]


def _cursors_in(answer: Any) -> Iterator[tuple[str, str]]:
    if isinstance(answer, dict):
        if isinstance(answer.get("cursor"), str):
            yield answer["__typename"], answer["cursor"]
        answer = list(answer.values())
    if isinstance(answer, list):
        for one in answer:
            yield from _cursors_in(one)


def some_of_each(ids: set[str]) -> list[str]:
    """The oldest id of each kind, and the newest, which is of another sort where a kind has two."""
    of_kinds = [list(of_kind) for _, of_kind in groupby(sorted(ids), lambda one: one.partition("_")[0])]
    return list(dict.fromkeys(one for of_kind in of_kinds for one in (of_kind[0], of_kind[-1])))


def key(number: int) -> str:
    return f"owner-key-{number:04d}"


async def with_everything(play: Play, twin: Twin, player: Player) -> Walker:
    """The owner has one of all that the schema knows, made through its mutations."""
    owner = Walker(player, "kari")
    await _known(play, twin, owner)
    account = owner.own["debtorAccountId"] = await _with_bank(play, owner)
    await owner.change("initiatePayment", **a_payment(account, 99_000_000))
    await owner.change("initiatePayment", "choice", **a_payment(account, 70_000))
    await _paid_by_bank(play, owner, account)
    await _paid_by_card(play, owner)
    await owner.change(
        "createPlanSubscription", planId="plan_plus", paymentMethod="pm_card_visa", idempotencyKey=key(1), returnTo="/"
    )
    upload = await owner.change("createUpload", **declared())
    await put(play, upload["target"])
    await owner.change("completeUpload", id=upload["upload"]["id"])
    await owner.change("createCardholder")
    await owner.change("issueCard", type="VIRTUAL", idempotencyKey=key(2))
    await owner.change("requestDataExport")
    (move,) = (await player.ask("{ viewer { vendorMoves { id } } }"))["viewer"]["vendorMoves"]
    await owner.change("consentToVendorMove", id=move["id"])
    await play.settle()
    await owner.change("updateProfile", email="another@example.no", phone="+4790000043")
    await play.settle()
    async with play.gateway.infrastructure.database.write_engine.begin() as connection:
        for statement in WRONG:
            await connection.execute(text(statement))
    forget_answers()  # The versions have not risen with it.
    return owner


async def _known(play: Play, twin: Twin, owner: Walker) -> None:
    await owner.change("startKyc", returnTo="/")
    await play.settle()
    await twin.sandbox.advance(seconds=3)
    await play.settle()
    await owner.change("updateProfile", address="Karl Johans gate 1", locale="en-GB")


async def _with_bank(play: Play, owner: Walker) -> str:
    link = await owner.change("connectBank", bankId="bank_dnb", returnTo="/api/health/live")
    await owner.player.press(link["authorisation"]["url"], "approve")
    await owner.change("renewConsent", "choice", bankLinkId=link["bankLink"]["id"], returnTo="/api/health/live")
    accounts = (await owner.player.ask("{ viewer { bankAccounts { edges { node { id } } } } }"))["viewer"]
    await play.settle()
    identifier: str = nodes(accounts["bankAccounts"])[0]["id"]
    return identifier


async def _paid_by_bank(play: Play, owner: Walker, account: str) -> None:
    in_a_week = oslo_date(play.gateway.infrastructure.clock.now()) + timedelta(days=7)
    later = await owner.change("initiatePayment", **a_payment(account, executionDate=in_a_week.isoformat()))
    await owner.player.press(later["payment"]["authorisation"]["url"], "approve")
    await owner.change("cancelPayment", id=later["payment"]["id"])
    failed = await owner.change("initiatePayment", **a_payment(account, 555))
    await owner.player.press(failed["payment"]["authorisation"]["url"], "refuse")
    paid = await owner.change("initiatePayment", **a_payment(account))
    await owner.player.press(paid["payment"]["authorisation"]["url"], "approve")
    await play.settle()


async def _paid_by_card(play: Play, owner: Walker) -> None:
    created = await owner.change(
        "createCardPayment", amount={"amountMinor": "9900", "currency": "NOK"}, idempotencyKey=key(3)
    )
    given = {"id": created["payment"]["id"], "paymentMethod": "pm_card_visa", "returnTo": "/"}
    await owner.change("confirmCardPayment", **given, idempotencyKey=key(4))
    await owner.change(
        "refundPayment",
        id=created["payment"]["id"],
        amount={"amountMinor": "100", "currency": "NOK"},
        idempotencyKey=key(5),
    )
    await owner.player.http.post("/sandbox/cards/disputes/pi_000001", data={"decision": "open"})
    await play.settle()
