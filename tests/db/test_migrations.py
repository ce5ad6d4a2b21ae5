"""The migrations and the tables say the same, on both databases."""

import asyncio
import json
import os
import sys
from functools import partial
from pathlib import Path
from subprocess import DEVNULL
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, event
from sqlalchemy.schema import DropTable

from db.engine import Database, open_database
from db.migrate import DatabaseTooNew, Fit, TableIsHeld, config_of, migrate, newest_revision, version_of
from db.migrations.prepared import announced, is_compared
from db.tables.all import METADATA
from db.unit_of_work import Reading
from domain.ids import UserId
from tests.builders.databases import postgresql_database
from tests.builders.fields import FIELDS

_AT = "'2026-11-24 12:00:00+00:00'"
_A_PAYMENT_OF_THE_FIRST_VERSION = (
    f"""INSERT INTO "user" (id, issuer, subject, name, locale, created_at)
    VALUES ('usr_1', 'i', 's', 'Kari', 'nb-NO', {_AT})""",
    f"""INSERT INTO bank_connection (id, user_id, bank_id, vendor, status, created_at, version)
    VALUES ('con_1', 'usr_1', 'bank_dnb', 'mock', 'ACTIVE', {_AT}, 1)""",
    """INSERT INTO bank_account (id, user_id, connection_id, bank_id, iban, bban, currency, name, owner_name)
    VALUES ('acc_1', 'usr_1', 'con_1', 'bank_dnb', 'NO9386011117947', '86011117947', 'NOK', 'B', 'K')""",
    f"""INSERT INTO payment (id, user_id, rail, vendor, status, amount_minor, currency, creditor_name, creditor_iban,
    debtor_account_id, end_to_end_id, in_doubt, state_hash, return_to, created_at, version)
    VALUES ('pay_1', 'usr_1', 'BANK', 'mock', 'CREATED', 12500, 'NOK', 'Ola', 'NO93', 'acc_1', 'D-1', false, 'h', '/',
    {_AT}, 1)""",
    f"""INSERT INTO payment_event (id, payment_id, version, status, cause, at)
    VALUES ('pev_1', 'pay_1', 1, 'CREATED', 'user', {_AT})""",
)


async def test_a_migrated_database_has_exactly_the_tables_of_the_code(either_database_url: str) -> None:
    database = open_database(either_database_url, fields=FIELDS)

    def differences(connection: Connection) -> list[object]:
        waiting = announced(ScriptDirectory.from_config(config_of()))
        compared = {"compare_type": True, "include_object": partial(is_compared, announced=waiting)}
        return list(compare_metadata(MigrationContext.configure(connection, opts=compared), METADATA))

    async with database.write_engine.connect() as connection:
        assert await connection.run_sync(differences) == []
    await database.close()


async def at_version(url: str, version: str, *statements: str) -> Database:
    """A database of an older version with some rows."""
    database = open_database(url, fields=FIELDS)
    async with database.write_engine.begin() as connection:
        for table in reversed(METADATA.sorted_tables):
            await connection.execute(DropTable(table, if_exists=True))
        await connection.exec_driver_sql("DROP TABLE alembic_version")
    await migrate(database, version)
    async with database.write_engine.begin() as connection:
        for statement in statements:
            await connection.exec_driver_sql(statement)
    return database


async def test_rows_of_the_first_version_survive_every_migration(either_database_url: str) -> None:
    database = await at_version(either_database_url, "0001", *_A_PAYMENT_OF_THE_FIRST_VERSION)

    await migrate(database)

    async with database.read_engine.connect() as connection:
        kept = await connection.exec_driver_sql(
            "SELECT p.amount_minor, e.status FROM payment p JOIN payment_event e ON e.payment_id = p.id"
        )
        assert [tuple(row) for row in kept] == [(12_500, "CREATED")]
    await database.close()


