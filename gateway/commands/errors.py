"""`gateway errors`: the page of all error codes."""

from pathlib import Path
from typing import Annotated, Final

import typer

from gateway.commands.terminal import OUT, fail
from routes.error_page import codes_of_schema, exported, lines

PAGE_PATH: Final = Path(__file__).parents[2] / "docs" / "errors.md"
app = typer.Typer(no_args_is_help=True, help="The page of all error codes.")


@app.command()
def export(path: Annotated[Path, typer.Argument(help="The file to write.")] = PAGE_PATH) -> None:
    """Write the page as Markdown."""
    path.write_text(_page(), encoding="utf-8")
    OUT.print(f"Wrote {path.name}.")


@app.command()
def check(path: Annotated[Path, typer.Argument(help="The file to compare.")] = PAGE_PATH) -> None:
    """Compare the page with the exported file."""
    if path.read_text(encoding="utf-8") != _page():
        fail("docs/errors.md is not the page of the code's errors. Run: gateway errors export")
    OUT.print("The page of errors is as exported.")


def _page() -> str:
    if missing := sorted(codes_of_schema() - {*lines()}):
        fail(f"routes/errors.toml has no lines of: {', '.join(missing)}")
    return exported()
