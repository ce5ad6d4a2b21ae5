"""`gateway openapi`: the exported description of the side-routes."""

from pathlib import Path
from typing import Annotated, Final

import typer

from gateway.commands.terminal import OUT, fail
from routes.openapi import exported

DOCUMENT_PATH: Final = Path(__file__).parents[2] / "routes" / "openapi.json"
app = typer.Typer(no_args_is_help=True, help="The OpenAPI document of the side-routes.")


@app.command()
def export(path: Annotated[Path, typer.Argument(help="The file to write.")] = DOCUMENT_PATH) -> None:
    """Write the document as JSON."""
    path.write_text(exported())
    OUT.print(f"Wrote {path.name}.")


@app.command()
def check(path: Annotated[Path, typer.Argument(help="The file to compare.")] = DOCUMENT_PATH) -> None:
    """Compare the document with the exported file."""
    if path.read_text() != exported():
        fail("routes/openapi.json is not the document of the routes. Run: gateway openapi export")
    OUT.print("The OpenAPI document is as exported.")
