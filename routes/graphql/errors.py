"""Errors as GraphQL shows them: a stable code, and never what happened inside."""

from collections.abc import Sequence
from typing import Final

from graphql import GraphQLError, GraphQLSyntaxError, VariableNode
from strawberry.exceptions import MissingQueryError
from strawberry.schema.exceptions import CannotGetOperationTypeError

from domain.error_code import ErrorCode
from domain.errors import (
    DatabaseAway,
    DeadlineExceeded,
    Denied,
    DropError,
    ProviderUnavailable,
    RateLimited,
    Refusal,
    Unavailable,
)
from domain.service import PortName
from domain.text import Text
from routes.graphql.document_limits import limit_met
from routes.graphql.messages import no_query
from schema.texts import sentence
from services.incidents import Incidents

NO_OPERATION: Final = Refusal("There is no such operation.", field=("operationName",))
_AWAY = "A provider is temporarily unavailable. Try again soon."


def present(errors: Sequence[GraphQLError] | None, incidents: Incidents, locale: str) -> list[GraphQLError] | None:
    """The errors with `extensions.code`; anything unforeseen becomes INTERNAL with a reference id.

    `message` is for developers, in English (GraphQL, 7.1.2); `extensions.userMessage` is for people, in `locale`.
    """
    return [_for_people(_present(error, incidents), error, locale) for error in errors] if errors else None


def is_failure(error: GraphQLError) -> bool:
    """Whether it is a bug of ours, and not what a client did or a vendor that is away."""
    original = _original(error)
    return not (original is None or isinstance(original, DropError | MissingQueryError | CannotGetOperationTypeError))


def code_of(error: GraphQLError) -> str:
    """The code that its clients are given."""
    if is_failure(error):
        return ErrorCode.INTERNAL
    original = _original(error)
    extensions = _extensions_of(original) if isinstance(original, DropError) else error.extensions or {}
    return str(extensions.get("code", ErrorCode.BAD_USER_INPUT))


def refused(error: DropError, locale: str) -> GraphQLError:
    """An error that ends a request before it is executed."""
    shown = {"userMessage": sentence(error.text, locale)}
    return GraphQLError(error.message, extensions={**_extensions_of(error), **shown})


def _for_people(presented: GraphQLError, error: GraphQLError, locale: str) -> GraphQLError:
    original, extensions = _original(error), presented.extensions or {}
    if extensions.get("code") == ErrorCode.INTERNAL:
        text = Text("error", "INTERNAL", {"reference": str(extensions["reference"])})
    elif isinstance(original, DropError):
        text = original.text
    else:
        text = Text("error", str(extensions.get("code", ErrorCode.BAD_USER_INPUT)))
    presented.extensions = {**extensions, "userMessage": sentence(text, locale)}
    return presented


def _original(error: GraphQLError) -> Exception | None:
    original = error.original_error
    while isinstance(original, GraphQLError):
        original = original.original_error
    return original


def _present(error: GraphQLError, incidents: Incidents) -> GraphQLError:
    original = _original(error)
    if original is None:
        limit = limit_met(error) if isinstance(error, GraphQLSyntaxError) else None
        told = limit or error
        message = told.message.replace("not to be None", "not to be null")  # graphql-core says it in Python's word
        return _with(
            error, message, {"code": ErrorCode.BAD_USER_INPUT, **_variable_of(error), **(told.extensions or {})}
        )
    if isinstance(original, Refusal | Denied | Unavailable | DatabaseAway | DeadlineExceeded | RateLimited):
        # A vendor's own message is for operators alone.
        message = _AWAY if isinstance(original, Unavailable) else original.message
        return _with(error, message, _extensions_of(original))
    if isinstance(original, MissingQueryError):
        refusal = no_query()
        return _with(error, refusal.message, _extensions_of(refusal))
    if isinstance(original, CannotGetOperationTypeError):
        return _with(error, NO_OPERATION.message, _extensions_of(NO_OPERATION))
    return _unforeseen(error, original, incidents)


def _variable_of(error: GraphQLError) -> dict[str, object]:
    """The field of a null that is found out at execution alone: where its variable stands, none may be."""
    node = error.nodes[0] if error.nodes and error.path else None
    return {"field": [node.name.value]} if isinstance(node, VariableNode) else {}


def _extensions_of(error: DropError) -> dict[str, object]:
    # What only a payload's `userErrors` tell apart is a bad input beside the data.
    extensions: dict[str, object] = {"code": ErrorCode.__members__.get(error.code, ErrorCode.BAD_USER_INPUT)}
    if isinstance(error, ProviderUnavailable | Unavailable):
        extensions |= {"provider": PortName(error.provider).name, "retryable": True}
    if isinstance(error, DatabaseAway | DeadlineExceeded | RateLimited):
        extensions["retryable"] = True
    if isinstance(error, RateLimited):
        extensions["retryAfter"] = error.retry_after_s
    if isinstance(error, Refusal) and error.field:
        extensions["field"] = list(error.field)
    return extensions


def _unforeseen(error: GraphQLError, original: BaseException, incidents: Incidents) -> GraphQLError:
    reference = incidents.unhandled(original, where=".".join(map(str, error.path or ["graphql"])))
    message = f"Something went wrong on our side. Reference: {reference}"
    return _with(error, message, {"code": ErrorCode.INTERNAL, "reference": reference})


def _with(error: GraphQLError, message: str, extensions: dict[str, object]) -> GraphQLError:
    return GraphQLError(
        message,
        nodes=error.nodes,
        source=error.source,
        positions=error.positions,
        path=error.path,
        extensions=extensions,
    )
