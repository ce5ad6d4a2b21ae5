"""`gateway notifications`: messages that no vendor took."""

import json
from typing import Annotated

import typer
from rich.table import Table

from gateway.commands.terminal import LOCAL, OUT, Json, Limit, Token, Url, ask

app = typer.Typer(no_args_is_help=True, help="Messages that no vendor took.")


@app.command(name="list")
def list_notifications(url: Url = LOCAL, token: Token = None, as_json: Json = False, limit: Limit = 50) -> None:
    """Messages that no vendor took, newest first."""
    dead = ask("GET", url, f"/api/operator/notifications?limit={limit}", token=token)["notifications"]
    if as_json:
        typer.echo(json.dumps(dead))
        return
    table = Table("Id", "Made", "Template", "Why", box=None)
    for notification in dead:
        table.add_row(
            notification["id"], notification["createdAt"][:19], notification["template"], notification["outcome"]
        )
    OUT.print(table)


@app.command()
def replay(
    notification: Annotated[str, typer.Argument(help="Of `notifications list`.")],
    url: Url = LOCAL,
    token: Token = None,
) -> None:
    """Send a dead message once more, with all its tries."""
    ask("POST", url, f"/api/operator/notifications/{notification}/replay", token=token)
    OUT.print("Queued.")
