"""Whether a schema breaks clients of an older one."""

import re
from datetime import date
from typing import Final

from graphql import (
    GraphQLSchema,
    build_schema,
    find_breaking_changes,
    is_enum_type,
    is_input_object_type,
    is_interface_type,
    is_object_type,
)

# As every deprecation must end; `schema/description.py` promises it to clients.
LAST_DAY: Final = re.compile(r"Goes after (\d{4}-\d{2}-\d{2})\.$")


def breaking_changes(older: str, newer: str, today: date) -> list[str]:
    """Each change that breaks a client; what the older schema had deprecated may go once its last day is over."""
    old = build_schema(older)
    over = {name for name, reason in deprecations(old) if _is_over(reason, today)}
    changes = [change.description for change in find_breaking_changes(old, build_schema(newer))]
    return [change for change in changes if not any(change.endswith(f" {name} was removed.") for name in over)]


def deprecations(schema: GraphQLSchema) -> list[tuple[str, str]]:
    """`Type.field`, `Type.VALUE` and `Type.field(argument:)`, each with the reason for its deprecation."""
    found: list[tuple[str, str | None]] = []
    for kind in schema.type_map.values():
        if is_enum_type(kind):
            found += [(f"{kind.name}.{name}", value.deprecation_reason) for name, value in kind.values.items()]
        elif is_object_type(kind) or is_interface_type(kind) or is_input_object_type(kind):
            found += [(f"{kind.name}.{name}", field.deprecation_reason) for name, field in kind.fields.items()]
        if is_object_type(kind) or is_interface_type(kind):
            found += [
                (f"{kind.name}.{name}({argument}:)", given.deprecation_reason)
                for name, field in kind.fields.items()
                for argument, given in field.args.items()
            ]
    return [(name, reason) for name, reason in found if reason is not None]


def _is_over(reason: str, today: date) -> bool:
    last_day = LAST_DAY.search(reason)
    return last_day is not None and date.fromisoformat(last_day[1]) < today
