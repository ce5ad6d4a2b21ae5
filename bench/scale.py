"""How does cost grow: with more `serve` processes, and with more payments in the table?

`python -m bench.scale` asks as fast as it is answered, on a PostgreSQL and a Redis of its own.
"""

import asyncio
import tempfile
from pathlib import Path

from sqlalchemy import text

from bench.load import Load, customers_of, put_under_load
from bench.machine import at, heading, tell
from db.engine import open_database
from tests.builders.customers import Customer
from tests.builders.fleet import Fleet, fleet

CUSTOMERS = 16
FIRST_FOR_S = 35
FOR_S = 20
PROCESSES = (1, 2, 4)
SIZES = (1_000, 100_000, 1_000_000)
# Copies of an existing payment, spread over other users.
USERS = """INSERT INTO "user" SELECT (jsonb_populate_record(base.one, jsonb_build_object(
    'id', 'usr_bench_' || n, 'subject', 'bench-' || n, 'national_identity_number_hash', NULL))).*
  FROM generate_series(CAST(:first AS int), CAST(:last AS int)) n, (SELECT one FROM "user" one LIMIT 1) base"""
PAYMENTS = """INSERT INTO payment SELECT (jsonb_populate_record(base.one, jsonb_build_object(
    'id', 'pay_0' || lpad(n::text, 25, '0'), 'user_id', 'usr_bench_' || n / 100, 'end_to_end_id', 'bench-' || n,
    'vendor_payment_id', 'pi_bench_' || n, 'state_hash', 'bench-' || n, 'status', 'SETTLED'))).*
  FROM generate_series(CAST(:first AS int), CAST(:last AS int)) n,
    (SELECT one FROM payment one WHERE user_id NOT LIKE 'usr_bench%' LIMIT 1) base"""
FILLED = """SELECT count(*) FROM "user" WHERE id LIKE 'usr_bench%'"""


async def fill(running: Fleet, up_to: int) -> None:
    database = open_database(running.database_url)
    async with database.write_engine.begin() as connection:
        there: int = (await connection.execute(text("SELECT count(*) FROM payment"))).scalar_one()
        users: int = (await connection.execute(text(FILLED))).scalar_one()
        await connection.execute(text(USERS), {"first": users, "last": up_to // 100})
        await connection.execute(text(PAYMENTS), {"first": there, "last": up_to})
    async with database.write_engine.connect() as connection:
        at_once = await connection.execution_options(isolation_level="AUTOCOMMIT")
        # Done now: vacuum and checkpoint after the filling must not run during the measurement.
        for statement in ("VACUUM ANALYZE", "CHECKPOINT"):
            await at_once.execute(text(statement))
    await database.close()


async def measured(running: Fleet, serves: int, run: str, customers: list[Customer]) -> Load:
    everybody = running.serves
    running.serves = everybody[:serves]
    await put_under_load(customers, for_s=3, run=f"{run}-warm")
    load = await put_under_load(customers, for_s=FOR_S, run=run)
    running.serves = everybody
    return load


def report(what: str, load: Load) -> None:
    tell(
        f"{what}: {load.a_second:.0f} requests a second, p50 {at(load.took, 0.5):.0f} ms, p99 {at(load.took, 0.99):.0f}"
    )


async def measure() -> None:
    tell(heading())
    tell(f"{CUSTOMERS} customers, four looks at 20 payments for each payment made:")
    with fleet(Path(tempfile.mkdtemp()), "postgresql", serves=max(PROCESSES), workers=1, is_executed=True) as running:
        async with customers_of(running, CUSTOMERS) as customers:
            # Enough payments that each user has a full page.
            await put_under_load(customers, for_s=FIRST_FOR_S, run="first")
            for size in SIZES:
                await fill(running, size)
                report(f"{size:,} payments, 1 serve", await measured(running, 1, f"size-{size}", customers))
            for many in PROCESSES[1:]:
                report(
                    f"{SIZES[-1]:,} payments, {many} serve", await measured(running, many, f"serves-{many}", customers)
                )


if __name__ == "__main__":
    asyncio.run(measure())
