import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import InvalidInput
from domain.redirect import require_allowed, with_query

ORIGINS = ("https://app.drop.no", "drop://")


@pytest.mark.parametrize(
    "target", ["/", "/graphql?x=1", "https://app.drop.no/done", "drop://auth", "drop://auth/x?y=1"]
)
def test_a_path_here_and_a_listed_address_are_allowed(target: str) -> None:
    assert require_allowed(target, ORIGINS, field=("returnTo",)) == target


@pytest.mark.parametrize(
    "target",
    [
        "//evil.example",
        "/\\evil.example",
        "https://evil.example",
        "https://app.drop.no.evil.example",
        "https://app.drop.no@evil.example",
        "http://app.drop.no/",
        "javascript:alert(1)",
        "/a\nb",
        "https://[",
        "",
        "graphql",
        "/" + "a" * 2_000,
    ],
)
def test_anything_else_is_not(target: str) -> None:
    with pytest.raises(InvalidInput):
        require_allowed(target, ORIGINS, field=("returnTo",))


@given(st.text())
def test_no_text_leads_to_another_host(target: str) -> None:
    try:
        allowed = require_allowed(target, ORIGINS, field=("returnTo",))
    except InvalidInput:
        return
    assert allowed.startswith(("/", *ORIGINS))
    assert not allowed.startswith("//")


def test_a_query_is_added_to_what_is_there() -> None:
    assert with_query("/done?a=1#top", payment="pay_1") == "/done?a=1&payment=pay_1#top"


@pytest.mark.parametrize("link", ["drop://", "drop:///done", "drop://done", "/done?q=%FF&flag"])
def test_an_address_stays_as_it_was_written(link: str) -> None:
    assert with_query(link, outcome="approved").startswith(link)
