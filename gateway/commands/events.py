"""`gateway events`: timelines of payments."""

import json
import time
from typing import Annotated, Any

import typer

from gateway.commands.terminal import LOCAL, LOOK_EVERY_S, OUT, Json, Limit, Token, Url, ask

app = typer.Typer(no_args_is_help=True, help="Timelines of payments.")


@app.command()
def show(
    payment: Annotated[str, typer.Argument(help="pay_...")],
    url: Url = LOCAL,
    token: Token = None,
    as_json: Json = False,
) -> None:
    """A payment's way: what was asked, called, received, changed and pushed."""
    lines = ask("GET", url, f"/api/operator/payments/{payment}/timeline", token=token)["events"]
    _tell(lines, as_json=as_json)


@app.command()
def tail(
    url: Url = LOCAL,
    token: Token = None,
    as_json: Json = False,
    limit: Limit = 20,
    follow: Annotated[bool, typer.Option(help="Go on until interrupted.")] = True,
) -> None:
    """The newest lines of all payments, as they come."""
    lines = ask("GET", url, f"/api/operator/events?limit={limit}", token=token)["events"]
    _tell(lines, as_json=as_json, with_payment=True)
    last = lines[-1]["number"] if lines else 0
    while follow:
        time.sleep(LOOK_EVERY_S)
        lines = ask("GET", url, f"/api/operator/events?after={last}", token=token)["events"]
        _tell(lines, as_json=as_json, with_payment=True)
        last = lines[-1]["number"] if lines else last


def _tell(lines: list[dict[str, Any]], *, as_json: bool, with_payment: bool = False) -> None:
    for event in lines:
        if as_json:
            typer.echo(json.dumps(event))
        else:
            payment = f"{event['payment']}  " if with_payment else ""
            webhook = f"  {event['webhook']}" if event["webhook"] else ""
            text = (
                f"{event['at'][11:19]}  {payment}{event['kind']:<11}  {event['summary']}: {event['outcome']}{webhook}"
            )
            OUT.print(text, highlight=False, markup=False, soft_wrap=True)
