"""schemathesis over the GraphQL schema, signed in and not: whatever is asked, no 5xx and no INTERNAL."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import schemathesis
from graphql import build_schema, parse
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from schemathesis.graphql import nodes

from tests.api.test_upload import declared
from tests.builders.databases import postgresql_of_a_process
from tests.builders.gateway import a_payment
from tests.builders.server import served

ROOT = Path(__file__).parents[2]
SDL = (ROOT / "schema" / "schema.graphql").read_text()
EXAMPLES = 25
KNOWN: list[str] = ["bank_dnb", "bank_nordea", "bank_sbanken", "plan_plus"]

schemathesis.graphql.scalar("Int64String", st.integers(-(2**63), 2**63 - 1).map(lambda n: nodes.String(str(n))))
schemathesis.graphql.scalar("CurrencyCode", st.sampled_from(["NOK", "SEK", "EUR"]).map(nodes.String))
schemathesis.graphql.scalar("DateTime", st.just("2026-11-24T12:00:00Z").map(nodes.String))
schemathesis.graphql.scalar("Date", st.dates().map(lambda day: nodes.String(day.isoformat())))
# What is wrong with an id that is nearly right.
CHANGES = (
    lambda known: known[:-1],
    lambda known: f"{known}0",
    lambda known: known.lower(),
    lambda known: f"pay_{known.partition('_')[2]}",
    lambda known: f"{known[:-3]}{known[:-4:-1]}",
    lambda known: f"{known[:-1]}\0",
    lambda known: f"{known[:-1]}\u0660",
    lambda known: f" {known}",
    lambda known: f"{known}'--",
    lambda known: known * 200,
)
nearly = st.deferred(
    lambda: st.builds(lambda known, change: change(known), st.sampled_from(KNOWN), st.sampled_from(CHANGES))
)
schemathesis.graphql.scalar(
    "ID", st.deferred(lambda: st.sampled_from(KNOWN) | nearly | st.text(max_size=40)).map(nodes.String)
)

schema = schemathesis.graphql.from_file(SDL)
schema.config.update(base_url="http://localhost")


class Tally:
    """What the answers were like, over the whole module."""

    def __init__(self) -> None:
        self.answers = self.without_errors = 0
        self.fields: Counter[str] = Counter()
        self.reached: Counter[str] = Counter()


@pytest.fixture(scope="module")
def tally() -> Iterator[Tally]:
    yield Tally()


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    on = {"FEATURE_CARDHOLDERS": "true", "FEATURE_VIRTUAL_CARDS": "true", "FEATURE_PHYSICAL_CARDS": "true"}
    folder = tmp_path_factory.mktemp("fuzz")
    # PostgreSQL refuses what SQLite takes, such as NUL in a text.
    with postgresql_of_a_process() as database, served(folder, DATABASE_URL=database, **on) as url:
        yield url
        assert "unhandled" not in (folder / "serve.log").read_text()


@contextmanager
def signed_in(address: str, persona: str = "new") -> Iterator[httpx.Client]:
    with httpx.Client(base_url=address, headers={"origin": address}, follow_redirects=True, timeout=30) as http:
        assert http.get(f"/auth/bankid/login?persona={persona}&return_to=/api/health/live").status_code == 200
        yield http


def ask(http: httpx.Client, query: str, **variables: object) -> Any:
    return http.post("/graphql", json={"query": query, "variables": variables}).json()["data"]


@pytest.fixture(scope="module")
def kari(address: str) -> None:
    """Kari has a verification, a bank link, accounts and a payment: her ids are among those that are asked for."""
    with signed_in(address, "kari") as http:
        ask(http, "mutation { startKyc { kyc { id } } }")
        connect = 'mutation { connectBank(input: {bankId: "bank_dnb"}) { authorisationUrl } }'
        page = ask(http, connect)["connectBank"]["authorisationUrl"]
        accounts = [part.split('"')[0] for part in http.get(page).text.split('name="account" value="')[1:]]
        http.post(page, data={"decision": "approve", "account": accounts})
        viewer = ask(http, "{ viewer { id kyc { id } bankLinks { edges { node { id accounts { id } } } } } }")["viewer"]
        bank_link = viewer["bankLinks"]["edges"][0]["node"]
        account = bank_link["accounts"][0]["id"]
        pay = "mutation($i: InitiatePaymentInput!) { initiatePayment(input: $i) { payment { id } } }"
        payment = ask(http, pay, i=a_payment(account, returnTo="/"))["initiatePayment"]["payment"]
        KNOWN.extend([viewer["id"], viewer["kyc"]["id"], bank_link["id"], account])
        KNOWN.extend([payment["id"]] if payment else [])
        ask(http, 'mutation { updateProfile(input: {address: "Karl Johans gate 1"}) { user { id } } }')
        upload = "mutation($i: CreateUploadInput!) { createUpload(input: $i) { upload { id } } }"
        KNOWN.append(ask(http, upload, i=declared())["createUpload"]["upload"]["id"])


def field_of(document: str) -> str:
    (definition,) = parse(document).definitions
    return str(definition.selection_set.selections[0].name.value)  # type: ignore[attr-defined]


def check(response: httpx.Response, document: str, tally: Tally) -> None:
    assert response.status_code < 500, (document, response.text)
    body = response.json()
    codes = {error["extensions"]["code"] for error in body.get("errors", [])}
    assert "INTERNAL" not in codes, (document, body)
    name = field_of(document)
    tally.answers += 1
    tally.without_errors += not codes
    tally.fields[name] += 1
    tally.reached[name] += (body.get("data") or {}).get(name) is not None


LIMITS = settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)


@pytest.fixture
def people(address: str, kari: None) -> Iterator[list[httpx.Client]]:
    """Kari and somebody new, signed in once for all documents of a field."""
    with signed_in(address, "new") as new, signed_in(address, "kari") as known:
        yield [new, known]


@schema.parametrize()
@LIMITS
def test_signed_in_nothing_breaks(case: schemathesis.Case[Any], people: list[httpx.Client], tally: Tally) -> None:
    http = people[len(str(case.body)) % 2]
    check(http.post("/graphql", json={"query": case.body}), str(case.body), tally)


@schema.parametrize()
@LIMITS
def test_signed_out_nothing_breaks(case: schemathesis.Case[Any], address: str) -> None:
    with httpx.Client(base_url=address, timeout=30) as http:
        check(http.post("/graphql", json={"query": case.body}), str(case.body), Tally())


def test_the_answers_were_worth_something(tally: Tally, capsys: pytest.CaptureFixture[str]) -> None:
    mutations = set(build_schema(SDL).mutation_type.fields)  # type: ignore[union-attr]  # there is one
    with capsys.disabled():
        share = tally.without_errors / max(tally.answers, 1)
        print(f"\n{tally.answers} answers, {share:.0%} without errors")  # noqa: T201
        for name, count in sorted(tally.fields.items()):
            print(f"  {name:<18} {count:>4} asked {tally.reached[name]:>4} answered with data")  # noqa: T201

    assert tally.without_errors >= 0.3 * tally.answers > 0
    assert not [name for name in mutations if not tally.reached[name]]
