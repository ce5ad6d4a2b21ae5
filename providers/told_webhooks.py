"""What a vendor's webhook may tell the person whom it is about.

Whether a person is suspected, examined or reported may not be disclosed to that person (hvitvaskingsloven § 28). So
each vendor lists what may be told, and a field that a vendor adds later stays untold.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import reduce
from typing import Any
from urllib.parse import parse_qsl

import orjson

Told = Mapping[str, str | int | float | bool]


@dataclass(frozen=True, slots=True)
class ToldWebhook:
    """The fields of a vendor's webhooks that may be told, as paths: `data.object.id`.

    `kind` is the field that says what happened. A webhook of another kind than those that begin with one of `kinds`
    is not told of at all: that it came would say what may not be said. Without `kinds` each is told of.
    """

    fields: tuple[str, ...] = ()
    kind: str = ""
    kinds: tuple[str, ...] = ()

    def of(self, raw: bytes) -> Told | None:
        """What is told of a body, JSON or a form. None where the webhook is not told of."""
        document = _document(raw)
        if self.kinds and not str(_at(document, self.kind)).startswith(self.kinds):
            return None
        found = {path: _at(document, path) for path in self.fields}
        return {path: value for path, value in found.items() if isinstance(value, str | int | float)}


def _document(raw: bytes) -> object:
    try:
        return orjson.loads(raw)
    except orjson.JSONDecodeError:
        return dict(parse_qsl(raw.decode(errors="replace"), max_num_fields=None))


def _at(document: object, path: str) -> object:
    def step(found: Any, name: str) -> object:
        return found.get(name) if isinstance(found, dict) else None

    return reduce(step, path.split("."), document)
