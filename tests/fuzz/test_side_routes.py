"""schemathesis over the side-routes' OpenAPI document, signed in and not: no 5xx, and every answer as documented."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.builders.databases import postgresql_of_a_process
from tests.builders.server import served
from tests.fuzz.test_graphql import signed_in

schema = schemathesis.openapi.from_path(Path(__file__).parents[2] / "routes" / "openapi.json")
schema.config.update(base_url="http://localhost")
LIMITS = settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("fuzz")
    # PostgreSQL refuses what SQLite takes, such as NUL in a text.
    with postgresql_of_a_process() as database, served(folder, DATABASE_URL=database) as url:
        yield url
        assert "unhandled" not in (folder / "serve.log").read_text()


def send(case: schemathesis.Case[Any], address: str, cookies: dict[str, str]) -> None:
    count = case.body.get("count") if isinstance(case.body, dict) else None
    if isinstance(case.body, dict) and isinstance(count, int):
        # Five hundred users are allowed, and take minutes.
        case.body["count"] = min(count, 2)
    response = case.call(base_url=address, cookies=cookies, headers={"origin": address}, allow_redirects=False)
    case.validate_response(response, checks=CHECKS)


@schema.parametrize()
@LIMITS
def test_signed_out_every_answer_is_documented(case: schemathesis.Case[Any], address: str) -> None:
    send(case, address, {})


@pytest.fixture
def cookies(address: str) -> Iterator[dict[str, str]]:
    """Somebody new, signed in once for all requests to a route."""
    with signed_in(address) as http:
        yield dict(http.cookies)


@schema.parametrize()
@LIMITS
def test_signed_in_every_answer_is_documented(
    case: schemathesis.Case[Any], address: str, cookies: dict[str, str]
) -> None:
    send(case, address, cookies)
