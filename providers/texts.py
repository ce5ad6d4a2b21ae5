"""What messages say: subject and body per template and language, as data."""

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from jinja2 import Environment, StrictUndefined

from domain.notification import Template

_FILE: Final = Path(__file__).parent / "texts.toml"
_ENGLISH: Final = "en"
_NORWEGIAN: Final = "nb"


@dataclass(frozen=True, slots=True)
class Text:
    """`subject` is empty for SMS."""

    subject: str
    body: str


class Texts:
    """Norwegian for Norwegian locales, English for all others."""

    def __init__(self) -> None:
        # Plain text: nothing in it is markup, whoever chose their name.
        self._templates = Environment(undefined=StrictUndefined, autoescape=False)
        self._texts = tomllib.loads(_FILE.read_text())

    def render(self, template: Template, locale: str, data: dict[str, str]) -> Text:
        """Raises jinja2.UndefinedError where the template needs more than `data` has."""
        language = _NORWEGIAN if locale.partition("-")[0] in ("nb", "nn", "no") else _ENGLISH
        texts = self._texts[template][language]
        subject, body = (self._templates.from_string(texts.get(part, "")).render(data) for part in ("subject", "body"))
        return Text(subject, body)
