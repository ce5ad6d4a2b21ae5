"""What the commands have in common: output, options, and asking the running gateway."""

from typing import Annotated, Any, Final, NoReturn

import httpx
import typer
from rich.console import Console

LOCAL: Final = "http://localhost:8000"
LOOK_EVERY_S: Final = 0.2
# Years of due things take a while.
_PATIENCE_S: Final = 600
OUT: Final = Console()
ERR: Final = Console(stderr=True)
Url = Annotated[str, typer.Option(help="The running gateway.")]
Token = Annotated[str | None, typer.Option(envvar="OPERATOR_TOKEN", help="The operators' token.")]
Limit = Annotated[int, typer.Option(min=1, max=500, help="How many lines.")]
Json = Annotated[bool, typer.Option("--json", help="For machines.")]


def fail(message: str) -> NoReturn:
    ERR.print(message, style="red", markup=False)
    raise typer.Exit(1)


def ask(
    method: str,
    url: str,
    path: str,
    *,
    form: dict[str, str] | None = None,
    body: object = None,
    token: str | None = None,
) -> dict[str, Any]:
    """One request to the running gateway. Exits where no gateway answers, or it refuses."""
    headers = {"accept": "application/json", **({"authorization": f"Bearer {token}"} if token else {})}
    try:
        address = f"{url.rstrip('/')}{path}"
        response = httpx.request(method, address, data=form, json=body, headers=headers, timeout=_PATIENCE_S)
    except httpx.TransportError:
        fail(f"No gateway answers at {url}. Start it with: make run")
    except httpx.InvalidURL as error:
        fail(f"{url} is no address: {error}.")
    try:
        answer = response.json() if response.content else {}
    except ValueError:
        answer = None
    if not isinstance(answer, dict):
        fail(f"What answers at {url} is no gateway.")
    if response.is_error:
        fail(f"{answer.get('detail', response.reason_phrase)}")
    return answer