async def test_a_locale_that_is_not_the_default_was_chosen(either_database_url: str) -> None:
    ola = f"""INSERT INTO "user" (id, issuer, subject, name, locale, created_at)
    VALUES ('usr_2', 'i', 's2', 'Ola', 'en-GB', {_AT})"""
    database = await at_version(either_database_url, "0020", _A_PAYMENT_OF_THE_FIRST_VERSION[0], ola)

    await migrate(database)

    async with database.read_engine.connect() as connection:
        found = await connection.exec_driver_sql('SELECT id, chosen_locale FROM "user" ORDER BY id')
        assert [tuple(row) for row in found] == [("usr_1", None), ("usr_2", "en-GB")]
    await database.close()


async def test_a_refund_without_a_vendors_id_has_none_after_the_migration(either_database_url: str) -> None:
    refunds = """INSERT INTO refund (id, payment_id, amount_minor, currency, status, vendor_refund_id, created_at,
    updated_at) SELECT ids.id, p.id, 100, 'NOK', 'FAILED', ids.vendor_id, p.created_at, p.created_at
    FROM payment p, (SELECT 'ref_1' AS id, '' AS vendor_id UNION SELECT 'ref_2', 're_2') ids"""
    database = await at_version(either_database_url, "0012", *_A_PAYMENT_OF_THE_FIRST_VERSION, refunds)

    await migrate(database)

    async with database.read_engine.connect() as connection:
        found = await connection.exec_driver_sql("SELECT id, vendor_refund_id FROM refund ORDER BY id")
        assert [tuple(row) for row in found] == [("ref_1", None), ("ref_2", "re_2")]
    await database.close()


async def test_a_bank_link_keeps_its_accounts_and_its_users_wishes(either_database_url: str) -> None:
    wishes = """UPDATE "user" SET notification_preferences = '{"payments": true, "bank_connections": false}'"""
    database = await at_version(either_database_url, "0013", *_A_PAYMENT_OF_THE_FIRST_VERSION, wishes)

    await migrate(database)

    async with database.read_engine.connect() as connection:
        linked = 'SELECT l.bank_id, u.id FROM bank_link l JOIN bank_account a ON a.bank_link_id = l.id JOIN "user" u'
        found = await connection.exec_driver_sql(f"{linked} ON u.id = l.user_id")
        assert [tuple(row) for row in found] == [("bank_dnb", "usr_1")]
    async with Reading(database.read) as read:
        user = await read.users.get(UserId("usr_1"))
    assert user is not None
    assert (user.preferences.payments, user.preferences.bank_links) == (True, False)
    await database.close()


