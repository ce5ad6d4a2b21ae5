"""The manifests of documents that builds of front ends write, checked as what is sent is checked."""

import asyncio
from collections.abc import Iterator, Mapping
from typing import Any, Final

from graphql import DocumentNode, GraphQLError, GraphQLSyntaxError, OperationDefinitionNode, parse

from domain.errors import InvalidInput
from domain.operation_cost import CostLimit, CostMode
from domain.trusted_document import MAX_DOCUMENTS, TrustedDocument, hash_of, read_hash
from domain.unstorable import is_unstorable
from routes.graphql.cost import cost_of, valued
from routes.graphql.document_limits import MAX_TOKENS, limit_met, too_costly
from routes.graphql.messages import MAX_BYTES
from routes.graphql.schema import served_schema
from routes.graphql.validation import faults_in

_APOLLO: Final = "apollo-persisted-query-manifest"
_FORMS: Final = (
    "Give the manifest of GraphQL Code Generator (persistedDocuments), Relay (persistConfig) or Apollo's "
    "generate-persisted-query-manifest."
)
_NO_SHA256: Final = (
    "its id is not the SHA-256 of its text. Let the build write such ids: GraphQL Code Generator by "
    'persistedDocuments.hashAlgorithm "sha256", Relay by persistConfig.algorithm "SHA256"; Apollo does by itself.'
)
# Of documents that are refused, and of a name in a message.
_TOLD_AT_MOST: Final = 20
_SHOWN: Final = 100
_NAME_AT_MOST: Final = 200


async def documents_in(manifest: Any, limit: CostLimit) -> list[TrustedDocument]:
    """The documents of a manifest, all valid. Raises InvalidInput, which names each that is not, and why.

    An operation's cost counts with its variables' defaults: what else they may be is known when it is sent.
    """
    found, faults = list[TrustedDocument](), list[str]()
    entries = list(_entries(manifest))
    # Counted before anything is checked or looked for in the database, which takes so many parameters at once.
    if len(entries) > MAX_DOCUMENTS:
        message = f"The manifest has {len(entries)} documents, and {MAX_DOCUMENTS} can be kept."
        raise InvalidInput("TOO_MANY_DOCUMENTS", message, field=("documents",))
    for given_id, text in entries:
        try:
            found.append(_checked(given_id, text, limit))
        except GraphQLError as error:
            faults.append(f"{given_id[:_SHOWN]}: {error.message}")
        # Each takes some milliseconds, in which nobody else is answered.
        await asyncio.sleep(0)
    if faults:
        raise _refused("\n".join([*faults[:_TOLD_AT_MOST], *_more(len(faults) - _TOLD_AT_MOST)]))
    if not found:
        raise _refused("The manifest has no document.")
    return found


def _more(count: int) -> list[str]:
    return [f"And {count} more."] if count > 0 else []


def _refused(message: str) -> InvalidInput:
    return InvalidInput("DOCUMENTS_REFUSED", message, field=("documents",))


def _entries(manifest: Any) -> Iterator[tuple[str, str]]:
    """Id and text of each document. Raises InvalidInput."""
    if not isinstance(manifest, Mapping):
        raise _refused(_FORMS)
    if "format" not in manifest:
        entries = list(manifest.items())
    elif manifest["format"] == _APOLLO and manifest.get("version") == 1:
        operations = manifest.get("operations")
        entries = [_of_apollo(one) for one in operations] if isinstance(operations, list) else [("", None)]
    else:
        raise _refused(f"The manifest's format or version is not known. {_FORMS}")
    for given_id, text in entries:
        if not isinstance(given_id, str) or not isinstance(text, str):
            raise _refused(f"A document or its id is no text. {_FORMS}")
        yield given_id, text


def _of_apollo(operation: Any) -> tuple[Any, Any]:
    return (operation.get("id"), operation.get("body")) if isinstance(operation, Mapping) else ("", None)


def _checked(given_id: str, text: str, limit: CostLimit) -> TrustedDocument:
    """The document where it may be kept. Raises GraphQLError."""
    if is_unstorable(text):
        raise GraphQLError("leave out the character NUL and half characters.")
    if read_hash(given_id) != hash_of(text):
        raise GraphQLError(_NO_SHA256)
    if len(text.encode()) > MAX_BYTES:
        raise GraphQLError(f"it may have {MAX_BYTES} bytes.")
    document, schema = _parsed(text), served_schema()
    # First with suggestions, which help whoever pushes; then as clients are answered, who may not ask for the schema.
    for is_open in (True, False):
        for fault in faults_in(schema, document, False, is_open):
            raise fault
    operations = [one for one in document.definitions if isinstance(one, OperationDefinitionNode)]
    for operation in operations:
        asked = valued(cost_of(schema, document, operation), {})
        if asked > limit.limit and limit.mode is CostMode.ENFORCE:
            raise too_costly(limit.limit, asked)
    name = ", ".join(operation.name.value for operation in operations if operation.name)[:_NAME_AT_MOST]
    return TrustedDocument(hash_of(text), name, text)


def _parsed(text: str) -> DocumentNode:
    try:
        return parse(text, max_tokens=MAX_TOKENS)
    except GraphQLSyntaxError as error:
        raise limit_met(error) or error from error
