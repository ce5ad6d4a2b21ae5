"""Stripe's form encoding: nested names in square brackets, as docs/vendors/stripe.md describes it."""

import re
from typing import Any

Form = dict[str, Any]


def form_of(pairs: list[tuple[str, str]]) -> Form:
    """`a[b]=1`, `c[0][d]=2` and `e[]=3` as nested dictionaries and lists."""
    form: Form = {}
    for key, value in pairs:
        path = [re.sub(r"[\[\]]", "", part) for part in re.findall(r"[^\[]+|\[[^\]]*\]", key)]
        _put(form, path, value)
    return form


def _put(form: Form, path: list[str], value: str) -> None:
    head, *rest = path
    if not rest:
        form[head] = value
    elif rest == [""]:
        form.setdefault(head, []).append(value)
    else:
        _put(form.setdefault(head, {}), rest, value)


def pairs_of(form: Any) -> list[tuple[str, str]]:
    return [(key, str(value)) for key, value in form.multi_items()]
