from datetime import UTC, datetime, timedelta

from domain.contact_code import CODE_LASTS, TRIES, PendingContact

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)


def test_a_code_is_open_for_its_time_and_its_tries() -> None:
    pending = PendingContact.new("kari.ny@example.no", NOON)
    sent = pending.sent("a hash", NOON)
    tried = sent
    for _ in range(TRIES):
        assert tried.is_open(NOON)
        tried = tried.tried()

    assert not pending.is_open(NOON)
    assert (sent.is_open(NOON + CODE_LASTS - timedelta(seconds=1)), sent.is_open(NOON + CODE_LASTS)) == (True, False)
    assert not tried.is_open(NOON)


def test_a_message_that_is_sent_again_gives_no_more_guesses() -> None:
    tried = PendingContact.new("+4740000099", NOON).sent("a hash", NOON)
    for _ in range(TRIES):
        tried = tried.tried()
    again = tried.sent("another hash", NOON + timedelta(minutes=1))

    assert (again.is_code(["a hash"]), again.is_code(["more", "another hash"])) == (False, True)
    assert not again.is_open(NOON + timedelta(minutes=2))
