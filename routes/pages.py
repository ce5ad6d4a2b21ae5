"""The gateway's own pages, for people who come to an address by a browser: in the look of the sandbox's pages."""

import html
from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from domain.text import Text
from routes.requests import accepted_locale
from schema.texts import catalogue, sentence

STYLE: Final = """
:root { --ink: #14211f; --muted: #5b6b68; --line: #dbe4e1; --paper: #fff; --ground: #f3f7f5; --brand: #0b6e5b;
  --brand-ink: #fff; color-scheme: light dark; font: 16px/1.5 system-ui, "Segoe UI", "DejaVu Sans", sans-serif; }
@media (prefers-color-scheme: dark) { :root { --ink: #e8f0ee; --muted: #9db0ac; --line: #2b3a37; --paper: #17211f;
  --ground: #0e1514; --brand: #4fd1b5; --brand-ink: #06211b; } }
body { margin: 0; color: var(--ink); background: var(--ground); }
header { padding: .8rem 1.25rem; background: var(--paper); border-bottom: 1px solid var(--line); font-weight: 700; }
main { max-width: 30rem; margin: 0 auto; padding: 1.5rem 1.25rem 3rem; }
h1 { font-size: 1.55rem; line-height: 1.2; margin: .4rem 0 .6rem; }
p { color: var(--muted); margin: 0; overflow-wrap: anywhere; }
nav { display: flex; flex-wrap: wrap; gap: .7rem; margin-top: 1.2rem; }
a { font-weight: 600; padding: .7rem 1.1rem; border-radius: 10px; border: 1px solid var(--line); color: var(--ink);
  background: var(--paper); text-decoration: none; }
a:first-child { background: var(--brand); border-color: var(--brand); color: var(--brand-ink); }
:focus-visible { outline: 3px solid var(--brand); outline-offset: 2px; }
"""


def wants_page(request: Request) -> bool:
    """Whether a person's browser asks: it accepts HTML, which no program of ours does."""
    return "text/html" in request.headers.get("accept", "")


def wants_json(request: Request) -> bool:
    """Whether a program asks for JSON by name, and so is not sent on to a page."""
    return "json" in request.headers.get("accept", "") and not wants_page(request)


class Words(StrEnum):
    """The headings of pages, the labels of their ways on, and the one sentence that is nobody's error."""

    NOT_FOUND = "NOT_FOUND"
    NOTHING_HERE = "NOTHING_HERE"
    FAILED = "FAILED"
    SIGNED_IN = "SIGNED_IN"
    NOT_SIGNED_IN = "NOT_SIGNED_IN"
    START_AGAIN = "START_AGAIN"
    BACK_TO_APP = "BACK_TO_APP"
    BACK_TO_DROP = "BACK_TO_DROP"


def page(
    request: Request,
    status: int,
    title: Words,
    text: Text,
    links: Mapping[Words, str],
    headers: Mapping[str, str] | None = None,
) -> Response:
    """A page with a heading, one sentence and its ways on: `links` are labels and addresses, the first stands out.

    It is in the language that the browser asks for. A text without a wording of its own says the general sentence.
    """
    locale = accepted_locale(request)

    def say(words: Words) -> str:
        return html.escape(sentence(Text("page", words), locale))

    told = text if text.key in catalogue()[text.kind] else Text("error", "BAD_USER_INPUT")
    ways = "".join(f'<a href="{html.escape(url)}">{say(label)}</a>' for label, url in links.items())
    body = (
        f'<!doctype html><html lang="{locale}"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1"><link rel="icon" href="data:,">'
        f"<title>{say(title)} · Drop</title><style>{STYLE}</style></head><body><header>Drop</header>"
        f"<main><h1>{say(title)}</h1><p>{html.escape(sentence(told, locale))}</p><nav>{ways}</nav></main></body></html>"
    )
    own = {"Cache-Control": "no-store", "Content-Language": locale, "Vary": "Accept-Language"}
    return HTMLResponse(body, status, headers={**own, **(headers or {})})
