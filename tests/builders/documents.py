"""Documents that are drawn at random from what plans cover, as a client's tools might write them."""

from collections.abc import Sequence
from random import Random
from typing import Final

from graphql import GraphQLField, GraphQLObjectType, get_named_type, is_leaf_type, is_required_argument
from strawberry.schema.schema_converter import GraphQLCoreConverter

from routes.graphql.schema import served_schema
from schema.types.view import says_of

_DEPTH: Final = 6
_OF_PAGES: Final = frozenset(
    {"edges", "node", "pageInfo", "cursor", "hasNextPage", "hasPreviousPage", "startCursor", "endCursor"}
)
_PAGES: Final = ("", "(first: 1)", "(last: 2)", "(first: $first)", "(first: null, last: $last)", "(after: null)")


class Drawing:
    """One document: `text` asks by the variables `$first` and `$last`; `fields` are those that it asks for."""

    def __init__(self, seed: int) -> None:
        self._random = Random(seed)
        self._names = 0
        self._fragments: list[str] = []
        self.fields: set[str] = set()
        query = served_schema().query_type
        assert query is not None
        user = get_named_type(query.fields["viewer"].type)
        assert isinstance(user, GraphQLObjectType)
        body = " ".join(f"of{n}: viewer {self._object(user, 0)}" for n in range(self._random.choice((1, 1, 2))))
        uses = "".join(f" {name}" for name in ("first", "last") if f"${name}" in "".join([body, *self._fragments]))
        declared = ", ".join(f"${name}: Int = 2" for name in uses.split())
        head = f"query Drawn({declared})" if declared else "query Drawn"
        self.text = f"{head} {{ {body} }} {' '.join(self._fragments)}"

    def _object(self, shown: GraphQLObjectType, depth: int) -> str:
        leaves = [name for name, field in shown.fields.items() if is_leaf_type(get_named_type(field.type))]
        inner = [name for name in shown.fields if name not in leaves]
        covered = [name for name in leaves if self._is_covered(name, shown.fields[name])]
        deeper = [name for name in inner if self._is_covered(name, shown.fields[name])] if depth < _DEPTH else []
        chosen = [*self._some(covered, 6), *self._some(deeper, 2)]
        selected = [self._field(shown, name, depth) for name in chosen] or ["__typename"]
        text = "{ " + " ".join(selected) + " }"
        return self._in_fragments(shown, text)

    def _in_fragments(self, shown: GraphQLObjectType, text: str) -> str:
        match self._random.randrange(6):
            case 0:
                return f"{{ ... on {shown.name} {text} __typename }}"
            case 1:
                name = f"F{len(self._fragments)}"
                self._fragments.append(f"fragment {name} on {shown.name} {text}")
                return f"{{ __typename ...{name} }}"
        return text

    def _field(self, shown: GraphQLObjectType, name: str, depth: int) -> str:
        field = shown.fields[name]
        self.fields.add(f"{shown.name}.{name}")
        given = get_named_type(field.type)
        pages = self._random.choice(_PAGES) if "first" in field.args else ""
        inner = f" {self._object(given, depth + 1)}" if isinstance(given, GraphQLObjectType) else ""
        return f"{self._alias(name)}{name}{pages}{inner}"

    def _is_covered(self, name: str, field: GraphQLField) -> bool:
        if name in _OF_PAGES:
            return True
        known = field.extensions[GraphQLCoreConverter.DEFINITION_BACKREF]
        needs = any(is_required_argument(argument) for argument in field.args.values())
        return not needs and (says_of(known) is not None or not known.is_async)

    def _some(self, names: Sequence[str], most: int) -> list[str]:
        return self._random.sample(names, min(len(names), self._random.randint(1, most))) if names else []

    def _alias(self, name: str) -> str:
        """Some fields answer to another name; a document may have 50 such."""
        if self._names == 40 or self._random.randrange(4):
            return ""
        self._names += 1
        return f"other_{name}: " if name not in ("id", "version") else ""