async def test_texts_that_tell_a_cause_become_codes(either_database_url: str) -> None:
    told = {
        "AUTHORISATION_REQUIRED": ("bank reply", "user", "no answer from the bank", "the bank's page"),
        "SETTLED": (
            "whk_1",
            "reconciliation",
            "refund PENDING",
            "refund SUCCEEDED (whk_2)",
            "dispute LOST (it ran out)",
        ),
    }
    causes = [(status, cause) for status, texts in told.items() for cause in texts]
    events = [
        f"""INSERT INTO payment_event (id, payment_id, version, status, cause, at)
        VALUES ('pev_{version}', 'pay_1', {version}, '{status}', '{cause.replace("'", "''")}', {_AT})"""
        for version, (status, cause) in enumerate(causes, 2)
    ]
    ended = """UPDATE bank_link SET status = 'EXPIRED', ended_because = 'reconciliation' WHERE user_id = 'usr_1'"""
    streamed = [
        f"""INSERT INTO user_event (user_id, seq, kind, object_id, fields, at) VALUES ('usr_1', {seq}, 'BANK_LINK',
        'con_1', '{{"status": "REVOKED", "ended_because": {because}}}', {_AT})"""
        for seq, because in enumerate(("null", '"disconnected by the user"', '"whk_1"', '"DISCONNECTED"'), 1)
    ]
    database = await at_version(either_database_url, "0013", *_A_PAYMENT_OF_THE_FIRST_VERSION)
    await migrate(database, "0016")
    async with database.write_engine.begin() as connection:
        for statement in (*events, ended, *streamed):
            await connection.exec_driver_sql(statement)

    await migrate(database)

    async with database.read_engine.connect() as connection:
        found = await connection.exec_driver_sql("SELECT kind, cause FROM payment_event ORDER BY version")
        assert [tuple(row) for row in found] == [
            ("STATUS", "USER"),
            ("STATUS", "VENDOR_REPLY"),
            ("CANCELLATION", "USER"),
            ("IN_DOUBT", "NO_ANSWER"),
            ("STATUS", "USER_RETURNED"),
            ("STATUS", "WEBHOOK"),
            ("STATUS", "VENDOR_READ"),
            ("REFUND", "USER"),
            ("REFUND", "WEBHOOK"),
            ("DISPUTE", "EXPIRY"),
        ]
        link = await connection.exec_driver_sql("SELECT ended_because FROM bank_link")
        assert [tuple(row) for row in link] == [("EXPIRED",)]
        stream = await connection.exec_driver_sql("SELECT CAST(fields AS TEXT) FROM user_event ORDER BY seq")
        ends = [json.loads(row[0])["ended_because"] for row in stream]
        assert ends == [None, "DISCONNECTED", "ENDED_BY_BANK", "DISCONNECTED"]
    await database.close()


async def test_why_a_refund_failed_becomes_a_code(either_database_url: str) -> None:
    refunds = """INSERT INTO refund (id, payment_id, amount_minor, currency, status, failure_message, created_at,
    updated_at) SELECT told.id, p.id, 100, 'NOK', 'FAILED', told.text, p.created_at, p.created_at FROM payment p,
    (SELECT 'ref_1' AS id, 'The card vendor did not take the refund.' AS text UNION SELECT 'ref_2', 'No.'
    UNION SELECT 'ref_3', NULL) told"""
    database = await at_version(either_database_url, "0012", *_A_PAYMENT_OF_THE_FIRST_VERSION, refunds)

    await migrate(database)

    async with database.read_engine.connect() as connection:
        found = await connection.exec_driver_sql("SELECT failure_code FROM refund ORDER BY id")
        assert [code for (code,) in found] == ["NOT_ACCEPTED", "FAILED", None]
    await database.close()


async def test_migrating_again_is_harmless(either_database_url: str) -> None:
    database = open_database(either_database_url, fields=FIELDS)

    await migrate(database)

    assert (await version_of(database)).revision == newest_revision()
    await database.close()


async def test_processes_that_start_at_once_migrate_once(tmp_path: Path) -> None:
    async with postgresql_database() as url:
        for target in (url, f"sqlite:///{tmp_path}/new.sqlite3"):
            environment = {**os.environ, "DATABASE_URL": target}
            command = (sys.executable, "-m", "gateway", "migrate")
            started = [
                await asyncio.create_subprocess_exec(*command, env=environment, stdout=DEVNULL) for _ in range(3)
            ]

            codes = [await process.wait() for process in started]

            database = open_database(target, fields=FIELDS)
            assert codes == [0, 0, 0]
            assert (await version_of(database)).revision == newest_revision()
            await database.close()


@pytest.mark.parametrize("stated", ["0025", "9998", "9999"])
async def test_a_release_takes_a_database_of_a_later_one_as_far_as_that_says(
    either_database_url: str, stated: str
) -> None:
    database = open_database(either_database_url, fields=FIELDS)
    async with database.write_engine.begin() as connection:
        await connection.exec_driver_sql(f"UPDATE alembic_version SET version_num = '9999', oldest_code = '{stated}'")

    if stated <= newest_revision():
        await migrate(database)
        assert (await version_of(database)).fit(newest_revision()) is Fit.FITS
    else:
        with pytest.raises(DatabaseTooNew):
            await migrate(database)
        assert (await version_of(database)).fit(newest_revision()) is Fit.TOO_NEW
    assert (await version_of(database)).revision == "9999"
    await database.close()


