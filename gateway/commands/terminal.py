"""What the commands have in common: output, options, and asking the running gateway."""

from typing import Annotated, Any, Final, NoReturn

import httpx
import typer
from rich.console import Console

from gateway.settings.check import InvalidSettings, load_settings
from gateway.settings.settings import Settings

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


def checked_settings() -> Settings:
    """Exits with every problem named."""
    try:
        return load_settings()
    except InvalidSettings as error:
        fail(f"The settings need attention:\n{error}")


def ask(
    method: str, url: str, path: str, *, form: dict[str, str] | None = None, token: str | None = None
) -> dict[str, Any]:
    """One request to the running gateway. Exits where no gateway answers, or it refuses."""
    headers = {"accept": "application/json", **({"authorization": f"Bearer {token}"} if token else {})}
    try:
        response = httpx.request(method, f"{url.rstrip('/')}{path}", data=form, headers=headers, timeout=_PATIENCE_S)
    except httpx.TransportError:
        fail(f"No gateway answers at {url}. Start it with: make run")
    body: dict[str, Any] = response.json() if response.content else {}
    if response.is_error:
        fail(f"{body.get('detail', response.reason_phrase)}")
    return body
