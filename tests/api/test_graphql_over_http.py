"""The transport: media types, methods, bounds and errors of GraphQL over HTTP."""

import json

import pytest

from tests.api.test_upload import create
from tests.builders.cards import paid, refund, subscribe
from tests.builders.gateway import Play, a_payment, nodes, pay

TYPE = "{ __typename }"
DRAFT = "application/graphql-response+json"


@pytest.mark.parametrize(
    ("accept", "content_type"),
    [
        (None, "application/json; charset=utf-8"),
        ("*/*", "application/json; charset=utf-8"),
        ("application/json", "application/json; charset=utf-8"),
        (DRAFT, f"{DRAFT}; charset=utf-8"),
        (f"{DRAFT}, application/json;q=0.9", f"{DRAFT}; charset=utf-8"),
    ],
)
async def test_the_answer_comes_as_the_client_accepts_it(play: Play, accept: str | None, content_type: str) -> None:
    http = play.browser().http
    if accept is None:
        del http.headers["accept"]
    response = await http.post("/graphql", json={"query": TYPE}, headers={"accept": accept} if accept else {})

    assert (response.status_code, response.headers["content-type"]) == (200, content_type)
    assert response.json() == {"data": {"__typename": "Query"}}


async def test_what_nobody_offers_is_not_acceptable(play: Play) -> None:
    response = await play.browser().http.post("/graphql", json={"query": TYPE}, headers={"accept": "text/plain"})

    assert response.status_code == 406


async def test_a_browser_gets_graphiql_from_our_own_files(play: Play) -> None:
    http = play.browser().http
    page = await http.get("/graphql", headers={"accept": "text/html,application/xhtml+xml"})

    assert page.headers["content-type"].startswith("text/html")
    assert "//" not in page.text.replace("<!doctype html>", "")
    for path in ("/graphiql/graphiql.js", "/graphiql/graphiql.css"):
        assert (await http.get(path)).status_code == 200
    assert "script-src 'self'" in page.headers["content-security-policy"]


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        (b"{", 400),
        (b"[]", 400),
        (b"[" * 5_000, 400),
        (b"\xff\xfe", 400),
        (b'{"query": 1}', 400),
        (b'{"query": ""}', 400),
        (b'{"query": "{ __typename }", "variables": []}', 400),
        (b'{"query": "{ __typename }", "operationName": 1}', 400),
        (b'{"query": "{ __typename }", "extensions": 1}', 400),
        (b'{"query": "{ __typename }", "variables": null, "operationName": null, "extensions": null}', 200),
    ],
)
async def test_a_body_that_is_no_request_is_a_400(play: Play, body: bytes, status: int) -> None:
    response = await play.browser().http.post(
        "/graphql", content=body, headers={"content-type": "application/json", "accept": DRAFT}
    )

    assert response.status_code == status
    if status != 200:
        assert response.json()["errors"][0]["extensions"]["code"] == "BAD_USER_INPUT"


@pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""])
async def test_another_content_type_is_a_415(play: Play, content_type: str) -> None:
    response = await play.browser().http.post(
        "/graphql", content=json.dumps({"query": TYPE}), headers={"content-type": content_type}
    )

    assert response.status_code == 415


async def test_a_body_too_large_is_a_413(play: Play) -> None:
    response = await play.browser().http.post("/graphql", json={"query": TYPE + "#" * 200_000})

    assert (response.status_code, response.json()["errors"][0]["extensions"]["code"]) == (413, "BODY_TOO_LARGE")


@pytest.mark.parametrize(
    "document",
    [
        "{",
        "{ nothing }",
        "query A { __typename } query B { __typename }",
        "fragment F on Query { __typename }",
        "{ a { b { c } } }",
    ],
)
async def test_a_document_that_is_not_executed_is_a_400_of_the_draft_and_a_200_of_json(
    play: Play, document: str
) -> None:
    http = play.browser().http
    draft = await http.post("/graphql", json={"query": document}, headers={"accept": DRAFT})
    json_ = await http.post("/graphql", json={"query": document}, headers={"accept": "application/json"})

    assert (draft.status_code, json_.status_code) == (400, 200)
    assert "data" not in draft.json()
    assert draft.json()["errors"][0]["extensions"]["code"] == "BAD_USER_INPUT"


async def test_queries_go_by_get_and_mutations_do_not(play: Play) -> None:
    http = play.browser().http
    query = "query Banks($country: String!) { banks(country: $country) { id } }"
    answer = await http.get("/graphql", params={"query": query, "variables": '{"country": "SE"}'})
    mutation = await http.get("/graphql", params={"query": "mutation { startKyc { kyc { status } } }"})
    broken = await http.get("/graphql", params={"query": TYPE, "variables": "{"})

    assert answer.json() == {"data": {"banks": []}}
    assert (mutation.status_code, mutation.headers["allow"]) == (405, "POST")
    assert broken.status_code == 400
    assert (await http.put("/graphql")).status_code == 405


