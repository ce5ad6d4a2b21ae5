"""Each code has a text in each language, and each text a code."""

import ast
import string
from collections.abc import Iterator
from pathlib import Path

from domain.account_deletion import KeepingLaw, KeptRecords
from domain.card import CardFailure
from domain.consent import TEXT_VERSION
from domain.error_code import ErrorCode
from domain.locale import LOCALES
from domain.payment import FailureCode, FailureDetail
from domain.refund import RefundFailureCode
from domain.warning import WarningCode
from routes.pages import Words
from schema.texts import catalogue
from schema.types.errors import UserErrorCode

ROOT = Path(__file__).parents[2]
ROOMS = ("domain", "db", "providers", "services", "resolvers", "schema", "routes")
# What stands in a list, over a page or on a link.
PHRASES = {"kept", "law", "page"}
# What the text of a code names, where the code is all that is known.
VALUES_OF_CODES = {
    "INTERNAL": {"reference"},
    "BALANCE_TOO_LOW": {"available"},
    "NOT_A_BANKING_DAY": {"day"},
    "TEXT_REPLACED": {"sent"},
    "BANK_SAYS": {"said"},
}


def keys_in_code() -> Iterator[tuple[str, frozenset[str]]]:
    """Each `text="KEY"` of a refusal in the code, with the names of its `values`, which are given on the spot."""
    for path in (path for room in ROOMS for path in (ROOT / room).rglob("*.py")):
        for call in (node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call)):
            given = {keyword.arg: keyword.value for keyword in call.keywords}
            text, values = given.get("text"), given.get("values")
            if isinstance(text, ast.Constant) and isinstance(text.value, str):
                names = values.keys if isinstance(values, ast.Dict) else []
                yield text.value, frozenset(str(name.value) for name in names if isinstance(name, ast.Constant))


def named_in(wording: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(wording) if name is not None}


def expected() -> dict[str, dict[str, set[str]]]:
    """The keys that the code needs, by kind, each with the names of its values."""
    codes = {
        "error": {code.value for code in UserErrorCode}
        | {*ErrorCode, "LOGIN_FAILED", "WORK_GOES_ON", "RETURN_OF_ANOTHER_USER", "CARD_RETURN_OF_ANOTHER_USER"},
        "payment_failure": {*FailureCode, *FailureDetail},
        "refund_failure": {*RefundFailureCode},
        "card_failure": {*CardFailure},
        "consent": {str(version) for version in range(1, TEXT_VERSION + 1)},
        "warning": {*WarningCode},
        "kept": {*KeptRecords},
        "page": {*Words},
        "law": {*KeepingLaw},
    }
    needed: dict[str, dict[str, set[str]]] = {
        kind: {str(key): VALUES_OF_CODES.get(str(key), set()) for key in keys} for kind, keys in codes.items()
    }
    needed["error"] |= {key: set(names) for key, names in keys_in_code()}
    return needed


def test_every_code_has_a_text_and_every_text_a_code() -> None:
    assert {kind: sorted(texts) for kind, texts in catalogue().items()} == {
        kind: sorted(keys) for kind, keys in expected().items()
    }


def test_every_text_is_there_in_every_language_and_names_the_same_values() -> None:
    needed = expected()
    for kind, texts in catalogue().items():
        for key, wordings in texts.items():
            assert sorted(wordings) == sorted(LOCALES), key
            for wording in wordings.values():
                assert kind in PHRASES or wording.strip().endswith((".", "?")), key
                assert named_in(wording) == needed[kind][key], key


def test_the_values_that_a_refusal_gives_are_found_in_the_code() -> None:
    found = dict(keys_in_code())

    assert found["AMOUNT_BELOW_LEAST"] == {"least"}
    assert found["DATE_TOO_FAR"] == {"latest"}
    assert found["HAS_PLAN"] == frozenset()
