"""`gateway documents`: the GraphQL documents that front ends may send."""

import json
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Column, Table

from gateway.commands.terminal import LOCAL, OUT, Json, Token, Url, ask, fail

app = typer.Typer(no_args_is_help=True, help="The GraphQL documents that front ends may send.")
_PATH = "/api/operator/documents"
Id = Annotated[str, typer.Argument(help="Of `documents list`, such as sha256:9f86d081...")]


@app.command()
def push(
    file: Annotated[
        Path,
        typer.Argument(
            help="The manifest that GraphQL Code Generator, Relay or Apollo's generate-persisted-query-manifest wrote.",
            exists=True,
            dir_okay=False,
            readable=True,
        ),
    ],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Check every document, and let none in.")] = False,
    url: Url = LOCAL,
    token: Token = None,
    as_json: Json = False,
) -> None:
    """Let in all documents of a build's manifest, before the build is served; none where one is not valid."""
    try:
        manifest = json.loads(file.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        fail(f"{file} is not JSON: {error}.")
    path = f"{_PATH}?dry_run=true" if dry_run else _PATH
    pushed = ask("POST", url, path, body=manifest, token=token)
    if as_json:
        typer.echo(json.dumps(pushed))
    elif dry_run:
        OUT.print(f"{pushed['documents']} documents are valid. None was let in.")
    else:
        OUT.print(f"{pushed['documents']} documents: {pushed['new']} new, {pushed['documents'] - pushed['new']} known.")


@app.command(name="list")
def list_documents(url: Url = LOCAL, token: Token = None, as_json: Json = False) -> None:
    """Every document that front ends may send, by name, and when a client last sent it."""
    found = ask("GET", url, _PATH, token=token)
    if as_json:
        typer.echo(json.dumps(found["documents"]))
        return
    # An id that is cut names nothing: a narrow terminal breaks the line.
    table = Table("Name", "Pushed", "Last used", Column("Id", min_width=71, no_wrap=True), box=None)
    for one in found["documents"]:
        table.add_row(one["name"] or "-", one["pushedAt"][:10], one["lastUsedAt"][:10], one["id"])
    OUT.print(table, crop=False)
    OUT.print(f"{len(found['documents'])} documents; others: {_MODES[found['mode']]}.")


_MODES = {
    "any": "are answered, too (GRAPHQL_DOCUMENTS=any)",
    "log": "are answered, and named in the log",
    "enforce": "are refused",
}


@app.command()
def show(document: Id, url: Url = LOCAL, token: Token = None, as_json: Json = False) -> None:
    """The text of a document."""
    found = ask("GET", url, f"{_PATH}/{document}", token=token)
    typer.echo(json.dumps(found) if as_json else found["text"])


@app.command()
def remove(document: Id, url: Url = LOCAL, token: Token = None) -> None:
    """Refuse a document from now on. Apps that were built with it are refused, too."""
    ask("DELETE", url, f"{_PATH}/{document}", token=token)
    OUT.print("Removed.")
