"""What a copy of the database shows of a person, and how its keys are rotated while the gateway serves."""

import os
import re
from base64 import urlsafe_b64encode
from pathlib import Path
from typing import Any

from sqlalchemy import text

from db.engine import open_database
from db.field_encryption import FieldEncryption
from db.migrate import Fit, newest_revision, version_of
from db.tables.all import METADATA
from gateway.commands.start import bring_up_to_date, prepare
from gateway.settings.check import load_settings
from tests.api.test_bank_link import consent_page
from tests.api.test_bank_return import approve, redeemed
from tests.api.test_commands import gateway
from tests.api.test_login import app_tokens, bearer
from tests.builders.fields import FIELDS
from tests.builders.gateway import Play, Player, playing, query_of
from tests.builders.messages import confirm_contact, texts, update
from tests.conftest import NOON

CANARIES = ("kanari@example.no", "+4790000042", "Karl Johans gate", "kari.waits@example.no")
KEYS = [urlsafe_b64encode(os.urandom(32)).decode() for _ in range(2)]
_MOCK = load_settings(_env_file=None)
MOCK_KEY = _MOCK.field_encryption_keys[0].get_secret_value()
MOCK_HASH_KEY = _MOCK.field_hash_key.get_secret_value()
ROTATING: dict[str, Any] = {
    "field_encryption_keys": f"{KEYS[0]},{MOCK_KEY}",
    "field_hash_key": "a new one",
    "field_hash_keys_old": MOCK_HASH_KEY,
}
ROTATED: dict[str, Any] = {"field_encryption_keys": KEYS[0], "field_hash_key": "a new one"}
VIEWER = "{ viewer { id email phone address { formatted } pendingEmail { address } kyc { status } } }"


async def with_canaries(play: Play) -> Player:
    """A person with contact data, a verification, messages and webhooks."""
    kari = await play.approved()
    for kind, to in (("EMAIL", CANARIES[0]), ("PHONE", CANARIES[1])):
        before = await codes_in(play)
        await update(kari, **{kind.lower(): to})
        await play.settle()
        (code,) = await codes_in(play) - before
        await confirm_contact(kari, kind, code)
    await update(kari, address="Karl Johans gate 1", email=CANARIES[3])
    await play.settle()
    return kari


async def codes_in(play: Play) -> set[str]:
    return set(re.findall(r"(?:Koden din er|Your code is) (\d{6})", await texts(play)))


async def everything(play: Play) -> dict[str, list[str]]:
    """Every row of every table, as a copy of the database shows it."""
    found = {}
    async with play.gateway.infrastructure.database.read_engine.connect() as connection:
        for table in METADATA.sorted_tables:
            rows = await connection.execute(text(f'SELECT * FROM "{table.name}"'))  # our own tables
            found[table.name] = [str(tuple(row)) for row in rows]
    return found


async def showing(play: Play, *values: str) -> set[tuple[str, str]]:
    """The tables in which one of the values can be read."""
    tables = await everything(play)
    return {(name, value) for name, rows in tables.items() for value in values if any(value in row for row in rows)}


async def test_contact_data_messages_and_webhooks_cannot_be_read_in_a_copy_of_the_database(play: Play) -> None:
    kari = await with_canaries(play)

    assert await showing(play, *CANARIES, "applicantId", "firstName") == set()
    viewer = (await kari.ask(VIEWER))["viewer"]
    assert (viewer["email"], viewer["phone"], viewer["pendingEmail"]["address"]) == (*CANARIES[:2], CANARIES[3])


async def test_a_value_that_was_copied_to_another_row_does_not_open(play: Play) -> None:
    kari, ola = await with_canaries(play), await play.person("ola")
    async with play.gateway.infrastructure.database.write_engine.begin() as connection:
        await connection.execute(text('UPDATE "user" SET email = (SELECT email FROM "user" ORDER BY id LIMIT 1)'))

    assert (await kari.ask("{ viewer { email } }"))["viewer"]["email"] == CANARIES[0]
    assert CANARIES[0] not in (await ola.post("{ viewer { email } }")).text


