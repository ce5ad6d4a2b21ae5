"""Fields of views say what is there: in the object that they show, among the loaders, and among the pages."""

from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

import pytest
from graphql import GraphQLNonNull, GraphQLObjectType
from strawberry.schema.schema_converter import GraphQLCoreConverter
from strawberry.types.field import StrawberryField

from db.ways import COMPUTED
from domain import ids
from domain.relation import Relation
from routes.graphql.schema import served_schema
from schema.types.context import Loaders, Pages
from schema.types.view import Found, Listed, Paged, Related, Says, Shown, View, says_of

Declared = tuple[type[View[Any]], str, Says, bool]


def _declared() -> list[Declared]:
    """Each field that says what it shows, with its view and whether it may be null."""
    found: list[Declared] = []
    for shown in served_schema().type_map.values():
        view = getattr(shown.extensions.get(GraphQLCoreConverter.DEFINITION_BACKREF), "origin", None)
        if not isinstance(shown, GraphQLObjectType) or not (isinstance(view, type) and issubclass(view, View)):
            continue
        for name, field in shown.fields.items():
            definition = field.extensions[GraphQLCoreConverter.DEFINITION_BACKREF]
            assert isinstance(definition, StrawberryField)
            says = says_of(definition)
            if says is not None:
                found.append((view, name, says, not isinstance(field.type, GraphQLNonNull)))
    return found


DECLARED = _declared()


def _model_of(view: type[View[Any]]) -> Any:
    bases = [base for base in view.__dict__["__orig_bases__"] if get_origin(base) is View]
    return get_args(bases[0])[0]


def _step(model: Any, name: str) -> tuple[Any, bool]:
    """The type of an attribute or property, and whether it may be None. Raises KeyError where there is none."""
    own = getattr(model, name, None)
    hint = get_type_hints(own.fget)["return"] if isinstance(own, property) else get_type_hints(model)[name]
    parts = get_args(hint) if get_origin(hint) in (Union, UnionType) else (hint,)
    kinds = [part for part in parts if part is not NoneType]
    return kinds[0], NoneType in parts


def _end_of(view: type[View[Any]], path: str) -> tuple[Any, bool]:
    model, may_be_none = _model_of(view), False
    for part in path.split(".") if path else ():
        model, is_optional = _step(model, part)
        may_be_none = may_be_none or is_optional
    return model, may_be_none


@pytest.mark.parametrize(
    ("view", "name", "says", "is_nullable"), DECLARED, ids=[f"{view.__name__}.{name}" for view, name, *_ in DECLARED]
)
def test_what_a_field_says_is_there(view: type[View[Any]], name: str, says: Says, is_nullable: bool) -> None:
    match says:
        case Shown(path) if path in COMPUTED:
            assert not is_nullable  # by the database alone; a resolver answers in the ordinary way
        case Shown(path):
            _, may_be_none = _end_of(view, path)
            assert is_nullable or not may_be_none, f"{name} is never null, and {path} may be None"
        case Related(relation, key):
            is_always_there = relation is Relation.KYC  # from a user's first login on
            assert is_nullable or is_always_there, f"{name} may be null: the object may be gone, or another user's"
            assert _end_of(view, key) is not None and hasattr(Loaders, relation)
        case Found(relation=relation, kind=kind):
            assert is_nullable and hasattr(Loaders, relation)
            assert kind in vars(ids).values()
        case Listed(relation, held):
            assert hasattr(Loaders, relation)
            assert held is None or _end_of(view, held)[1], f"{held} is None where the list is not held"
        case Paged(relation=relation, is_own=is_own, name=list_name):
            assert hasattr(Pages if is_own else Loaders, relation)
            # A cursor that was given out before must name the same list after a deploy.
            assert list_name == name


def test_most_fields_of_views_say_what_they_show() -> None:
    assert len(DECLARED) > 100
