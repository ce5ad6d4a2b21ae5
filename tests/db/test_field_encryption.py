"""Encrypted values open by their ring and in their place alone, whichever release has written them."""

from base64 import urlsafe_b64encode
from typing import Any

import pytest
from cryptography.fernet import Fernet
from hypothesis import given
from hypothesis import strategies as st

from db.field_encryption import FieldEncryption, UnreadableField
from db.sealed import ADDRESS, EMAIL, NUMBER, SEALED, WEBHOOK
from db.shapes import Shape
from db.tables.all import METADATA
from db.ways import WAYS
from domain.authorisation import SealedAuthorisation

OLD, NEW = (urlsafe_b64encode(bytes([number]) * 32).decode() for number in (1, 2))
BEFORE = FieldEncryption([OLD], ["old"], as_before=True)
NOW = FieldEncryption([NEW, OLD], ["new", "old"])
JSON = st.dictionaries(st.text(), st.none() | st.booleans() | st.text(), min_size=1)
VALUES = st.one_of(
    st.tuples(st.just(EMAIL), st.emails()),
    st.tuples(st.just(ADDRESS), JSON),
    st.tuples(st.just(NUMBER), st.text()),
    st.tuples(st.just(WEBHOOK), st.text(st.characters(exclude_categories=["C"]), min_size=1).map(str.encode)),
)


@given(VALUES, st.sampled_from([BEFORE, NOW]))
def test_what_either_release_writes_is_read_and_only_the_first_key_s_needs_no_rotation(
    given: tuple[Any, Any], writes: FieldEncryption
) -> None:
    one, value = given

    stored = one.sealed(writes, "row_1", value)

    assert one.opened(NOW, "row_1", stored) == value
    assert one.is_current(NOW, stored) is (writes is NOW)


@given(VALUES, st.data())
def test_a_value_that_was_moved_or_changed_does_not_open(given: tuple[Any, Any], data: st.DataObject) -> None:
    one, value = given
    purpose = one.purpose_of("row_1")
    sealed = NOW.seal(str(value).encode(), purpose)
    at = data.draw(st.integers(1, len(sealed) - 1))
    changed = sealed[:at] + bytes([sealed[at] ^ data.draw(st.integers(1, 255))]) + sealed[at + 1 :]

    for odd, where in (
        (sealed, one.purpose_of("row_2")),
        (changed, purpose),
        (sealed[:-1], purpose),
        (b"\x01", purpose),
    ):
        with pytest.raises(UnreadableField):
            NOW.unseal(odd, where)


def test_the_key_may_be_any_of_the_ring_and_without_it_nothing_opens() -> None:
    sealed = FieldEncryption([OLD], ["old"]).seal(b"kari@example.no", "user.email usr_1")

    assert NOW.unseal(sealed, "user.email usr_1") == b"kari@example.no"
    assert not NOW.is_current(sealed)
    with pytest.raises(UnreadableField, match="its key is not set"):
        FieldEncryption([NEW], ["new"]).unseal(sealed, "user.email usr_1")
    with pytest.raises(UnreadableField):
        NOW.decrypt(Fernet(urlsafe_b64encode(bytes(32))).encrypt(b"kari"), "id_token")


def test_hashes_are_by_every_key_the_current_one_s_first() -> None:
    assert NOW.keyed_hashes("1") == [NOW.keyed_hash("1"), BEFORE.keyed_hash("1")]
    assert NOW.keyed_hash("1") != BEFORE.keyed_hash("1")


def test_every_column_that_is_called_encrypted_is_rotated() -> None:
    named = {f"{table.name}.{column.name}" for table in METADATA.sorted_tables for column in table.columns}
    known = {f"{one.table.name}.{one.name}" for one in SEALED}

    assert {name for name in named if name.endswith("_encrypted")} - known == set()


SHAPES = {way.shape.row.__name__: way.shape for way in WAYS.values()}


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
def test_no_statement_shows_an_encrypted_column_as_it_is_stored(shape: Shape[Any]) -> None:
    sealed = {one.name for one in SEALED if one.table is shape.table}

    for lies in shape.lies.values():
        if sealed & set(lies.columns):
            # What it is made into is no value of the answer: it must be opened first.
            assert lies.make is not None
            made = lies.make(*(b"sealed" if name in sealed else None for name in lies.columns))
            assert isinstance(made, SealedAuthorisation)
