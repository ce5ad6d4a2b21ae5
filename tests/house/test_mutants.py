"""The kept faults can still be put in, and name tests that there are. `make mutants` plays them."""

from tests.mutants.patches import ROOT, mutants

ALL = mutants()


def test_each_fault_still_fits_the_sources() -> None:
    hindered = {mutant.name: why for mutant in ALL if (why := mutant.apply(ROOT, "--check"))}

    assert hindered == {}


def test_each_fault_names_tests_that_there_are() -> None:
    missing = [test for mutant in ALL for test in mutant.tests if not _is_there(test)]

    assert missing == []


def _is_there(test: str) -> bool:
    path, _, name = test.partition("::")
    # A test may stand in a class, and be one of several cases.
    words = name.partition("[")[0].split("::")
    source = (ROOT / path).read_text() if (ROOT / path).is_file() else ""
    return all(f"def {word}(" in source or f"class {word}" in source or f"{word} =" in source for word in words[:1])
