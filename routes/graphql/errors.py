"""Errors as GraphQL shows them: a stable code, and never what happened inside."""

from collections.abc import Sequence

from graphql import GraphQLError

from domain.errors import Denied, DropError, ProviderUnavailable, Refusal, Unavailable
from domain.service import PortName
from services.incidents import Incidents


def present(errors: Sequence[GraphQLError] | None, incidents: Incidents) -> list[GraphQLError] | None:
    """The errors with `extensions.code`; anything unforeseen becomes INTERNAL with a reference id."""
    return [_present(error, incidents) for error in errors] if errors else None


def _present(error: GraphQLError, incidents: Incidents) -> GraphQLError:
    original = error.original_error
    while isinstance(original, GraphQLError):
        original = original.original_error
    if original is None:
        return _with(error, error.message, {"code": "BAD_USER_INPUT", **(error.extensions or {})})
    if isinstance(original, Unavailable):
        extensions = {"code": original.code, "provider": PortName(original.provider).name, "retryable": True}
        return _with(error, "A provider is temporarily unavailable. Try again soon.", extensions)
    if isinstance(original, ProviderUnavailable):
        extensions = {"code": original.code, "provider": PortName(original.provider).name, "retryable": True}
        return _with(error, original.message, extensions)
    if isinstance(original, Refusal):
        field = {"field": list(original.field)} if original.field else {}
        return _with(error, original.message, {"code": original.code, **field})
    if isinstance(original, Denied):
        return _with(error, original.message, {"code": original.code})
    return _unforeseen(error, original, incidents)


def _unforeseen(error: GraphQLError, original: BaseException, incidents: Incidents) -> GraphQLError:
    reference = incidents.unhandled(original, where=".".join(map(str, error.path or ["graphql"])))
    message = f"Something went wrong on our side. Reference: {reference}"
    return _with(error, message, {"code": "INTERNAL", "reference": reference})


def _with(error: GraphQLError, message: str, extensions: dict[str, object]) -> GraphQLError:
    return GraphQLError(
        message,
        nodes=error.nodes,
        source=error.source,
        positions=error.positions,
        path=error.path,
        extensions=extensions,
    )


def refused(error: DropError) -> GraphQLError:
    """An error that ends a request before it is executed."""
    return GraphQLError(error.message, extensions={"code": error.code})
