"""`gateway reconcile`: what differs between the vendors and what is stored here."""

import json
from typing import Annotated

import typer
from rich.table import Table

from gateway.commands.terminal import LOCAL, OUT, Json, Limit, Token, Url, ask

app = typer.Typer(no_args_is_help=True, help="What differs between the vendors and what is stored here.")


@app.command("list")
def differences(url: Url = LOCAL, token: Token = None, as_json: Json = False, limit: Limit = 50) -> None:
    """What differs, oldest first."""
    found = ask("GET", url, f"/api/operator/reconciliation?limit={limit}", token=token)["differences"]
    if as_json:
        typer.echo(json.dumps(found))
        return
    table = Table("Id", "Found", "Difference", "Vendor", "Object", "Their id", "Our id", "Theirs", "Ours", box=None)
    for one in found:
        shown = (one["vendor"], one["object"], one["vendorObjectId"], one["ourId"], one["theirs"], one["ours"])
        table.add_row(one["id"], one["foundAt"][:19], one["difference"], *(value or "-" for value in shown))
    OUT.print(table)


@app.command()
def run(url: Url = LOCAL, token: Token = None) -> None:
    """Compare everything of the last days now; `list` then shows what differs."""
    ask("POST", url, "/api/operator/reconciliation/run", token=token)
    OUT.print("Queued: what differs is in `gateway reconcile list`.", highlight=False)


@app.command()
def close(
    difference: Annotated[str, typer.Argument(help="Of `reconcile list`.")],
    reason: Annotated[str, typer.Option(help="How it was mended; kept in the audit trail.")],
    url: Url = LOCAL,
    token: Token = None,
) -> None:
    """Close a difference that was dealt with. A run that finds it again opens it again."""
    ask("POST", url, f"/api/operator/reconciliation/{difference}/close", form={"reason": reason}, token=token)
    OUT.print(f"{difference} is closed.", highlight=False)
