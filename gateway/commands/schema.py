"""`gateway schema`: the exported GraphQL schema."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Final

import typer

from gateway.commands.schema_check import breaking_changes
from gateway.commands.terminal import OUT, fail
from routes.graphql.schema import sdl

SDL_PATH: Final = Path(__file__).parents[2] / "schema" / "schema.graphql"
app = typer.Typer(no_args_is_help=True, help="The GraphQL schema.")


@app.command()
def export(path: Annotated[Path, typer.Argument(help="The file to write.")] = SDL_PATH) -> None:
    """Write the schema in its own language."""
    path.write_text(sdl())
    OUT.print(f"Wrote {path.name}.")


@app.command()
def check(
    against: Annotated[Path | None, typer.Option(help="An older schema: breaking changes to it are refused.")] = None,
) -> None:
    """Compare the schema with the exported file, and with an older one for breaking changes."""
    if SDL_PATH.read_text() != sdl():
        fail("schema/schema.graphql is not the schema. Run: gateway schema export")
    if against is not None:
        broken = breaking_changes(against.read_text(), sdl(), datetime.now(UTC).date())
        if broken:
            fail("Breaking changes:\n" + "\n".join(broken))
    OUT.print("The schema is as exported.")
