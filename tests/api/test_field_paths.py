"""Each input that can be refused is refused under its own path; what cannot be an id, before the database is asked."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any, Final

import pytest
from graphql import GraphQLInputObjectType, GraphQLSchema, build_schema, get_named_type, get_nullable_type

from tests.api.test_statements import statements
from tests.builders.cards import key, paid
from tests.builders.gateway import OLA, Play, Player, playing
from tests.builders.sockets import opened, socket_of
from tests.conftest import NOON

SCHEMA: Final[GraphQLSchema] = build_schema((Path(__file__).parents[2] / "schema" / "schema.graphql").read_text())
ULID: Final = "01JD00000000000000000000AA"
KINDS: Final = (
    "usr",
    "ses",
    "kyc",
    "con",
    "acc",
    "trx",
    "pay",
    "psub",
    "pinv",
    "upl",
    "exp",
    "crd",
    "mov",
    "ref",
    "bank",
)
NO_ID: Final = (
    *("", " ", "x", "\x01", f"pay_{ULID}\x01", "x" * 10_000, f"{ULID}", f"_{ULID}", "pay_", f"pay_{ULID.lower()}"),
    *(f"pay_8{ULID[1:]}", f"pay_{ULID}0", f"pay_{ULID[:-1]}", f"pay_{ULID[:-1]}U", f"PAY_{ULID}", f" pay_{ULID}"),
    *(f"pay_{ULID}\n", f"payment_{ULID}", "1e999", "-1", "' OR 1=1 --", "bank_\x01", "bank_" + "x" * 10_000),
)
KIND_OF: Final = {
    "acceptDuplicateOf": "pay",
    "bankId": "bank",
    "bankLinkId": "con",
    "debtorAccountId": "acc",
    "planId": "plan",
    "paymentId": "pay",
    **dict.fromkeys(("cancelPayment", "confirmCardPayment", "refundPayment"), "pay"),
    **dict.fromkeys(("freezeCard", "unfreezeCard", "cancelCard"), "crd"),
    **dict.fromkeys(("completeUpload", "deleteUpload"), "upl"),
    **dict.fromkeys(("consentToVendorMove", "withdrawVendorMoveConsent"), "mov"),
    "endSession": "ses",
}
# What no rule can refuse: an enum, a choice or a wish that is always taken.
TAKEN: Final = {
    ("cancelPlanSubscription", "atPeriodEnd"),
    ("issueCard", "type"),
    ("createUpload", "purpose"),
    ("confirmContact", "kind"),
}
# What the bank offers to choose from is refused where it is offered (test_method_choice.py).
OFFERED: Final = "methodId"
BAD: Final[dict[str, object]] = {
    "acceptDuplicateOf": "pay_1",
    "address": "x" * 1_000,
    "amountMinor": "-1",
    "code": "12",
    "confirm": False,
    "contentType": "text/html",
    "creditorAccount": "1234",
    "creditorName": "x" * 71,
    "currency": "SEK",
    "description": "x" * 1_001,
    "email": "kari",
    "executionDate": "2020-01-01",
    "fileName": "../x",
    "idempotencyKey": " ",
    "kid": "12",
    "locale": "tlh",
    "message": "x" * 141,
    "paymentMethod": "4242424242424242",
    "phone": "12",
    "returnTo": "https://evil.example",
    "sha256": "x",
    "sizeBytes": 0,
    **dict.fromkeys(("payments", "verification", "bankLinks", "security")),
}
Path_ = tuple[str, ...]


def inputs(kind: GraphQLInputObjectType, above: Path_ = ()) -> Iterator[Path_]:
    for name, field in kind.fields.items():
        inner = get_named_type(field.type)
        if isinstance(inner, GraphQLInputObjectType):
            yield from inputs(inner, (*above, name))
        else:
            yield (*above, name)


def mutations() -> dict[str, list[Path_]]:
    """Every mutation with an input, and the paths of what it takes."""
    assert SCHEMA.mutation_type is not None
    found: dict[str, list[Path_]] = {}
    for name, field in SCHEMA.mutation_type.fields.items():
        for argument in field.args.values():
            kind = get_nullable_type(argument.type)
            assert isinstance(kind, GraphQLInputObjectType)
            found[name] = list(inputs(kind))
    return found


MUTATIONS: Final = mutations()
IDS: Final = sorted(
    (name, path)
    for name, paths in MUTATIONS.items()
    for path in paths
    if path[-1] != OFFERED and (path[-1] == "id" or path[-1].endswith("Id") or path[-1] == "acceptDuplicateOf")
)
EVERY: Final = sorted(
    (name, path)
    for name, paths in MUTATIONS.items()
    for path in paths
    if (name, path) not in IDS and (name, path[-1]) not in TAKEN and path[-1] != OFFERED
)


@pytest.fixture
async def everything(database_url: str, tmp_path: Path) -> AsyncIterator[Play]:
    """A gateway with every flag on."""
    on: dict[str, Any] = {"feature_cardholders": True, "feature_virtual_cards": True, "feature_physical_cards": True}
    async with playing(database_url, tmp_path, NOON, **on) as play:
        yield play


def good(**ids: str) -> dict[str, dict[str, Any]]:
    """An input for each mutation that asks for more than an id, such that one bad field is the only fault."""
    amount = {"amountMinor": "1000", "currency": "NOK"}
    return {
        "connectBank": {"bankId": "bank_dnb"},
        "initiatePayment": {
            "debtorAccountId": ids.get("account", f"acc_{ULID}"),
            "creditorName": "Ola",
            "creditorAccount": OLA,
            "amount": amount,
            "idempotencyKey": key(),
        },
        "choosePaymentApprovalMethod": {"methodId": "bankid"},
        "chooseConsentApprovalMethod": {"methodId": "bankid"},
        "createCardPayment": {"amount": amount, "idempotencyKey": key()},
        "confirmCardPayment": {"paymentMethod": "pm_card_visa", "idempotencyKey": key()},
        "refundPayment": {"idempotencyKey": key(), "amount": amount},
        "createPlanSubscription": {"planId": "plan_plus", "paymentMethod": "pm_card_visa", "idempotencyKey": key()},
        "cancelPlanSubscription": {"atPeriodEnd": True},
        "updatePlanPaymentMethod": {"paymentMethod": "pm_card_visa", "idempotencyKey": key()},
        "confirmContact": {"kind": "EMAIL", "code": "123456"},
        "issueCard": {"type": "VIRTUAL", "idempotencyKey": key()},
        "createUpload": {
            "purpose": "RECEIPT",
            "fileName": "a.png",
            "contentType": "image/png",
            "sizeBytes": 10,
            "sha256": "0" * 64,
        },
        "deleteAccount": {"confirm": True},
    }


async def refusals(player: Player, mutation: str, given: dict[str, Any]) -> list[dict[str, Any]]:
    assert SCHEMA.mutation_type is not None
    kind = SCHEMA.mutation_type.fields[mutation].args["input"].type
    query = f"mutation($input: {kind}) {{ {mutation}(input: $input) {{ userErrors {{ code field }} }} }}"
    errors: list[dict[str, Any]] = (await player.ask(query, input=given))[mutation]["userErrors"]
    return errors


def with_value(given: dict[str, Any], path: Path_, value: object) -> dict[str, Any]:
    name, *rest = path
    return {**given, name: with_value(given.get(name, {}), tuple(rest), value) if rest else value}


async def test_every_fault_names_the_path_that_the_client_wrote(everything: Play) -> None:
    kari, account = await everything.banked()
    payment = await paid(kari)
    links = (await kari.ask("{ viewer { bankLinks { edges { node { id } } } } }"))["viewer"]["bankLinks"]["edges"]
    ids = {"id": payment, "bankLinkId": links[0]["node"]["id"]}
    found = {}
    for mutation, path in EVERY:
        given = good(account=account).get(mutation, {})
        given |= {name: ids[name] for (name, *_) in MUTATIONS[mutation] if name in ids}
        errors = await refusals(kari, mutation, with_value(given, path, BAD[path[-1]]))
        found[mutation, path] = [error["field"] for error in errors]

    assert found == {(mutation, path): [["input", *path]] for mutation, path in EVERY}


async def test_what_cannot_be_an_id_is_told_as_unknown_before_the_database_is_asked(everything: Play) -> None:
    kari = await everything.approved()
    unlike = [*NO_ID, *(f"{kind}_{ULID}" for kind in KINDS)]
    for mutation, path in IDS:
        kind, given = KIND_OF.get(path[-1]) or KIND_OF[mutation], good().get(mutation, {})
        for sent in (one for one in unlike if one != f"{kind}_{ULID}"):
            with statements(everything) as seen:
                errors = await refusals(kari, mutation, with_value(given, path, sent))
            assert errors == [{"code": "NOT_FOUND", "field": ["input", *path]}], (mutation, sent[:40])
            # A used key is answered before the input is judged.
            asked = [one for one in seen if "FROM session" not in one and "FROM idempotency_key" not in one]
            assert not asked, (mutation, sent[:40], seen)


VIEWER = """query($id: ID!) { node(id: $id) { id } nodes(ids: [$id]) { id } viewer {
  payment(id: $id) { id } bankAccount(id: $id) { id } bankLink(id: $id) { id } upload(id: $id) { id } } }"""


async def test_a_query_gives_null_for_what_cannot_be_an_id(play: Play) -> None:
    kari = await play.person()
    nothing = dict.fromkeys(("payment", "bankAccount", "bankLink", "upload"))

    for sent in NO_ID:
        found = await kari.ask(VIEWER, id=sent)
        assert found == {"node": None, "nodes": [None], "viewer": nothing}, sent[:40]
    for kind in KINDS:
        found = await kari.ask(VIEWER, id=f"{kind}_{ULID}")
        assert found["viewer"] == nothing


@pytest.mark.parametrize("sent", ["\x01", "x" * 10_000, f"upl_{ULID}", f"pay_{ULID}"])
async def test_a_subscription_to_what_cannot_be_an_id_ends_with_an_error(play: Play, sent: str) -> None:
    async with socket_of(play, await play.person()) as socket:
        await opened(socket)
        await socket.subscribe("subscription($id: ID!) { paymentUpdated(id: $id) { cursor } }", id=sent)
        answer = await socket.receive()

    errors = answer["payload"] if answer["type"] == "error" else answer["payload"]["errors"]
    assert [(error["extensions"]["code"], error["extensions"]["field"]) for error in errors] == [("NOT_FOUND", ["id"])]


async def test_a_variable_that_may_be_null_is_named_where_no_null_may_stand(play: Play) -> None:
    kari = await play.person()
    cancel = "mutation($at: Boolean) { cancelPlanSubscription(input: {atPeriodEnd: $at}) { userErrors { code } } }"

    (error,) = (await kari.post(cancel, at=None)).json()["errors"]

    assert (error["extensions"]["code"], error["extensions"]["field"]) == ("BAD_USER_INPUT", ["at"])
