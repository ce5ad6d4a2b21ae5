"""A migration that has landed ran on somebody's database: it is never edited, or databases drift apart."""

from db.migrate import oldest_codes
from db.migrations.write import hash_of, landed, versions

EXTEND = "run: .venv/bin/python -m db.migrations.write --landed"
# The first one whose release compares what a migration states.
FIRST = "0025"


def test_landed_migrations_are_not_edited() -> None:
    held = landed()
    edited = [path.name for path in versions() if held.get(path.name, hash_of(path)) != hash_of(path)]
    gone = held.keys() - {path.name for path in versions()}

    assert not edited, "write another migration instead (where it never landed, remove its line in landed.sha256)"
    assert not gone, "a landed migration stays (where it never landed, remove its line in landed.sha256)"


def test_every_migration_but_the_newest_is_held() -> None:
    *before, _ = versions()

    assert {path.name for path in before} <= landed().keys(), EXTEND


def test_every_migration_states_the_oldest_release_that_runs_on_it() -> None:
    numbers = [path.name[:4] for path in versions() if path.name[:4] >= FIRST]
    stated = oldest_codes()

    assert sorted(stated) == numbers, "oldest_code is missing: `make migration` writes it"
    for before, number in zip([FIRST, *numbers], numbers, strict=False):
        # The release before runs while this one is rolled out, and after it was rolled back.
        assert FIRST <= stated[before] <= stated[number] <= before, number
