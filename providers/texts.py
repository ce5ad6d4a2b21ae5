"""The texts of mail and SMS: subject and body per template and language, read from texts.toml and mail.html."""

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from jinja2 import Environment, StrictUndefined

from domain.notification import Template

_FILE: Final = Path(__file__).parent / "texts.toml"
_PAGE: Final = Path(__file__).parent / "mail.html"
_ENGLISH: Final = "en"
_NORWEGIAN: Final = "nb"


@dataclass(frozen=True, slots=True)
class Text:
    """The text of one message in a language such as `nb`. `subject` is empty for SMS."""

    language: str
    subject: str
    body: str


class Texts:
    """The texts of all templates: in Norwegian for Norwegian locales, in English for all others."""

    def __init__(self) -> None:
        # No escaping: messages are plain text, so a name with an ampersand must stay as it is.
        self._templates = Environment(undefined=StrictUndefined, autoescape=False)  # noqa: S701  # no page
        self._texts = tomllib.loads(_FILE.read_text())
        # On the page the same ampersand must be escaped.
        self._page = Environment(undefined=StrictUndefined, autoescape=True).from_string(_PAGE.read_text())

    def render(self, template: Template, locale: str, data: dict[str, str]) -> Text:
        """Fill a template. `locale` is a tag such as nb-NO. Raises jinja2.UndefinedError for a missing value."""
        language = _NORWEGIAN if locale.partition("-")[0] in ("nb", "nn", "no") else _ENGLISH
        texts = self._texts[template][language]
        subject, body = (self._templates.from_string(texts.get(part, "")).render(data) for part in ("subject", "body"))
        return Text(language, subject, body)

    def page(self, text: Text) -> str:
        """The same text in HTML, for mail."""
        return self._page.render(language=text.language, subject=text.subject, paragraphs=text.body.split("\n\n"))