async def test_a_migration_waits_for_a_held_table_only_shortly_and_then_runs_again(postgresql_url: str) -> None:
    database = await at_version(postgresql_url, "0023")
    async with database.write_engine.connect() as holding:
        await holding.exec_driver_sql("LOCK TABLE payment IN ACCESS SHARE MODE")
        with pytest.raises(TableIsHeld):
            await migrate(database)
        assert (await version_of(database)).revision == "0023"

    await migrate(database)

    assert (await version_of(database)).revision == newest_revision()
    await database.close()


async def test_an_index_that_was_edited_after_it_had_landed_is_alike_everywhere(sqlite_url: str) -> None:
    database = await at_version(sqlite_url, "0023")
    async with database.write_engine.begin() as connection:
        await connection.exec_driver_sql("DROP INDEX ix_payment_in_doubt")
        await connection.exec_driver_sql("CREATE INDEX ix_payment_in_doubt ON payment (id) WHERE in_doubt")

    await migrate(database)

    async with database.read_engine.connect() as connection:
        found = await connection.exec_driver_sql("SELECT sql FROM sqlite_master WHERE name = 'ix_payment_in_doubt'")
        assert found.scalar_one().endswith("WHERE in_doubt = 1")
    await database.close()


async def test_an_index_of_a_large_table_is_built_while_the_table_is_written_to(postgresql_url: str) -> None:
    many = f"""INSERT INTO notification (id, user_id, channel, template, locale, data, vendor, status, attempts,
    created_at, version) SELECT 'ntf_' || n, 'usr_1', 'EMAIL', 't', 'nb-NO', '{{}}', 'mock', 'SENT', 1, {_AT}, 1
    FROM generate_series(1, 11000) n"""
    database = await at_version(postgresql_url, "0001", *_A_PAYMENT_OF_THE_FIRST_VERSION)
    await migrate(database, "0036")
    async with database.write_engine.begin() as connection:
        await connection.exec_driver_sql(many)
    within = []

    def record(connection: Connection, cursor: Any, statement: str, *_: Any) -> None:
        within.append(statement)

    # A migration has a connection of its own, outside the database's pools.
    event.listen(Engine, "before_cursor_execute", record)
    await migrate(database)
    event.remove(Engine, "before_cursor_execute", record)
    built = await _indexes_of(database)

    created = [statement for statement in within if statement.startswith("CREATE INDEX ix_")]
    assert [one for one in created if "ix_payment_created_at" in one]
    assert not [one for one in created if "ix_notification_created_at" in one]
    assert (built["ix_payment_created_at"], built["ix_notification_created_at"]) == (True, True)
    await database.close()


async def test_an_index_that_is_missing_or_half_built_is_built_by_the_next_migrate(postgresql_url: str) -> None:
    database = open_database(postgresql_url, fields=FIELDS)
    async with database.write_engine.begin() as connection:
        await connection.exec_driver_sql("DROP INDEX ix_payment_created_at")
        await connection.exec_driver_sql(
            "UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'ix_payment_page'::regclass"
        )

    await migrate(database)

    built = await _indexes_of(database)
    assert (built["ix_payment_created_at"], built["ix_payment_page"]) == (True, True)
    await database.close()


async def _indexes_of(database: Database) -> dict[str, bool]:
    """The indexes there are, and whether each is complete."""
    async with database.read_engine.connect() as connection:
        found = await connection.exec_driver_sql(
            "SELECT c.relname, x.indisvalid FROM pg_index x JOIN pg_class c ON c.oid = x.indexrelid"
        )
        return {row["relname"]: row["indisvalid"] for row in found.mappings()}
