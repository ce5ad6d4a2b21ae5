"""The migrations and the tables say the same, on both databases."""

from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection

from db.engine import open_database
from db.migrate import current_revision, migrate, newest_revision
from db.tables.all import METADATA


async def test_a_migrated_database_has_exactly_the_tables_of_the_code(either_database_url: str) -> None:
    database = open_database(either_database_url)

    def differences(connection: Connection) -> list[object]:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        return list(compare_metadata(context, METADATA))

    async with database.write_engine.connect() as connection:
        assert await connection.run_sync(differences) == []
    await database.close()


async def test_migrating_again_is_harmless(either_database_url: str) -> None:
    database = open_database(either_database_url)

    await migrate(database)

    assert await current_revision(database) == newest_revision()
    await database.close()
