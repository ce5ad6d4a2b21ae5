"""Versions: of everything that is pushed, equal versions mean equal fields, and each version is pushed."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from graphql import (
    GraphQLField,
    GraphQLObjectType,
    build_schema,
    get_named_type,
    is_interface_type,
    is_leaf_type,
    is_object_type,
    is_union_type,
)

from services.subscriptions.streams import position_of
from tests.api.test_cards import ADDRESS, HOLDER, issue
from tests.api.test_subscription import SHOWN
from tests.api.test_upload import DELETE, stored
from tests.builders import cards
from tests.builders.answers import check_answer
from tests.builders.gateway import Play, Player, a_payment, connect, first_account, pay, playing
from tests.builders.sockets import events_of
from tests.conftest import NOON

SCHEMA = build_schema(Path("schema/schema.graphql").read_text())
FIELDS = {name: field for name, field in SHOWN.items() if name != "VIEWER"}
LISTS = {
    "BankAccount": "bankAccounts { edges { node { %s } } }",
    "BankLink": "bankLinks { edges { node { %s } } }",
    "Card": "cards { edges { node { %s } } }",
    "DataExport": "dataExports { edges { node { %s } } }",
    "Kyc": "kyc { %s }",
    "Payment": "payments { edges { node { %s } } }",
    "PlanSubscription": "plan { %s }",
    "Upload": "uploads { edges { node { %s } } }",
}
DISCONNECT = "mutation($id: ID!) { disconnectBank(input: {bankLinkId: $id}) { userErrors { code } } }"
REFRESH = "mutation($id: ID!) { refreshBalances(input: {bankLinkId: $id}) { userErrors { code } } }"
EXPORT = "mutation { requestDataExport { userErrors { code } } }"


def covered(of_type: GraphQLObjectType) -> str:
    """The selection of every field that the type's version covers."""
    return " ".join(f"{name}{below(field)}" for name, field in of_type.fields.items() if is_covered(field))


def is_covered(field: GraphQLField) -> bool:
    named = get_named_type(field.type)
    if "Not covered by `version`" in (field.description or "") or is_interface_type(named) or is_union_type(named):
        return False
    if not is_object_type(named):
        return True
    is_node = any(interface.name == "Node" for interface in named.interfaces)
    return not is_node and not named.name.endswith("Connection")


def below(field: GraphQLField) -> str:
    named = get_named_type(field.type)
    if is_leaf_type(named):
        return ""
    assert isinstance(named, GraphQLObjectType)
    return f" {{ {covered(named)} }}"


def selection(name: str) -> str:
    of_type = SCHEMA.type_map[name]
    assert isinstance(of_type, GraphQLObjectType)
    return f"__typename {covered(of_type)}"


VIEWER = f"{{ viewer {{ {' '.join(text % selection(name) for name, text in LISTS.items())} }} }}"
_SHOWN = " ".join(f"{field} {{ {selection(field[0].upper() + field[1:])} }}" for field in FIELDS.values())
EVENTS = f"subscription($after: String) {{ viewerEvents(after: $after) {{ cursor kind type {_SHOWN} }} }}"
Key = tuple[str, str, int]


class Seen:
    """What was answered under each type, id and version."""

    def __init__(self) -> None:
        self.fields: dict[Key, dict[str, Any]] = {}

    def take(self, answer: Any) -> None:
        """Keep each object in the answer. Fails where its version has other fields already."""
        if isinstance(answer, list):
            for item in answer:
                self.take(item)
        elif isinstance(answer, dict):
            if "id" in answer and "version" in answer:
                key = (answer["__typename"], answer["id"], answer["version"])
                assert self.fields.setdefault(key, answer) == answer
            for below_it in answer.values():
                self.take(below_it)

    def newest(self) -> set[Key]:
        last: dict[tuple[str, str], int] = {}
        for name, identifier, version in self.fields:
            last[name, identifier] = max(version, last.get((name, identifier), 0))
        return {(name, identifier, version) for (name, identifier), version in last.items()}


@pytest.fixture
async def issuing(database_url: str, tmp_path: Path) -> AsyncIterator[Play]:
    on: dict[str, Any] = {"feature_cardholders": True, "feature_virtual_cards": True}
    async with playing(database_url, tmp_path, NOON, machine_clock=None, **on) as play:
        yield play


async def live(play: Play, kari: Player) -> AsyncIterator[Any]:
    """Several flows, with what the viewer sees after each step."""

    async def now() -> Any:
        return (await kari.ask(VIEWER))["viewer"]

    yield await now()
    await play.advance(seconds=5)
    bank_link = await connect(kari)
    yield await now()
    payment = (await pay(kari, a_payment(await first_account(kari))))["payment"]
    yield await now()
    await kari.press(payment["authorisationUrl"], "approve")
    yield await now()
    await play.advance(minutes=1)
    yield await now()
    card_payment = await cards.paid(kari)
    yield await now()
    await cards.refund(kari, card_payment, 2_500)
    yield await now()
    await play.advance(hours=1)
    yield await now()
    await cards.refund(kari, card_payment)
    await cards.subscribe(kari)
    yield await now()
    upload = await stored(play, kari)
    yield await now()
    await kari.ask(DELETE, id=upload)
    await kari.ask(EXPORT)
    yield await now()
    await kari.ask(ADDRESS)
    await kari.ask(HOLDER)
    await issue(kari)
    await play.advance(minutes=10)
    yield await now()
    await kari.ask(REFRESH, id=bank_link)
    yield await now()
    await kari.ask(DISCONNECT, id=bank_link)
    yield await now()
    await connect(kari)
    yield await now()
    await play.advance(days=20)
    yield await now()


async def test_equal_versions_have_equal_fields_and_each_newest_is_pushed(issuing: Play) -> None:
    kari = await issuing.person()
    start = (await events_of(issuing, kari, EVENTS, 1))[0]["cursor"]
    await issuing.approved()
    seen, pushed = Seen(), Seen()

    async for viewer in live(issuing, kari):
        seen.take(viewer)
    end = (await events_of(issuing, kari, EVENTS, 1))[0]["cursor"]
    events = await events_of(issuing, kari, EVENTS, position_of(end).seq - position_of(start).seq, after=start)
    for event in events:
        seen.take(event)
        pushed.take(event)

    assert {name for name, _, _ in seen.fields} == set(LISTS)
    assert seen.newest() <= set(pushed.fields)
    for field in FIELDS.values():
        versions = [(event[field]["id"], event[field]["version"]) for event in events if event[field] is not None]
        assert len(set(versions)) == len(versions)


def test_one_version_with_two_contents_is_found_in_any_answer() -> None:
    first = {"node": {"id": "pay_1", "version": 3, "status": "PROCESSING", "authorisationUrl": "https://bank.example"}}
    check_answer(first)
    check_answer({"node": {**first["node"], "authorisationUrl": None, "refunds": {"edges": []}}})

    with pytest.raises(AssertionError, match="SETTLED"):
        check_answer({"viewer": {"payments": [{**first["node"], "status": "SETTLED"}]}})
