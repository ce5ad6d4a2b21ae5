import pytest

from domain import ids
from domain.ids import kind_of


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
    prefixes = [value for name, value in vars(ids).items() if name.isupper()]

    assert len(set(prefixes)) == len(prefixes)
    assert all(kind_of(f"{prefix}_01JD") == prefix for prefix in prefixes)
