import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import Refusal, Refusals
from domain.input import check_amount, check_key, checked_text, require_key


@given(st.text(max_size=30))
def test_text_is_taken_only_where_it_is_printable_and_short_and_its_white_space_is_single(text: str) -> None:
    faults: list[Refusal] = []

    clean = checked_text(text, "message", 10, faults)

    is_right = clean.isprintable() and 1 <= len(clean) <= 10
    assert clean == " ".join(clean.split())
    assert [fault.code for fault in faults] == ([] if is_right else ["INVALID_TEXT"])


@pytest.mark.parametrize(
    ("text", "is_taken"), [("x" * 10, True), ("x" * 11, False), (" " + "x" * 10 + "\n", True), (" ", False)]
)
def test_the_longest_text_is_measured_without_the_white_space_around_it(text: str, is_taken: bool) -> None:
    faults: list[Refusal] = []

    checked_text(text, "message", 10, faults)

    assert (not faults) is is_taken


@pytest.mark.parametrize(
    ("amount_minor", "message"),
    [
        (0, "The amount must be above zero."),
        (1, "amountMinor must be 300 at least."),
        (299, "amountMinor must be 300 at least."),
        (300, None),
        (100_000_000, None),
        (100_000_001, "amountMinor may be 100000000 at most."),
    ],
)
def test_an_amount_is_told_why_it_is_refused(amount_minor: int, message: str | None) -> None:
    faults: list[Refusal] = []

    check_amount(amount_minor, "NOK", faults, least_minor=300)

    assert [fault.message for fault in faults] == ([message] if message else [])


def test_the_smallest_amount_is_one_oere_where_nothing_else_is_asked_for() -> None:
    faults: list[Refusal] = []

    check_amount(1, "NOK", faults)

    assert not faults


@pytest.mark.parametrize("key", ["x" * 8, "x" * 128, "with space in it"])
def test_a_key_of_printable_ascii_is_taken(key: str) -> None:
    require_key(key)


@pytest.mark.parametrize("key", ["", "x" * 7, "x" * 129, "nøkkel-1234", "line\nbreak"])
def test_any_other_key_is_refused(key: str) -> None:
    faults: list[Refusal] = []
    check_key(key, faults)

    assert [(fault.code, fault.field) for fault in faults] == [("INVALID_IDEMPOTENCY_KEY", ("input", "idempotencyKey"))]
    with pytest.raises(Refusals):
        require_key(key)
