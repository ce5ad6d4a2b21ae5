import pytest

from domain import ids
from domain.ids import is_id, kind_of


@pytest.mark.parametrize(
    ("identifier", "kind"),
    [
        ("pay_01JD", ids.PAYMENT),
        ("pay_01_JD", ids.PAYMENT),
        ("pay_", ids.PAYMENT),
        ("pay", ""),
        ("", ""),
        ("_01JD", ""),
    ],
)
def test_the_prefix_names_the_kind(identifier: str, kind: str) -> None:
    assert kind_of(identifier) == kind


def test_no_two_kinds_share_a_prefix_and_no_prefix_has_an_underscore() -> None:
    prefixes = [value for name, value in vars(ids).items() if name.isupper() and name[0] != "_"]

    assert len(set(prefixes)) == len(prefixes)
    assert all(kind_of(f"{prefix}_01JD") == prefix for prefix in prefixes)


@pytest.mark.parametrize(
    ("identifier", "kind", "is_one"),
    [
        ("pay_01JD00000000000000000000AA", ids.PAYMENT, True),
        ("pay_01JD00000000000000000000AA", ids.CARD, False),
        ("pay_01JD00000000000000000000AA\n", ids.PAYMENT, False),
        ("pay_81JD00000000000000000000AA", ids.PAYMENT, False),
        ("pay_01jd00000000000000000000aa", ids.PAYMENT, False),
        ("pay_", ids.PAYMENT, False),
        ("bank_sparebank1", ids.BANK, True),
        ("bank_\0", ids.BANK, False),
        ("plan_plus_yearly", ids.PLAN, True),
    ],
)
def test_an_id_has_the_form_of_its_kind(identifier: str, kind: str, is_one: bool) -> None:
    assert is_id(identifier, kind) is is_one
