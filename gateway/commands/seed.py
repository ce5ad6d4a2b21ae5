"""`gateway seed`: users for tests, made by a running gateway in mock mode."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from gateway.commands.terminal import LOCAL, OUT, Json, Url, ask, fail

_PATH = "/api/mock/users"


def seed(
    file: Annotated[
        Path | None,
        typer.Argument(help="The order in JSON, as docs/sandbox.md has it.", exists=True, dir_okay=False),
    ] = None,
    count: Annotated[int | None, typer.Option(min=1, max=500, help="How many.")] = None,
    persona: Annotated[str | None, typer.Option(help="Whom; `new` makes somebody up.")] = None,
    kyc: Annotated[str | None, typer.Option(help="NOT_STARTED, PENDING, RETRY, APPROVED or REJECTED.")] = None,
    bank: Annotated[list[str] | None, typer.Option(help="A bank to connect, such as bank_dnb; may come again.")] = None,
    plan: Annotated[str | None, typer.Option(help="A plan to subscribe to, such as plan_plus.")] = None,
    reset: Annotated[str | None, typer.Option(metavar="USER", help="Have this user leave instead.")] = None,
    url: Url = LOCAL,
    as_json: Json = False,
) -> None:
    """Make users for tests, signed in and as ordered, or have one leave (mock mode)."""
    if reset is not None:
        ask("DELETE", url, f"{_PATH}/{reset}")
        OUT.print("Reset: the same person begins anew.")
        return
    asked = {
        "count": count,
        "persona": persona,
        "kyc": kyc,
        "banks": [{"id": one} for one in bank] if bank else None,
        "plan": {"id": plan} if plan else None,
    }
    order = _read(file) | {name: value for name, value in asked.items() if value is not None}
    made = ask("POST", url, _PATH, body=order)
    if as_json:
        typer.echo(json.dumps(made))
        return
    table = Table("User", "Name", "Persona", "KYC", "Cookie", box=None)
    for user in made["users"]:
        cookie = f"{user['cookie']['name']}={user['cookie']['value']}"
        table.add_row(user["id"], user["name"], user["persona"], user["kyc"], cookie)
    OUT.print(table, crop=False)


def _read(file: Path | None) -> dict[str, Any]:
    if file is None:
        return {}
    try:
        order = json.loads(file.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        fail(f"{file} is not JSON: {error}.")
    if not isinstance(order, dict):
        fail(f"{file} is no order: it must be a JSON object.")
    return order
