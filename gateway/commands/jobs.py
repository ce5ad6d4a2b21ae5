"""`gateway jobs`: queued work, and what was given up."""

import json
from typing import Annotated

import typer
from rich.table import Table

from gateway.commands.terminal import LOCAL, OUT, Json, Limit, Token, Url, ask

app = typer.Typer(no_args_is_help=True, help="Queued work, and what was given up.")


@app.command(name="list")
def list_jobs(
    url: Url = LOCAL,
    token: Token = None,
    as_json: Json = False,
    limit: Limit = 50,
    queued: Annotated[bool, typer.Option("--queued", help="What is to be done, instead of what was given up.")] = False,
) -> None:
    """What was given up after twelve tries, or with --queued what is to be done; what is due first comes first."""
    which = "queued" if queued else "dead"
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
def replay(job: Annotated[str, typer.Argument(help="Of `jobs list`.")], url: Url = LOCAL, token: Token = None) -> None:
    """Try what was given up once more, with all its tries."""
    ask("POST", url, f"/api/operator/jobs/{job}/replay", token=token)
    OUT.print("Queued.")
