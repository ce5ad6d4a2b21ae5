"""`gateway audit`: reads, verifies and exports the audit trail."""

import json
import re
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from functools import partial
from typing import Annotated, TypeVar
from urllib.parse import urlencode

import typer
from rich.table import Table

from db.unit_of_work import Reading
from domain.audit import Place
from gateway.commands.own_database import with_database
from gateway.commands.terminal import LOCAL, OUT, Json, Limit, Token, Url, ask, fail
from services.operations.audit_chain import AuditChain

app = typer.Typer(no_args_is_help=True, help="The audit trail.")
Result = TypeVar("Result")
_ANCHOR = re.compile("([0-9]{1,18}):([0-9a-f]{64})")


@app.command()
def show(
    user: Annotated[str | None, typer.Option(help="Of this user.")] = None,
    of: Annotated[str | None, typer.Option("--object", help="Of this payment, consent or other object.")] = None,
    url: Url = LOCAL,
    token: Token = None,
    as_json: Json = False,
    limit: Limit = 50,
    before: Annotated[str | None, typer.Option(help="Only entries older than the one with this id.")] = None,
) -> None:
    """What is audited of one user or object, newest first. The look is audited, too."""
    given = {"user": user, "object": of, "before": before, "limit": str(limit)}
    query = urlencode({name: value for name, value in given.items() if value is not None})
    found = ask("GET", url, f"/api/operator/audit?{query}", token=token)["entries"]
    if as_json:
        typer.echo(json.dumps(found))
        return
    table = Table("Id", "At", "Action", "User", "Operator", "Object", "Detail", box=None)
    for entry in found:
        who = [entry[name] or "-" for name in ("user", "operator", "object")]
        table.add_row(entry["id"], entry["at"][:19], entry["action"], *who, json.dumps(entry["detail"]))
    OUT.print(table)


@app.command()
def verify(
    anchor: Annotated[
        str | None, typer.Option(help="NUMBER:HASH that was noted elsewhere, such as by this command.")
    ] = None,
) -> None:
    """Compute the chain of hashes anew. Exits with 1, and names the first entry that does not fit."""
    verdict = _with_chain(lambda chain: chain.verify(_place(anchor)))
    if verdict.problem is not None:
        fail(f"The audit trail was changed: {verdict.problem}.")
    first, last = verdict.base.number + 1, verdict.end
    OUT.print(f"Entries {first} to {last.number} fit; {verdict.awaiting} wait for their seal.", highlight=False)
    typer.echo(f"{last.number}:{last.hash}")


@app.command()
def export(
    after: Annotated[int, typer.Option(min=0, help="Only entries after this number.")] = 0,
) -> None:
    """Print every sealed entry as a line of JSON, in the chain's order, with its number and hash."""
    _with_chain(lambda chain: _print(chain, after))


async def _print(chain: AuditChain, after: int) -> None:
    async with aclosing(chain.sealed(after)) as found:
        async for sealed in found:
            entry = sealed.entry.as_json() if sealed.entry else {"id": sealed.entry_id, "gone": True}
            typer.echo(json.dumps({"number": sealed.place.number, **entry, "hash": sealed.place.hash}))


def _place(anchor: str | None) -> Place | None:
    if anchor is None:
        return None
    found = _ANCHOR.fullmatch(anchor)
    if found is None:
        raise typer.BadParameter("Give NUMBER:HASH, as `gateway audit verify` prints it.", param_hint="--anchor")
    return Place(int(found[1]), found[2])


def _with_chain(use: Callable[[AuditChain], Awaitable[Result]]) -> Result:
    return with_database(lambda database: use(AuditChain(partial(Reading, database.read))))
