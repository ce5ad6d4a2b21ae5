"""Every release that a migration tolerates finds all that it had, and can write without what came later.

What a migration takes away or newly demands, an earlier one has announced in `prepares`, whose release already lives
without it; `oldest_code` is then that release or a later one.
"""

from collections.abc import Mapping, Sequence
from types import SimpleNamespace
from typing import Any

import pytest
import sqlalchemy as sa
from alembic.script import ScriptDirectory

from db.engine import open_database
from db.migrate import config_of, migrate, version_of
from tests.house.test_landed_migrations import FIRST

Schema = Mapping[str, Any]


def names_of(index: Any) -> Sequence[str | None]:
    """The columns of a unique constraint or an index."""
    found: Sequence[str | None] = index["column_names"]
    return found


def schema_of(connection: sa.Connection) -> Schema:
    """By table, its columns and what it holds to be unique."""
    inspector = sa.inspect(connection)
    return {
        table: {
            "columns": {column["name"]: column for column in inspector.get_columns(table)},
            "unique": {
                tuple(names_of(one))
                for one in (*inspector.get_unique_constraints(table), *inspector.get_indexes(table))
                if one.get("unique", True)
            },
            "references": {tuple(one["constrained_columns"]) for one in inspector.get_foreign_keys(table)},
        }
        for table in inspector.get_table_names()
        if table != "alembic_version"
    }


def contractions(before: Schema, after: Schema) -> set[str]:
    """What a release that knows `before` can no longer rely on, in the words of `prepares`."""
    found = {f"drop {table}" for table in before.keys() - after.keys()}
    for table in before.keys() & after.keys():
        old, new = before[table]["columns"], after[table]["columns"]
        found |= {f"drop {table}.{name}" for name in old.keys() - new.keys()}
        found |= {
            f"retype {table}.{name}"
            for name in old.keys() & new.keys()
            if str(old[name]["type"]) != str(new[name]["type"])
        }
        for name, column in new.items():
            was_demanded = name in old and not old[name]["nullable"]
            if not column["nullable"] and column["default"] is None and not was_demanded:
                found.add(f"require {table}.{name}")
        for kind in ("unique", "references"):
            found |= {f"{kind} {table}({', '.join(names)})" for names in after[table][kind] - before[table][kind]}
    return found


def broken(versions: Sequence[Any], schemas: Sequence[Schema]) -> list[str]:
    """What contradicts the rule. `schemas` are those after each of the versions, oldest first."""
    prepared = {what: version.revision for version in versions for what in getattr(version.module, "prepares", ())}
    found = []
    for number, version in enumerate(versions[1:], 1):
        for what in sorted(contractions(schemas[number - 1], schemas[number])):
            if not FIRST <= prepared.get(what, version.revision) < version.revision:
                found.append(f"{version.revision}: {what}: an earlier migration has not prepared it")
            elif version.module.oldest_code < prepared[what]:
                found.append(f"{version.revision}: {what}: oldest_code must be {prepared[what]} at least")
    return found


async def test_each_migration_from_the_first_that_says_so_follows_the_rule(either_database_url: str) -> None:
    scripts = [one for one in ScriptDirectory.from_config(config_of()).walk_revisions() if one.revision >= FIRST]
    versions, schemas = scripts[::-1], []
    database = open_database(either_database_url)
    async with database.write_engine.begin() as connection:
        await connection.run_sync(drop_everything)
    for version in versions:
        await migrate(database, version.revision)
        async with database.read_engine.connect() as reading:
            schemas.append(await reading.run_sync(schema_of))
        stored = await version_of(database)
        assert (stored.revision, stored.oldest_code) == (version.revision, version.module.oldest_code)
    await database.close()

    assert broken(versions, schemas) == []


def drop_everything(connection: sa.Connection) -> None:
    metadata = sa.MetaData()
    metadata.reflect(connection)
    metadata.drop_all(connection)


@pytest.mark.parametrize(
    ("statement", "what"),
    [
        ("DROP TABLE note", "drop note"),
        ("ALTER TABLE note RENAME COLUMN text TO content", "drop note.text"),
        ("ALTER TABLE note ADD COLUMN author VARCHAR NOT NULL", "require note.author"),
        ("CREATE UNIQUE INDEX note_text ON note (text)", "unique note(text)"),
        ("ALTER TABLE note ADD COLUMN author VARCHAR REFERENCES person (id)", "references note(author)"),
    ],
)
def test_what_contracts_is_found_and_must_have_been_prepared(statement: str, what: str) -> None:
    engine = sa.create_engine("sqlite://")
    with engine.begin() as connection:
        for created in ("person (id VARCHAR PRIMARY KEY)", "note (id VARCHAR NOT NULL, text VARCHAR)"):
            connection.exec_driver_sql(f"CREATE TABLE {created}")
        before = schema_of(connection)
        connection.exec_driver_sql(statement)
        schemas = [before, before, schema_of(connection)]
    engine.dispose()

    def versions(*prepares: str, oldest_code: str) -> list[SimpleNamespace]:
        modules = [
            SimpleNamespace(oldest_code=FIRST),
            SimpleNamespace(oldest_code=FIRST, prepares=prepares),
            SimpleNamespace(oldest_code=oldest_code),
        ]
        return [SimpleNamespace(revision=f"{25 + n:04}", module=module) for n, module in enumerate(modules)]

    assert what in contractions(before, schemas[-1])
    (unprepared,) = [one for one in broken(versions(oldest_code="0026"), schemas) if f": {what}:" in one]
    (too_old,) = [one for one in broken(versions(what, oldest_code="0025"), schemas) if f": {what}:" in one]
    assert "has not prepared" in unprepared
    assert "oldest_code must be 0026" in too_old
    assert not [one for one in broken(versions(what, oldest_code="0026"), schemas) if f": {what}:" in one]


@pytest.mark.parametrize(
    "statement",
    [
        "ALTER TABLE note ADD COLUMN author VARCHAR",
        "ALTER TABLE note ADD COLUMN likes INTEGER NOT NULL DEFAULT 0",
        "CREATE INDEX note_text ON note (text)",
        "CREATE TABLE person (id VARCHAR NOT NULL)",
    ],
)
def test_what_only_adds_needs_no_word(statement: str) -> None:
    engine = sa.create_engine("sqlite://")
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE note (id VARCHAR NOT NULL, text VARCHAR)")
        before = schema_of(connection)
        connection.exec_driver_sql(statement)
        assert contractions(before, schema_of(connection)) == set()
    engine.dispose()