async def test_keys_are_rotated_under_a_gateway_that_serves_and_the_old_ones_are_needed_no_more(
    database_url: str, tmp_path: Path
) -> None:
    async with playing(database_url, tmp_path, NOON, field_encryption_as_before=True) as before:
        known = await viewer_of(await with_canaries(before))
        assert {("user", CANARIES[0]), ("notification", "firstName")} <= await showing(before, CANARIES[0], "firstName")
        demanded = await oldest_code(before)
    refused = rotate(database_url, tmp_path, ROTATING, FIELD_ENCRYPTION_AS_BEFORE="true")

    async with playing(database_url, tmp_path, NOON, **ROTATING) as serving:
        kari = await serving.person()
        assert await viewer_of(kari) == known
        done = rotate(database_url, tmp_path, ROTATING)
        again = rotate(database_url, tmp_path, ROTATING)
        assert await viewer_of(kari) == known
        assert await showing(serving, *CANARIES, "firstName", "gAAAA") == set()
        number_hash = await the_number_hash(serving)
        raised = await oldest_code(serving)
    async with playing(database_url, tmp_path, NOON, **ROTATED) as after:
        assert await viewer_of(await after.person()) == known
        async with after.gateway.infrastructure.read() as read:
            number = await read.users.national_identity_number(known["id"])

    assert (refused.returncode, "FIELD_ENCRYPTION_AS_BEFORE is on" in refused.stderr) == (1, True)
    assert (done.returncode, again.returncode) == (0, 0), (done.stderr, again.stderr)
    assert (demanded, raised) == ("0025", "0058")
    assert again.stdout.strip().startswith("0 rows were encrypted anew.")
    assert number is not None
    assert number_hash == FieldEncryption([KEYS[0]], ["a new one"]).keyed_hash(number)


async def test_the_doctor_names_a_key_that_was_taken_out_too_early(database_url: str, tmp_path: Path) -> None:
    async with playing(database_url, tmp_path, NOON) as play:
        await with_canaries(play)

    early = gateway("doctor", folder=tmp_path, DATABASE_URL=database_url, FIELD_ENCRYPTION_KEYS=KEYS[0])
    fitting = gateway("doctor", folder=tmp_path, DATABASE_URL=database_url)

    assert (early.returncode, fitting.returncode) == (1, 0)
    assert "FIELD_ENCRYPTION_KEYS lacks a key: values in user, notification" in early.stderr.replace("\n", " ")


async def test_what_no_key_opens_is_named_and_costs_itself_alone(database_url: str, tmp_path: Path) -> None:
    async with playing(database_url, tmp_path, NOON) as play:
        await with_canaries(play)
        async with play.gateway.infrastructure.database.write_engine.begin() as connection:
            await connection.execute(text("UPDATE \"user\" SET email = 'enc:AXh4eHh5'"))

    done = rotate(database_url, tmp_path, ROTATING)

    assert done.returncode == 1
    assert "user: 1 rows stay as they are, such as usr_" in done.stderr
    async with (
        playing(database_url, tmp_path, NOON, **ROTATED) as after,
        after.gateway.infrastructure.read() as read,
    ):
        stored = [await read.webhooks.get(webhook.id) for webhook in await read.webhooks.newest(100)]
    assert stored
    assert {webhook.raw[:1] for webhook in stored if webhook} <= {b"{", b"["}


async def test_what_a_bank_returned_is_rotated_and_its_app_completes_with_it(database_url: str, tmp_path: Path) -> None:
    async with playing(database_url, tmp_path, NOON, field_encryption_as_before=True) as before:
        kari = await before.person()
        token = (await app_tokens(kari))["access_token"]
        back = await approve(before.browser(), await consent_page(bearer(before, token)))
        link = (await before.browser().http.get(back)).headers["location"]

    done = rotate(database_url, tmp_path, ROTATING)

    assert done.returncode == 0, done.stderr
    async with playing(database_url, tmp_path, NOON, **ROTATED) as after:
        status, told = await redeemed(bearer(after, token), query_of(link)["returnCode"])
    assert (status, told["outcome"]) == (200, "approved")


async def test_no_older_release_runs_on_what_it_does_not_read(database_url: str, tmp_path: Path) -> None:
    settings = {"database_url": database_url, "_env_file": None}
    database = open_database(database_url, fields=FIELDS)
    await prepare(load_settings(**settings, field_encryption_as_before=True))
    as_before = (await version_of(database)).fit("0057")

    await prepare(load_settings(**settings))
    await bring_up_to_date(load_settings(**settings, field_encryption_as_before=True))
    sealed = await version_of(database)
    await database.close()

    assert as_before is Fit.FITS
    assert [sealed.fit(code) for code in ("0057", "0058", newest_revision())] == [Fit.TOO_NEW, Fit.FITS, Fit.FITS]


async def viewer_of(player: Player) -> Any:
    return (await player.ask(VIEWER))["viewer"]


async def oldest_code(play: Play) -> str | None:
    return (await version_of(play.gateway.infrastructure.database)).oldest_code


async def the_number_hash(play: Play) -> str | None:
    async with play.gateway.infrastructure.database.read_engine.connect() as connection:
        found: str | None = (
            await connection.execute(text('SELECT national_identity_number_hash FROM "user"'))
        ).scalar_one()
    return found


def rotate(database_url: str, folder: Path, settings: dict[str, Any], **more: str) -> Any:
    chosen = {name.upper(): value for name, value in settings.items()}
    return gateway("keys", "rotate", folder=folder, DATABASE_URL=database_url, **chosen, **more)
