"""Words by which a field says once what it shows: a type is a view of one object of the domain.

`shown` is an attribute, `related` another object, `listed` a whole list, `paged` a list in pages, and `found` one of
the viewer's own objects by its id.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from operator import attrgetter
from typing import Any, Final, Generic, Self, TypeVar

import strawberry
from strawberry import UNSET, Info
from strawberry.types.base import StrawberryContainer, StrawberryOptional, get_object_definition
from strawberry.types.field import StrawberryField
from strawberry.types.lazy_type import LazyType

from domain.page import Keyset
from domain.relation import Relation
from schema.types.arguments import ObjectId
from schema.types.context import HasLoaders
from schema.types.cost import PAGED
from schema.types.paging import After, Before, Connection, Cursors, First, Last, PageArguments

Model = TypeVar("Model")
# In the metadata of a field that says what it shows.
SAYS: Final = "says"


class View(Generic[Model]):
    """A type that shows one object of the domain, and keeps nothing else: `of` makes it."""

    shows: Model

    @classmethod
    def of(cls, shows: Model) -> Self:
        view = cls.__new__(cls)
        view.shows = shows
        return view


@dataclass(frozen=True, slots=True)
class Shown:
    """An attribute of the object; a path reads on from it, and gives None where a part of it is None.

    An empty path is the object itself, as another type shows it.
    """

    path: str


@dataclass(frozen=True, slots=True)
class Related:
    """Another object, whose id the object has in `key`."""

    relation: Relation
    key: str


@dataclass(frozen=True, slots=True)
class Listed:
    """All that belongs to the object; what its attribute `held` has already is not read."""

    relation: Relation
    held: str | None


@dataclass(frozen=True, slots=True)
class Paged:
    """A list in pages, ordered by the attributes `key`.

    `name` tells its cursors from those of other lists, and so does `order`, where the list has arguments for it.
    """

    relation: Relation
    name: str
    is_own: bool = False
    key: tuple[str, ...] = ("id",)
    key_parts: tuple[Callable[[str], Any], ...] = (str,)
    order: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Found:
    """One of the viewer's own objects by the argument `id`, which is of this kind of ids."""

    relation: Relation
    kind: str


Says = Shown | Related | Listed | Paged | Found


class ShownField(StrawberryField):
    """A field that reads a path of the object, and shows an object that it finds there by the field's own type."""

    def get_result(self, source: Any, info: Info | None, args: list[Any], kwargs: Any) -> Any:
        return self._read(source.shows)

    @cached_property
    def _read(self) -> Callable[[Any], Any]:
        read, view = reader_of(self.metadata[SAYS].path), view_of(self)
        return read if view is None else lambda shows: _viewed(view, read(shows))


def shown(path: str, *, description: str) -> Any:
    """What stands in the object, such as `number.iban`; an object there is shown by the field's type."""
    field = ShownField(description=description, metadata={SAYS: Shown(path)})
    field.init = field.repr = field.compare = False
    return field


def related(relation: Relation, key: str, *, description: str) -> Any:
    """The object whose id stands in `key`; null where there is none, or none of the viewer's."""
    identify = reader_of(key)

    async def load(root: Any, info: Info[HasLoaders, None]) -> Any:
        wanted = identify(root.shows)
        if wanted is None:
            return None
        return _viewed(view_of(field), await getattr(info.context.loaders, relation).load(wanted))

    field = strawberry.field(resolver=load, description=description, metadata={SAYS: Related(relation, key)})
    return field


def found(relation: Relation, kind: str, *, description: str) -> Any:
    """One of the viewer's own objects by its id; null for any other id."""

    async def load(root: Any, info: Info[HasLoaders, None], id: ObjectId) -> Any:
        return _viewed(view_of(field), await getattr(info.context.loaders, relation).load(id))

    field = strawberry.field(resolver=load, description=description, metadata={SAYS: Found(relation, kind)})
    return field


def listed(relation: Relation, *, directive: object, description: str, held: str | None = None) -> Any:
    """All of a short list of the object's."""

    async def load(root: Any, info: Info[HasLoaders, None]) -> Any:
        found = getattr(root.shows, held) if held else None
        if found is None:
            found = await getattr(info.context.loaders, relation).load(root.shows.id)
        view = view_of(field)
        return [_viewed(view, each) for each in found]

    field = strawberry.field(
        resolver=load, directives=[directive], description=description, metadata={SAYS: Listed(relation, held)}
    )
    return field


def paged(
    relation: Relation,
    name: str,
    *,
    description: str,
    is_own: bool = False,
    key: tuple[str, ...] = ("id",),
    key_parts: tuple[Callable[[str], Any], ...] = (str,),
) -> Any:
    """A list in pages: the object's, or the viewer's own. `key_parts` read the parts of `key` from a cursor."""
    parts = [attrgetter(name) for name in key]

    async def load(
        root: Any,
        info: Info[HasLoaders, None],
        first: First = UNSET,
        after: After = UNSET,
        last: Last = UNSET,
        before: Before = UNSET,
    ) -> Connection[Any]:
        async def read(keyset: Keyset) -> Sequence[Any]:
            if is_own:
                return await getattr(info.context.pages, relation)(keyset)  # type: ignore[no-any-return]  # by name
            return await getattr(info.context.loaders, relation).load((root.shows.id, keyset))  # type: ignore[no-any-return]

        cursors, asked = Cursors(name, root.shows.id, key=key_parts), PageArguments(first, after, last, before)
        view = view_of(field)
        return await cursors.connection(
            asked, read, lambda item: tuple(part(item) for part in parts), lambda item: _viewed(view, item)
        )

    says = Paged(relation, name, is_own, key, key_parts)
    field = strawberry.field(resolver=load, directives=[PAGED], description=description, metadata={SAYS: says})
    return field


def says_of(field: StrawberryField) -> Says | None:
    """What the field shows; None where a resolver of its own answers."""
    says = field.metadata.get(SAYS)
    return says if isinstance(says, Says) else None


def reader_of(path: str) -> Callable[[Any], Any]:
    """Reads a path of attributes; None where a part of it is None. An empty path is the object itself."""
    if not path:
        return lambda found: found
    if "." not in path:
        return attrgetter(path)
    parts = path.split(".")

    def read(found: Any) -> Any:
        for part in parts:
            if found is None:
                return None
            found = getattr(found, part)
        return found

    return read


def view_of(field: StrawberryField) -> type[View[Any]] | None:
    """The view that the field's object, or each object of its list or page, is shown by; None for other values."""
    found: Any = field.type
    while True:
        if isinstance(found, StrawberryOptional | StrawberryContainer):
            found = found.of_type
        elif isinstance(found, LazyType):
            found = found.resolve_type()
        else:
            break
    definition = get_object_definition(found)
    if definition is not None and definition.concrete_of is not None:
        found = definition.type_var_map.get("Shown")
    return found if isinstance(found, type) and issubclass(found, View) else None


def _viewed(view: Any, found: Any) -> Any:
    return found if found is None or view is None else view.of(found)
