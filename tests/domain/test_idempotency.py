from hypothesis import given
from hypothesis import strategies as st

from domain.idempotency import fingerprint_of

fields = st.lists(st.one_of(st.none(), st.text(max_size=5), st.integers()), max_size=4)


@given(fields, fields)
def test_only_the_same_fields_in_the_same_order_have_the_same_fingerprint(
    ours: list[object], other: list[object]
) -> None:
    assert (fingerprint_of(*ours) == fingerprint_of(*other)) is (ours == other)


def test_text_that_runs_on_into_the_next_field_is_another_input() -> None:
    assert fingerprint_of("ab", "c") != fingerprint_of("a", "bc")
    assert fingerprint_of("1") != fingerprint_of(1)


def test_a_stored_fingerprint_is_still_found_after_a_new_release() -> None:
    assert fingerprint_of(100, "NOK", None) == "68ef64b1ba337e51b00702186ef94692899d4ac593ee1fa5f4f8751f8aa7c4bb"
