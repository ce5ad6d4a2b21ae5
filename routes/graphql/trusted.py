"""Which document a request asks for, and whether it may: those that were pushed, and an operator's."""

from dataclasses import replace
from typing import Final

from prometheus_client import Counter

from domain.error_code import ErrorCode
from domain.errors import Refusal
from domain.trusted_document import ID_PREFIX, DocumentMode, hash_of
from routes.graphql.messages import GraphQlRequest, PersistedQueryNotSupported
from services.documents.trusted_documents import TrustedDocuments

_PUSH: Final = "push the manifest that your build writes (gateway documents push FILE)"
REQUESTS: Final = Counter(
    "drop_graphql_documents_total",
    "Requests by what is done with untrusted documents (mode), and why this one was answered or not (reason).",
    ["mode", "reason"],
)


class DocumentNotFound(Refusal):
    """The id names no document that was pushed."""

    code = ErrorCode.DOCUMENT_NOT_FOUND

    def __init__(self) -> None:
        message = f"No document has this id: {_PUSH}, before the front end that sends it is served."
        super().__init__(message, field=("documentId",))


class DocumentNotTrusted(Refusal):
    """The document was not pushed, and nothing else is answered."""

    code = ErrorCode.DOCUMENT_NOT_TRUSTED

    def __init__(self) -> None:
        message = (
            f"Only trusted documents are answered: {_PUSH}, and send documentId or the same text. "
            "Operators send their token as X-Drop-Operator."
        )
        super().__init__(message, field=("query",))


def admitted(documents: TrustedDocuments, asked: GraphQlRequest, *, is_operator: bool) -> GraphQlRequest:
    """The request with its document. Raises Refusal where the document is not known, or may not be asked for.

    It counts what the document is and whether an operator asks, and nothing that a client says of itself.
    """
    if asked.document_hash is not None:
        return _by_id(documents, asked, asked.document_hash)
    mode = documents.mode
    if mode is DocumentMode.ANY:
        _count(mode, "any")
        return asked
    document_hash = hash_of(asked.query)
    # Clients fall back to the text, such as Apollo's for the rest of a page once an id was not known.
    if documents.text_of(document_hash) is not None:
        _count(mode, "trusted_text")
    elif is_operator:
        _count(mode, "operator")
    else:
        _count(mode, "untrusted")
        if mode is DocumentMode.ENFORCE:
            raise DocumentNotTrusted
        documents.tell_of_untrusted(document_hash, asked.operation_name)
    return asked


def _by_id(documents: TrustedDocuments, asked: GraphQlRequest, document_hash: str) -> GraphQlRequest:
    text = documents.text_of(document_hash)
    if text is None:
        _count(documents.mode, "unknown_id")
        # What is no trusted document is an automatic one to Apollo's clients, which then send the text.
        raise PersistedQueryNotSupported if asked.is_persisted_query else DocumentNotFound
    if asked.query and asked.query != text:
        raise Refusal(f"The document is not that of {ID_PREFIX}{document_hash}: send one of both.", field=("query",))
    _count(documents.mode, "trusted_id")
    return replace(asked, query=text)


def _count(mode: DocumentMode, reason: str) -> None:
    REQUESTS.labels(mode, reason).inc()
