"""The sentence that a person reads, made when it is asked for, in the language of the request."""

from typing import Protocol

from strawberry import Info

from domain.text import Text
from schema.texts import sentence
from schema.types.context import HasLocale


class HasText(Protocol):
    """A type whose `message` is made of a text of the catalogue."""

    text: Text


def message(root: HasText, info: Info[HasLocale, None]) -> str:
    """The resolver of every `message` that people read: its type has the `text` as a private field."""
    return sentence(root.text, info.context.locale)
