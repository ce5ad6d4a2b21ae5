"""`gateway clock`: the one clock of mock mode."""

import json
from datetime import timedelta
from typing import Annotated, Any

import typer

from gateway.commands.terminal import LOCAL, OUT, Json, Url, ask

app = typer.Typer(no_args_is_help=True, help="The one clock of mock mode.")


@app.command()
def show(url: Url = LOCAL, as_json: Json = False) -> None:
    """Tell the product's time."""
    _tell(ask("GET", url, "/api/mock/clock"), as_json=as_json)


@app.command()
def advance(
    by: Annotated[str, typer.Argument(help="Such as 180d or 1h30m; `next` goes to whatever falls due next.")],
    url: Url = LOCAL,
    as_json: Json = False,
) -> None:
    """Move the one clock of mock mode forward; everything on the way happens in order."""
    _tell(ask("POST", url, "/api/mock/clock", form={"advance": by}), as_json=as_json)


def _tell(reading: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(reading))
        return
    OUT.print(f"Now       {reading['now']}", highlight=False)
    OUT.print(f"Ahead by  {timedelta(seconds=reading['aheadSeconds'])}", highlight=False)
    OUT.print(f"Next due  {reading['nextDue'] or 'nothing'}", highlight=False)
