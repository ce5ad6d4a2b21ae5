"""What a client sends, read and checked alike on every transport."""

import json
from collections.abc import Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final

from domain.error_code import ErrorCode
from domain.errors import Refusal
from domain.trusted_document import ID_PREFIX, read_hash
from domain.unstorable import unstorable_in

# Of a request's body, and of a socket's message.
MAX_BYTES: Final = 100 * 1024
# Values nest no deeper than a document may: what walks them may call itself.
_MAX_NESTED: Final = 64
# Of the request that a socket's task answers: the library hands on what it knows alone.
EXTENSIONS: Final[ContextVar[Mapping[str, Any]]] = ContextVar("extensions", default=MappingProxyType({}))


@dataclass(frozen=True, slots=True)
class GraphQlRequest:
    """One GraphQL request, as it is read from any transport (GraphQL over HTTP, 5).

    `query` may be empty where a hash names a trusted document. `is_persisted_query` where Apollo's extension names it.
    """

    query: str
    variables: dict[str, Any] | None
    operation_name: str | None
    extensions: dict[str, Any] = field(default_factory=dict)
    document_hash: str | None = None
    is_persisted_query: bool = False


class PersistedQueryNotSupported(Refusal):
    """Apollo's automatic persisted queries are off: its clients then send the document (its own code and message)."""

    code = ErrorCode.PERSISTED_QUERY_NOT_SUPPORTED

    def __init__(self) -> None:
        super().__init__("PersistedQueryNotSupported")


def no_query() -> Refusal:
    """A request without a document."""
    return Refusal("query must be a string with a document.", field=("query",))


def read_json(text: str | bytes, what: str, *, field: tuple[str, ...] = ()) -> Any:
    """The JSON of a text. Raises Refusal, also for what nests too deeply and for numbers of thousands of digits."""
    try:
        read = json.loads(text if isinstance(text, str) else text.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise Refusal(f"{what} is not JSON.", field=field) from error
    if _nests_deeper(read, _MAX_NESTED):
        raise Refusal(f"{what} nests too deeply.", field=field)
    return read


def request_of(body: Any) -> GraphQlRequest:
    """The request of a body or a socket's payload. Raises Refusal, which names the field."""
    if isinstance(body, list):
        raise Refusal("Batching is not supported: send each operation in a request of its own.")
    if not isinstance(body, dict):
        raise Refusal("The body must be a JSON object.")
    query, variables, name = body.get("query"), body.get("variables"), body.get("operationName")
    extensions = body.get("extensions")
    if extensions is not None and not isinstance(extensions, dict):
        raise Refusal("extensions must be an object.", field=("extensions",))
    document_hash, is_persisted = _document_hash(body.get("documentId"), extensions or {})
    if document_hash is not None and query is None:
        query = ""  # clients send none, or an empty one over a socket
    if not isinstance(query, str) or (not query and document_hash is None):
        raise no_query()
    if variables is not None and not isinstance(variables, dict):
        raise Refusal("variables must be an object.", field=("variables",))
    if name is not None and not isinstance(name, str):
        raise Refusal("operationName must be a string.", field=("operationName",))
    _require_storable(body)
    return GraphQlRequest(query, variables, name or None, extensions or {}, document_hash, is_persisted)


def _document_hash(document_id: object, extensions: Mapping[str, Any]) -> tuple[str | None, bool]:
    """The hash of the trusted document that is asked for, and whether Apollo's extension names it."""
    if document_id is not None:
        found = read_hash(document_id)
        if found is None:
            raise Refusal(f"documentId must be {ID_PREFIX} and the SHA-256 in hex digits.", field=("documentId",))
        return found, False
    if "persistedQuery" not in extensions:
        return None, False
    persisted = extensions["persistedQuery"]
    found = read_hash(persisted.get("sha256Hash")) if isinstance(persisted, dict) else None
    if found is None:
        raise PersistedQueryNotSupported
    return found, True


def _require_storable(body: Mapping[str, Any]) -> None:
    where = unstorable_in(body)
    if where is not None:
        path = where[1:] if where[:1] == ("variables",) and len(where) > 1 else where
        raise Refusal("Leave out the character NUL and half characters.", field=tuple(map(str, path)))


def _nests_deeper(value: Any, levels: int) -> bool:
    current = [value]
    for _ in range(levels):
        current = [
            inner
            for outer in current
            if isinstance(outer, dict | list)
            for inner in (outer.values() if isinstance(outer, dict) else outer)
        ]
        if not current:
            return False
    return True
