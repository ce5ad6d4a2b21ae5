"""Whether a schema breaks clients of an older one."""

from graphql import (
    GraphQLSchema,
    build_schema,
    find_breaking_changes,
    is_enum_type,
    is_input_object_type,
    is_interface_type,
    is_object_type,
)


def breaking_changes(older: str, newer: str) -> list[str]:
    """Each change that breaks a client; what the older schema had deprecated may go."""
    old = build_schema(older)
    deprecated = _deprecated(old)
    return [
        change.description
        for change in find_breaking_changes(old, build_schema(newer))
        if not any(f"{name} was removed" in change.description.replace("'", "") for name in deprecated)
    ]


def _deprecated(schema: GraphQLSchema) -> set[str]:
    """`Type.field` and `VALUE` as the change's description names them."""
    names: set[str] = set()
    for kind in schema.type_map.values():
        if is_object_type(kind) or is_interface_type(kind) or is_input_object_type(kind):
            names |= {f"{kind.name}.{name}" for name, field in kind.fields.items() if field.deprecation_reason}
        elif is_enum_type(kind):
            names |= {f"{kind.name}.{name}" for name, value in kind.values.items() if value.deprecation_reason}
    return names
