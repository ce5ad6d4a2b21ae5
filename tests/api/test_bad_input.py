"""What a request cannot ask: each fault names its field as it was sent, and says what to send instead."""

import logging
from typing import Any

import pytest

from tests.builders.gateway import PAY, Play, a_payment
from tests.builders.sockets import opened, socket_of

NODES = "query($ids: [ID!]!) { nodes(ids: $ids) { id } }"
PAYMENTS = """query($filter: PaymentFilter, $first: Int) { viewer {
  payments(filter: $filter, first: $first) { edges { node { id } } } } }"""
ONE = "query($id: ID!) { node(id: $id) { id } }"
AMOUNT = {"amountMinor": "100", "currency": "NOK"}


async def refused(play: Play, query: str, **variables: Any) -> list[tuple[list[str | int], str]]:
    """The paths and messages of a request that was not executed."""
    answer = (await play.browser().http.post("/graphql", json={"query": query, "variables": variables})).json()
    assert "data" not in answer
    assert {error["extensions"]["code"] for error in answer["errors"]} == {"BAD_USER_INPUT"}
    return [(error["extensions"]["field"], error["message"]) for error in answer["errors"]]


@pytest.mark.parametrize(
    ("changes", "field", "says"),
    [
        ({"amount": AMOUNT | {"amountMinor": 1.5}}, ["amount", "amountMinor"], "as a string of digits"),
        ({"amount": AMOUNT | {"amountMinor": None}}, ["amount", "amountMinor"], "Int64String, not null"),
        ({"amount": AMOUNT | {"currency": "kr"}}, ["amount", "currency"], "three capital letters"),
        ({"amount": {"amountMinor": "100"}}, ["amount", "currency"], "It is required"),
        ({"amount": []}, ["amount"], "Give an object of the type MoneyInput."),
        ({"amount": None}, ["amount"], "It is required"),
        ({"executionDate": "2026-W49-1"}, ["executionDate"], "YYYY-MM-DD"),
        ({"creditorName": 7}, ["creditorName"], "Give a string."),
        ({"debtorAccountId": {}}, ["debtorAccountId"], "Give an id, as a string."),
        ({"creditor": "Kari"}, ["creditor"], "InitiatePaymentInput has no such field."),
    ],
)
async def test_a_bad_variable_names_its_field(play: Play, changes: dict[str, Any], field: list[str], says: str) -> None:
    ((path, message),) = await refused(play, PAY, input={**a_payment("acc_1"), **changes})

    assert path == ["input", *field]
    assert says in message
    assert message.startswith(f"Variable ${'.'.join(map(str, path))}: ")
    assert "None" not in message


async def test_every_bad_variable_is_told_at_once_and_lists_by_their_index(play: Play) -> None:
    ids = await refused(play, NODES, ids=["a", None, 2.5])
    many = await refused(play, NODES, ids=[None] * 1_000)
    choice = await refused(play, PAYMENTS, filter={"statuses": ["SETTLED", "PAID"]}, first="ten")
    missing = await refused(play, ONE)

    assert [path for path, _ in ids] == [["ids", 1], ["ids", 2]]
    assert len(many) == 20
    assert [path for path, _ in choice] == [["filter", "statuses", 1], ["first"]]
    assert missing == [(["id"], "Variable $id: It is required: give a value of the type ID, not null.")]


async def test_what_was_sent_is_not_repeated(play: Play) -> None:
    secret = "4539 1488 0343 6467"

    answers = [
        await refused(play, PAY, input={**a_payment("acc_1"), "amount": secret}),
        await refused(play, PAY, input={**a_payment("acc_1"), "kid": [secret]}),
        await refused(play, PAY, input=secret),
    ]

    assert secret not in str(answers)


@pytest.mark.parametrize(
    ("document", "field"),
    [
        ('{ nodes(ids: ["a", null]) { id } }', ["ids", 1]),
        ("{ plans { price { formatted(locale: 7) } } }", ["locale"]),
        ('query($first: Int = "ten") { viewer { payments(first: $first) { edges { node { id } } } } }', ["first"]),
        (
            'mutation { refundPayment(input: {id: "pay_1", idempotencyKey: "12345678", '
            'amount: {amountMinor: 1.5, currency: "NOK"}}) { userErrors { code } } }',
            ["input", "amount", "amountMinor"],
        ),
    ],
)
async def test_a_bad_value_in_the_document_names_its_field(play: Play, document: str, field: list[str]) -> None:
    ((path, message),) = await refused(play, document)

    assert path == field
    assert "None" not in message


async def test_a_socket_says_the_same(play: Play) -> None:
    async with socket_of(play) as socket:
        await opened(socket)
        await socket.subscribe("subscription($after: String) { kycUpdated(after: $after) { cursor } }", after=["x"])
        answer = await socket.receive()

    (error,) = answer["payload"]
    assert (answer["type"], error["extensions"]["field"]) == ("error", ["after"])


@pytest.mark.parametrize(
    "body",
    [
        {"query": "{"},
        {"query": "{ nothing }"},
        {"query": "{" + "x " * 5_000 + "}"},
        {"query": NODES, "variables": {"ids": 1.5}},
        {"query": "{ __typename }", "operationName": "Missing"},
        {"query": NODES, "variables": {"ids": ["x"] * 101}},
        {"query": "mutation { retryKyc { userErrors { code } } }"},
    ],
)
async def test_what_a_client_does_wrong_is_no_error_of_ours(
    play: Play, body: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        answer = (await play.browser().http.post("/graphql", json=body)).json()

    assert answer["errors"]
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []


async def test_every_code_is_in_the_schema(play: Play) -> None:
    query = '{ __type(name: "ErrorCode") { enumValues { name } } }'

    codes = {one["name"] for one in (await play.browser().ask(query))["__type"]["enumValues"]}

    assert {"BAD_USER_INPUT", "INVALID_CURSOR", "QUERY_TOO_COMPLEX", "STEP_UP_REQUIRED", "UNAUTHENTICATED"} <= codes


@pytest.mark.parametrize(
    ("asked", "field"),
    [({"query": "query A { __typename }", "operationName": "B"}, "operationName"), ({"query": ""}, "query")],
)
async def test_an_operation_that_is_not_there_is_the_clients_fault_on_a_socket_too(
    play: Play, asked: dict[str, Any], field: str
) -> None:
    async with socket_of(play) as socket:
        await opened(socket)
        await socket.send(id="1", type="subscribe", payload=asked)
        answer = await socket.receive()

    (error,) = answer["payload"]
    assert (error["extensions"]["code"], error["extensions"]["field"]) == ("BAD_USER_INPUT", [field])