async def test_one_mutation_that_fails_leaves_the_others_results(play: Play) -> None:
    response = await play.browser().post("mutation { a: startKyc { kyc { status } } b: endAllSessions { count } }")

    body = response.json()
    assert body["data"] == {"a": None, "b": None}
    assert {error["extensions"]["code"] for error in body["errors"]} == {"UNAUTHENTICATED"}


async def test_every_object_is_found_again_by_its_id(play: Play) -> None:
    kari, account = await play.banked()
    query = """{ viewer { id kyc { id } sessions { edges { node { id } } }
      bankLinks { edges { node { id bank { id } accounts { id
      transactions(first: 1) { edges { node { id } } } } } } } } }"""
    viewer = (await kari.ask(query))["viewer"]
    bank_link = nodes(viewer["bankLinks"])[0]
    ids = [
        viewer["id"],
        viewer["kyc"]["id"],
        nodes(viewer["sessions"])[0]["id"],
        bank_link["id"],
        bank_link["bank"]["id"],
        account,
        bank_link["accounts"][0]["transactions"]["edges"][0]["node"]["id"],
    ]

    found = await kari.ask("query($ids: [ID!]!) { nodes(ids: $ids) { __typename id } }", ids=[*ids, "pay_none", "x"])

    assert [node and node["id"] for node in found["nodes"]] == [*ids, None, None]
    assert [node["__typename"] for node in found["nodes"][:7]] == [
        *("User", "Kyc", "Session", "BankLink", "Bank", "BankAccount", "BankTransaction")
    ]
    silje = await play.person("silje")
    theirs = await silje.ask("query($ids: [ID!]!) { nodes(ids: $ids) { id } }", ids=ids)
    assert [node and node["id"] for node in theirs["nodes"]] == [None] * 4 + [bank_link["bank"]["id"]] + [None] * 2


async def test_refunds_and_bills_are_found_by_their_ids_for_their_owner_alone(play: Play) -> None:
    kari, silje = await play.approved(), await play.person("silje")
    await subscribe(kari)
    refunded = (await refund(kari, await paid(kari), 500))["refund"]["id"]
    plan = (await kari.ask("{ viewer { plan { invoices { edges { node { id } } } } } }"))["viewer"]["plan"]
    ids = [refunded, nodes(plan["invoices"])[0]["id"]]
    query = "query($ids: [ID!]!) { nodes(ids: $ids) { __typename id } }"

    found = (await kari.ask(query, ids=ids))["nodes"]

    assert found == [{"__typename": "Refund", "id": ids[0]}, {"__typename": "PlanInvoice", "id": ids[1]}]
    assert (await silje.ask(query, ids=ids))["nodes"] == [None, None]


ONE_EACH = """query($payment: ID!, $account: ID!, $link: ID!, $upload: ID!) { viewer {
  payment(id: $payment) { id } bankAccount(id: $account) { id }
  bankLink(id: $link) { id } upload(id: $upload) { id } } }"""


async def test_the_viewer_gives_one_object_by_its_id_to_its_owner_alone(play: Play) -> None:
    kari, account = await play.banked()
    silje = await play.person("silje")
    links = (await kari.ask("{ viewer { bankAccounts { edges { node { bankLink { id } } } } } }"))["viewer"]
    ids = {
        "payment": (await pay(kari, a_payment(account)))["payment"]["id"],
        "account": account,
        "link": links["bankAccounts"]["edges"][0]["node"]["bankLink"]["id"],
        "upload": (await create(kari))["upload"]["id"],
    }

    own = (await kari.ask(ONE_EACH, **ids))["viewer"]
    of_another = (await silje.ask(ONE_EACH, **ids))["viewer"]
    of_another_kind = (await kari.ask(ONE_EACH, **dict(zip(ids, reversed(ids.values()), strict=True))))["viewer"]

    nothing = dict.fromkeys(("payment", "bankAccount", "bankLink", "upload"))
    assert [found["id"] for found in own.values()] == list(ids.values())
    assert of_another == of_another_kind == nothing


async def test_too_many_ids_are_refused(play: Play) -> None:
    kari = await play.person()

    assert await kari.error_code("query($ids: [ID!]!) { nodes(ids: $ids) { id } }", ids=["x"] * 101) == "BAD_USER_INPUT"
