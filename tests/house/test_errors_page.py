"""docs/errors.md says of each error code what the code does, and each fact of it stands in one place."""

import ast
from collections.abc import Iterator

from domain.errors import DropError
from gateway.commands.errors import PAGE_PATH
from routes import side_routes
from routes.error_page import Lines, codes_of_schema, exported, lines
from routes.problems import status_of
from schema.texts import catalogue
from tests.house.test_texts import ROOMS, ROOT

# What ends a message to a user's address, and is answered to nobody.
NEVER_ANSWERED = {"RECIPIENT_REFUSED"}
# Which argument of a call is a code.
CALLS = {"InvalidInput": 0, "fault": 0, "_oauth_error": 0, "problem": 1}


def classes_of(kind: type[DropError]) -> Iterator[type[DropError]]:
    if "code" in vars(kind) and kind.__module__.split(".")[0] in ROOMS:
        yield kind
    for narrower in kind.__subclasses__():
        yield from classes_of(narrower)


def calls_with_codes() -> Iterator[tuple[str, int | None]]:
    """Each code that is written where it is raised or answered, with the status that stands beside it."""
    for path in (path for room in (*ROOMS, "gateway") for path in (ROOT / room).rglob("*.py")):
        for call in (node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call)):
            name = call.func.id if isinstance(call.func, ast.Name) else ""
            constants = [arg.value if isinstance(arg, ast.Constant) else None for arg in call.args]
            if name in CALLS and len(constants) > CALLS[name] and isinstance(constants[CALLS[name]], str):
                status = constants[0] if isinstance(constants[0], int) else None
                yield str(constants[CALLS[name]]), status


def test_the_page_is_as_exported() -> None:
    assert exported() == PAGE_PATH.read_text(encoding="utf-8"), "run: gateway errors export"


def test_every_code_has_its_lines() -> None:
    assert side_routes.ALWAYS  # with it, every class of errors is known
    raised = {str(kind.code) for kind in classes_of(DropError)} | {code for code, _ in calls_with_codes()}

    assert sorted((raised | codes_of_schema()) - {*lines()} - NEVER_ANSWERED) == []
    assert {"INVALID_KID", "UNKNOWN_HOST", "invalid_grant", "unsupported_grant_type"} <= raised


def test_no_line_is_of_a_code_that_is_gone() -> None:
    written = {code for code, _ in calls_with_codes()} | {str(kind.code) for kind in classes_of(DropError)}
    # Of Starlette's own refusals, by the phrase of their status; and what a form's reading gives to its class.
    by_status = {"METHOD_NOT_ALLOWED", "INVALID_FORM"}

    assert sorted({*lines()} - written - codes_of_schema() - by_status) == []


def test_a_status_is_that_of_the_answer() -> None:
    by_class: dict[str, set[int]] = {}
    for kind in classes_of(DropError):
        by_class.setdefault(str(kind.code), set()).add(status_of(kind))
    for code, status in calls_with_codes():
        if status is not None:
            by_class.setdefault(code, set()).add(status)

    assert {
        code: said["status"]
        for code, said in lines().items()
        if "status" in said and code in by_class and said["status"] not in by_class[code]
    } == {}


def test_no_fact_stands_twice() -> None:
    described, told = codes_of_schema(), {*catalogue()["error"]}

    assert [code for code, said in lines().items() if ("why" in said) == (code in described)] == []
    assert [code for code, said in lines().items() if ("user" in said) == (code in told)] == []
    assert [code for code, said in lines().items() if not {"developer"} <= {*said} <= Lines.__optional_keys__] == []
