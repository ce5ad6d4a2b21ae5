"""Every field, id, mutation and subscription of the schema, asked by those whose it is not.

What is asked is made from the schema: a field that is new is asked for, and one that is not reached fails the walk.
"""

import json
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.api.test_plans import answered
from tests.api.test_upload import declared
from tests.builders.canaries import plant, rows_of
from tests.builders.gateway import Play, connect, first_account
from tests.builders.schema_walk import every_field, subscriptions
from tests.builders.sockets import Socket, opened, socket_of
from tests.builders.twin import Twin, second_card_vendor
from tests.builders.walker import Walker, some_of_each, with_everything

# Plans and the ordinary way answer both, and a difference is INTERNAL.
ON: dict[str, Any] = {
    "feature_cardholders": True,
    "feature_virtual_cards": True,
    "feature_physical_cards": True,
    "graphql_cost": "measure",
    "graphql_plans": "compare",
    "limit_subscriptions": 1_000,
}
# What the owner must have seen, or nothing was there to be found.
SHOWN = {
    *("user.name", "user.email", "user.phone", "user.address.formatted", "user.pending_contacts.EMAIL.address"),
    *("bank_account.iban", "bank_account.name", "bank_account.owner_name", "bank_transaction.message"),
    *("payment.creditor_name", "payment.message", "dispute.reason", "plan_invoice.number", "upload.file_name"),
    *("session.user_agent",),
}

# Of an object that the shortest way to its type does not always lead to.
BY_PAGES = {"PaymentFailure.code", "PaymentFailure.message"}
# Held against the user's own like payments: nothing is read by it.
COMPARED = {"initiatePayment.acceptDuplicateOf"}


@pytest.fixture
async def twin(database_url: str, tmp_path: Path) -> AsyncIterator[Twin]:
    async with second_card_vendor(database_url, tmp_path) as twin:
        yield twin


class Following:
    """A walker's subscriptions, all on one socket."""

    def __init__(self, walker: Walker, socket: Socket) -> None:
        self.walker, self.socket = walker, socket
        self.documents: dict[str, str] = {}
        self.waiting: set[str] = set()

    async def subscribe(self, ids: Sequence[str], cursor: str | None) -> None:
        """To everything, with each id."""
        await opened(self.socket)
        for name, document, takes, after in subscriptions():
            for identifier in ids if takes else [""]:
                key = f"{name} {identifier}"
                self.documents[key] = document
                self.waiting.add(key)
                given = dict.fromkeys(takes, identifier) | ({after: cursor} if after else {})
                await self.socket.subscribe(document, key, **given)

    async def hear(self) -> tuple[str, Any]:
        """The next message: which subscription it is of, and what it holds."""
        message = await self.socket.receive()
        assert "id" in message, message
        key, payload = message["id"], message.get("payload")
        if isinstance(payload, list):
            payload = {"errors": payload}
        if payload is not None:
            self.walker.hear(payload, self.documents[key])
        self.waiting.discard(key)
        return key, payload

    async def hear_all(self) -> None:
        """Until each has said something."""
        while self.waiting:
            await self.hear()

    async def hear_change(self) -> None:
        """Until a change of the walker's own has been pushed."""
        kind = None
        while kind in (None, "SNAPSHOT", "RESUME_GAP"):
            _, payload = await self.hear()
            kind = ((payload or {}).get("data") or {}).get("viewerEvents", {}).get("kind")


async def pushed(play: Play, owner: Walker, strangers: Sequence[Walker], ids: Sequence[str]) -> None:
    """What is pushed, while the owner and then the others change something."""
    async with AsyncExitStack() as stack:

        async def following(walker: Walker, cursor: str | None = None) -> Following:
            player = walker.player if walker.persona else None
            found = Following(walker, await stack.enter_async_context(socket_of(play, player)))
            await found.subscribe(ids, cursor)
            await found.hear_all()
            return found

        own = await following(owner)
        cursors = [None, owner.cursors("Update")[0]]
        heard = [await following(walker, cursor) for walker in strangers for cursor in cursors]
        await owner.change("createUpload", **declared())
        await own.hear_change()
        for one in heard:
            if one.walker.persona:
                await one.walker.change("createUpload", **declared())
                await one.hear_change()


@pytest.mark.timeout(400)  # On a busy machine.
async def test_nobody_reads_or_changes_what_is_anothers(twin: Twin) -> None:
    async with twin.running(**ON) as play:
        owner = await with_everything(play, twin, await play.person("kari"))
        another = Walker(await twin.approved(play, "silje"), "silje")
        await connect(another.player, "bank_nordea")
        another.own["debtorAccountId"] = await first_account(another.player)
        without_kyc, signed_out = Walker(await play.person("lars"), "lars"), Walker(play.browser())
        strangers = (another, without_kyc, signed_out)
        found = (await owner.player.ask("{ viewer { id vendorMoves { id } } }"))["viewer"]
        planted = await plant(play, found["id"])

        faults = await owner.walk_fields()
        ids, cursors = some_of_each(planted.ids & owner.ids()), owner.cursors("Edge")
        faults += [one for one in await owner.walk_ids(ids, cursors) if one["extensions"]["code"] != "INVALID_CURSOR"]
        assert faults == []
        # Payments are of two rails, and what is of a kind is found alike.
        one_of_each = [
            *{one.partition("_")[0]: one for one in ids}.values(),
            *(one for one in ids if one.startswith("pay_")),
        ]
        before, by_plan = await rows_of(play, found["id"]), answered("plan")
        refused = {}
        for walker in strangers:
            await walker.walk_fields()
            await walker.walk_ids(ids, cursors)
            refused[walker.persona] = await walker.walk_changes(one_of_each)
        assert await rows_of(play, found["id"]) == before
        assert answered("plan") > by_plan
        await pushed(play, owner, strangers, ids)
        own = await owner.walk_changes([*one_of_each, found["vendorMoves"][0]["id"]])

    for walker in strangers:
        text = json.dumps(walker.answers)
        assert (planted.found_in(text), {one for one in planted.ids if one in text}) == (set(), set())
        assert '"INTERNAL"' not in text
    assert owner.canaries(planted) >= SHOWN
    done = {place: said for place, said in refused["silje"].items() if said != {"NOT_FOUND"} and place not in COMPARED}
    assert done == {}
    assert {place for place, said in own.items() if said == {"NOT_FOUND"}} == set()
    assert every_field() - BY_PAGES - set[str]().union(*(walker.fields for walker in (owner, *strangers))) == set()
