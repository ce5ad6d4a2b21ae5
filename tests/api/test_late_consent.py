"""A bank that takes a consent as given only a moment after the user is back."""

from pathlib import Path

from tests.builders.odd_banks import odd_bank


async def test_a_consent_that_counts_late_is_asked_for_within_seconds(database_url: str, tmp_path: Path) -> None:
    async with odd_bank("open_payments", database_url, tmp_path) as bank:
        bank.face.late_reads = 3
        await bank.connect()
        at_return = await bank.link()
        for _ in range(5):
            await bank.pass_time(seconds=2)
        link = await bank.link()

    assert at_return["status"] != "ACTIVE"
    assert (link["status"], len(link["accounts"])) == ("ACTIVE", 2)
