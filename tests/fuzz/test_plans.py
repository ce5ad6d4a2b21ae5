"""Documents that are drawn from the schema at random have one answer, by plans and by graphql-core."""

import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Final

import pytest
from graphql import build_schema
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis_graphql import nodes, queries
from prometheus_client import REGISTRY

from tests.builders.gateway import Play, a_payment, pay, playing
from tests.conftest import NOON

# `make bench-equality` draws many more.
DOCUMENTS: Final = int(os.environ.get("PLAN_DOCUMENTS", "25"))
SDL: Final = (Path(__file__).parents[2] / "schema" / "schema.graphql").read_text()
ROOTS: Final = ("viewer", "node", "plans", "features", "bankConsentText")
SCALARS: Final[dict[str, st.SearchStrategy[Any]]] = {
    "Int64String": st.integers(-(2**63), 2**63 - 1).map(lambda number: nodes.String(str(number))),
    "CurrencyCode": st.sampled_from(["NOK", "EUR"]).map(nodes.String),
    "DateTime": st.just(nodes.String("2026-11-24T12:00:00Z")),
    "Date": st.dates().map(lambda day: nodes.String(day.isoformat())),
}


def drawn(count: int, ids: list[str]) -> list[str]:
    """So many documents, the same each time."""
    found: list[str] = []
    scalars = {**SCALARS, "ID": st.sampled_from(ids).map(nodes.String)}

    @settings(
        max_examples=count, derandomize=True, database=None, deadline=None, suppress_health_check=list(HealthCheck)
    )
    @given(queries(build_schema(SDL), fields=ROOTS, custom_scalars=scalars))
    def draw(document: str) -> None:
        found.append(document)

    draw()
    return found


def by_plan() -> float:
    return REGISTRY.get_sample_value("drop_graphql_plans_total", {"by": "plan"}) or 0


@pytest.fixture
async def both(database_url: str, tmp_path: Path) -> AsyncIterator[Play]:
    async with playing(database_url, tmp_path, NOON, graphql_plans="compare", graphql_cost="measure") as play:
        yield play


@pytest.mark.timeout(max(600, 2 * DOCUMENTS))
async def test_drawn_documents_have_one_answer(both: Play) -> None:
    kari, account = await both.banked()
    silje, another = await both.banked("silje")
    paid = [await pay(player, a_payment(of)) for player, of in ((kari, account), (silje, another))]
    ids = [*(payload["payment"]["id"] for payload in paid), account, another, "pay_none"]

    before, internal = by_plan(), list[str]()
    for document in drawn(DOCUMENTS, ids):
        answer = await kari.post(document)
        if "INTERNAL" in answer.text:
            internal.append(document)

    assert not internal, internal[0]
    assert by_plan() - before >= DOCUMENTS / 5
