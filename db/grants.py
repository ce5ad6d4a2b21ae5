"""What the role that serves may do on PostgreSQL: rows, no tables; in the audit trail, add and no more."""

from typing import Final

from sqlalchemy import text

from db.engine import Database

# After the grants, in this order: what stands in the trail, and what says how the tables are, is not the server's.
_STATEMENTS: Final = (
    "GRANT USAGE ON SCHEMA {schema} TO {role}",
    "REVOKE CREATE ON SCHEMA {schema} FROM {role}",
    "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA {schema} TO {role}",
    "GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA {schema} TO {role}",
    "REVOKE UPDATE, DELETE ON audit_event, audit_seal FROM {role}",
    "REVOKE INSERT, UPDATE, DELETE ON audit_base, alembic_version FROM {role}",
    "GRANT UPDATE (oldest_code) ON alembic_version TO {role}",
    "GRANT EXECUTE ON FUNCTION audit_drop TO {role}",
)


async def grant_serving(database: Database, role: str) -> None:
    """Give a role, which exists, what `serve` and `worker` need on every table that there is. Safe to repeat."""
    quote = database.write_engine.dialect.identifier_preparer.quote_identifier
    async with database.write_engine.begin() as connection:
        schema = (await connection.execute(text("SELECT current_schema()"))).scalar_one()
        for statement in _STATEMENTS:
            await connection.exec_driver_sql(statement.format(schema=quote(schema), role=quote(role)))
