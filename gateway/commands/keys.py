"""`gateway keys`: rotates the keys of encrypted fields."""

from functools import partial

import typer
from rich.progress import Progress

from db.engine import Database
from db.migrate import demand
from db.sealed import READ_SINCE
from db.unit_of_work import CommitWakeUps, UnitOfWork, reading
from gateway.commands.checked_settings import checked_settings
from gateway.commands.own_database import with_database
from gateway.commands.terminal import ERR, OUT, fail
from services.operations.key_rotation import KeyRotation, Rotated

app = typer.Typer(no_args_is_help=True, help="The keys of encrypted fields.")


@app.command()
def rotate() -> None:
    """Encrypt every field anew by the first of FIELD_ENCRYPTION_KEYS, and find by FIELD_HASH_KEY.

    The gateway may serve meanwhile. Break it off as you like: it goes on where it was.
    """
    if checked_settings().field_encryption_as_before:
        fail("FIELD_ENCRYPTION_AS_BEFORE is on: take it away once no process of the release before runs, then rotate.")
    done = with_database(_rotate)
    for table, rows in done.failed.items():
        shown = ", ".join(sorted(rows)[:5])
        ERR.print(f"{table}: {len(rows)} rows stay as they are, such as {shown}.", style="red", markup=False)
    for table, count in done.waiting.items():
        ERR.print(f"{table}: {count} rows were held, or are written by other keys.", style="red", markup=False)
    OUT.print(f"{done.rows} rows were encrypted anew.", highlight=False)
    if done.failed:
        fail("Put back the key that is missing from FIELD_ENCRYPTION_KEYS; or two users have one identity number.")
    if done.waiting:
        fail("Run it again once every process has the same keys, in the same order.")
    OUT.print("All is by the first keys: others may be taken out of the settings in a day.", highlight=False)


async def _rotate(database: Database) -> Rotated:
    await demand(database, READ_SINCE)
    with Progress(console=OUT, transient=True) as progress:
        bars = dict[str, int]()

        def show(table: str, done: int, total: int) -> None:
            if table not in bars:
                bars[table] = progress.add_task(table)
            progress.update(bars[table], completed=done, total=total)  # type: ignore[arg-type]

        rotation = KeyRotation(partial(UnitOfWork, database.write, CommitWakeUps()), partial(reading, database.read))
        return await rotation.run(show)
