"""The committed GraphiQL files are those of their sources: what `npm run build` noted still holds. Needs no Node."""

from hashlib import sha256
from pathlib import Path

GRAPHIQL = Path(__file__).parents[2] / "graphiql"
ASSETS = "../routes/graphql/assets"


def test_the_bundle_was_built_from_the_sources_that_are_here() -> None:
    lines = (GRAPHIQL / "build.sha256").read_text().splitlines()
    noted = {name: digest for digest, _, name in (line.partition("  ") for line in lines)}
    names = ["build.mjs", "package.json", "package-lock.json"]
    names += [
        f"{folder}/{path.name}" for folder in ("src", "examples", ASSETS) for path in (GRAPHIQL / folder).iterdir()
    ]

    present = {name: sha256((GRAPHIQL / name).read_bytes()).hexdigest() for name in names}

    assert {name for name, _ in present.items() ^ noted.items()} == set(), "run `make graphiql` and commit its files"
