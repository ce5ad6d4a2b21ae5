"""The committed files of GraphiQL and of the reference client are those of their sources, as their builds have noted.

Needs no Node.
"""

import gzip
from hashlib import sha256
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
GRAPHIQL, CLIENT = ROOT / "graphiql", ROOT / "clients" / "web"
# Written by code generation at each build, and so not committed.
GENERATED = ("src/gql/", "gateway-client/src/schema.ts")
BUILT = {
    "make graphiql": (
        GRAPHIQL,
        ["build.mjs", "package.json", "package-lock.json"],
        ["src", "examples", "../routes/graphql/assets"],
    ),
    "make web-build": (
        CLIENT,
        [
            "codegen.ts",
            "digest.mjs",
            "index.html",
            "package.json",
            "package-lock.json",
            "persisted-documents.json",
            "vite.config.ts",
        ],
        ["src", "gateway-client/src", "../../routes/browser_app/assets"],
    ),
}
# What a phone downloads before the first screen.
LARGEST_BYTES = 120_000


@pytest.mark.parametrize("command", BUILT)
def test_the_bundle_was_built_from_the_sources_that_are_here(command: str) -> None:
    folder, names, folders = BUILT[command]
    lines = (folder / "build.sha256").read_text().splitlines()
    noted = {name: digest for digest, _, name in (line.partition("  ") for line in lines)}
    found = [f"{under}/{path.relative_to(folder / under)}" for under in folders for path in _files(folder / under)]
    present = {
        name: sha256((folder / name).read_bytes()).hexdigest()
        for name in [*names, *found]
        if not name.startswith(GENERATED)
    }

    assert {name for name, _ in present.items() ^ noted.items()} == set(), f"run `{command}` and commit its files"


def test_the_reference_client_is_small() -> None:
    assets = CLIENT / "../../routes/browser_app/assets"
    assert sum(len(gzip.compress(path.read_bytes())) for path in _files(assets)) < LARGEST_BYTES


def _files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]
