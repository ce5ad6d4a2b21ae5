"""What code and documents refer to exists: pages, headings and files."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ROOMS = (
    "domain",
    "db",
    "providers",
    "services",
    "resolvers",
    "schema",
    "routes",
    "gateway",
    "sandbox",
    "tests",
    "bench",
)
VENDORS = Path("docs", "vendors")
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])

_CITATION = re.compile(r"([\w/.-]+\.md)((?:,\s+[A-Z][\w ]+)*)")
_LINK = re.compile(r"\]\((?!https?:|mailto:)([^)#\s]*)(?:#([^)\s]+))?\)")
_FILE = re.compile(r"`((?:\w[\w.-]*/)+[\w-]+\.(?:py|toml|json|graphql|sql|mjs|yaml|html|md))`")


def headings_of(page: Path) -> list[str]:
    return re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)


def anchors_of(page: Path) -> set[str]:
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings_of(page)}


def missing_in(text: str) -> list[str]:
    """Citations of pages or headings that do not exist. A heading may be cited by its first words."""
    missing = []
    for cited, headings in _CITATION.findall(text):
        page = next(
            (path for path in (ROOT / cited, ROOT / "docs" / cited, ROOT / VENDORS / cited) if path.is_file()), None
        )
        if page is None:
            missing.append(cited)
            continue
        named = [heading.strip() for heading in headings.split(",")[1:]]
        known = headings_of(page)
        missing += [f"{cited}, {name}" for name in named if not any(re.match(rf"{name}\b", one) for one in known)]
    return missing


@pytest.mark.parametrize("room", ROOMS)
def test_cited_pages_and_headings_exist(room: str) -> None:
    found = {
        path.relative_to(ROOT): missing
        for path in (ROOT / room).rglob("*.py")
        if (missing := missing_in(path.read_text(encoding="utf-8"))) and path != Path(__file__)
    }

    assert found == {}


@pytest.mark.parametrize(
    ("text", "missing"),
    [
        ("Source: docs/vendors/stripe.md, Refunds, Issuing.", []),
        ("(nextgenpsd2.md, Authorisation): none", []),
        ("Source: docs/vendors/stripe.md, Discounts.", ["docs/vendors/stripe.md, Discounts"]),
        ("Source: docs/vendors/nobody.md, Refunds.", ["docs/vendors/nobody.md"]),
    ],
)
def test_a_missing_page_or_heading_is_found(text: str, missing: list[str]) -> None:
    assert missing_in(text) == missing


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_and_files_of_a_page_exist(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    linked = [(page.parent / path if path else page, anchor) for path, anchor in _LINK.findall(text)]

    assert [str(path) for path, _ in linked if not path.exists()] == []
    assert [anchor for path, anchor in linked if anchor and anchor not in anchors_of(path)] == []
    assert [path for path in _FILE.findall(text) if not (ROOT / path).exists()] == []
