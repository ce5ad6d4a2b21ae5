"""Finds public classes and port methods without a docstring: `python -m tests.house.docstrings`.

Exempt are GraphQL types, which have descriptions, migrations, and private names. An adapter's method has the
docstring of its port's method.
"""

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]
ROOMS: Final = ("domain", "db", "providers", "services", "routes", "gateway")
_MIGRATIONS: Final = Path("db", "migrations")
# Words that say nothing beside a name.
_FILLERS: Final = frozenset(
    {"a", "an", "and", "as", "by", "for", "from", "in", "is", "it", "of", "on", "or", "the", "to"}
)


def undocumented(source: str) -> Iterator[tuple[int, str]]:
    """Line and name of each public class and each public method of a Protocol whose docstring says nothing."""
    for statement in ast.parse(source).body:
        if not isinstance(statement, ast.ClassDef) or statement.name.startswith("_"):
            continue
        if _says_nothing(statement):
            yield statement.lineno, statement.name
        if _is_protocol(statement):
            yield from _undocumented_methods(statement)


def _undocumented_methods(protocol: ast.ClassDef) -> Iterator[tuple[int, str]]:
    for method in protocol.body:
        if not isinstance(method, ast.FunctionDef | ast.AsyncFunctionDef) or method.name.startswith("_"):
            continue
        if _says_nothing(method):
            yield method.lineno, f"{protocol.name}.{method.name}"


def _is_protocol(statement: ast.ClassDef) -> bool:
    return any(ast.unparse(parent).partition("[")[0] == "Protocol" for parent in statement.bases)


def _says_nothing(node: ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    """Without a docstring, or its first sentence has no word that is not in the name."""
    first_sentence = re.split(r"[.:;]\s|\.$", ast.get_docstring(node) or "")[0]
    return _words(first_sentence) <= _words(re.sub(r"(?<=[a-z0-9])(?=[A-Z])|_", " ", node.name))


def _words(text: str) -> set[str]:
    """In lower case, without fillers and without the ending of a plural or of a verb's third person."""
    words = re.findall(r"[a-z0-9]+", text.lower().replace("'s", ""))
    return {word.rstrip("s") for word in words if word not in _FILLERS}


def findings() -> list[str]:
    """Path, line and name of all that is undocumented in the rooms."""
    return [
        f"{path.relative_to(ROOT)}:{line} {name}"
        for room in ROOMS
        for path in sorted((ROOT / room).rglob("*.py"))
        if _MIGRATIONS not in path.relative_to(ROOT).parents
        for line, name in undocumented(path.read_text(encoding="utf-8"))
    ]


if __name__ == "__main__":
    sys.exit("\n".join(findings()) or None)
