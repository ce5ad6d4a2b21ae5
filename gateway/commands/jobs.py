"""`gateway jobs`: queued work, and what is blocked by a fault of our own."""

import json
from typing import Annotated

import typer
from rich.table import Table

from gateway.commands.terminal import LOCAL, OUT, Json, Limit, Token, Url, ask

app = typer.Typer(no_args_is_help=True, help="Queued work, and what is blocked.")


@app.command(name="list")
def list_jobs(
    url: Url = LOCAL,
    token: Token = None,
    as_json: Json = False,
    limit: Limit = 50,
    queued: Annotated[bool, typer.Option("--queued", help="What is to be done, instead of what is blocked.")] = False,
) -> None:
    """What is blocked after twelve tries, or with --queued what is to be done; what is due first comes first."""
    which = "queued" if queued else "blocked"
    found = ask("GET", url, f"/api/operator/jobs?which={which}&limit={limit}", token=token)["jobs"]
    if as_json:
        typer.echo(json.dumps(found))
        return
    table = Table("Id", "Due", "Kind", "Tries", "Last error", "Payload", box=None)
    for job in found:
        payload = json.dumps(job["payload"])
        table.add_row(job["id"], job["dueAt"][:19], job["kind"], str(job["attempts"]), job["lastError"] or "-", payload)
    OUT.print(table)


@app.command()
def replay(
    job: Annotated[str | None, typer.Argument(help="Of `jobs list`.")] = None,
    kind: Annotated[str | None, typer.Option("--kind", help="All blocked jobs of this kind.")] = None,
    url: Url = LOCAL,
    token: Token = None,
) -> None:
    """Try one blocked job again, or all of a kind, with all their tries; the next release does so by itself."""
    if job is not None and kind is None:
        ask("POST", url, f"/api/operator/jobs/{job}/replay", token=token)
        OUT.print("Queued.")
    elif kind is not None and job is None:
        queued = ask("POST", url, "/api/operator/jobs/replay", token=token, form={"kind": kind})["queued"]
        OUT.print(f"Queued: {queued}.")
    else:
        raise typer.BadParameter("Name a job, or a kind with --kind.")
