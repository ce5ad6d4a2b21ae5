from datetime import UTC, datetime

import pytest

from domain.ids import UserId
from domain.user import User

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)


@pytest.mark.parametrize(("name", "first_name"), [("Kari Anne Nordmann", "Kari"), ("Kari", "Kari"), ("", "")])
def test_mails_greet_by_the_first_name(name: str, first_name: str) -> None:
    assert User(UserId("usr_1"), name, NOON).first_name == first_name
