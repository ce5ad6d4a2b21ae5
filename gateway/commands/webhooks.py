"""`gateway webhooks` and `gateway trigger`: what was received, and what to send by hand."""

import json
from typing import Annotated

import typer
from rich.table import Table

from gateway.commands.terminal import LOCAL, OUT, Json, Limit, Token, Url, ask

app = typer.Typer(no_args_is_help=True, help="Webhooks that were received.")


@app.command(name="list")
def list_webhooks(url: Url = LOCAL, token: Token = None, as_json: Json = False, limit: Limit = 50) -> None:
    """What was received, newest first, with what it did or why it did nothing."""
    received = ask("GET", url, f"/api/operator/webhooks?limit={limit}", token=token)["webhooks"]
    if as_json:
        typer.echo(json.dumps(received))
        return
    table = Table("Id", "Received", "Provider", "Status", "What it did", box=None)
    for webhook in received:
        table.add_row(
            webhook["id"], webhook["receivedAt"][:19], webhook["provider"], webhook["status"], webhook["outcome"]
        )
    OUT.print(table)


@app.command()
def replay(
    webhook: Annotated[str, typer.Argument(help="Of `webhooks list`.")], url: Url = LOCAL, token: Token = None
) -> None:
    """Process a stored webhook once more."""
    ask("POST", url, f"/api/operator/webhooks/{webhook}/replay", token=token)
    OUT.print("Queued.")
