"""What the user must see to approve, between the vendor's answer and the row in which it is kept encrypted."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Final

import orjson

from db.field_encryption import FieldEncryption
from db.sealed import AUTHORISATION, RETURNED_QUERY
from domain.authorisation import Authorisation, AuthorisationMethod, Choice, SealedAuthorisation
from domain.errors import InvalidState, NotFound, ProviderUnavailable

# A bank's code is good for minutes; after that the status alone says what became of the approval.
CODE_LIVES: Final = timedelta(minutes=10)
CODE_PAUSE: Final = timedelta(seconds=2)
# The user looks at the app meanwhile, so that the answer has to come while they look.
WATCH_PAUSE: Final = timedelta(seconds=2)
# How long a decoupled approval is asked about where the bank gives no end: longer than any is open.
WATCHED: Final = timedelta(minutes=15)


class Authorisations:
    """Encrypts what a decoupled approval shows to the user, and opens it for the user's own client."""

    def __init__(self, encryption: FieldEncryption) -> None:
        self._encryption = encryption

    def sealed(self, awaited: Authorisation) -> SealedAuthorisation:
        """As it is stored. A page's address is stored as it is."""
        if awaited.url is not None:
            return SealedAuthorisation(awaited.url, expires_at=awaited.expires_at)
        # Without a choice as the version before stores it.
        choice = [_stored(awaited.choice)] if awaited.choice is not None else []
        shown = orjson.dumps([awaited.message, awaited.challenge, *choice]).decode()
        return SealedAuthorisation(
            encrypted=self._encryption.encrypt(shown, AUTHORISATION), expires_at=awaited.expires_at
        )

    def newly_awaited(
        self, known: SealedAuthorisation | None, given: Authorisation | None
    ) -> SealedAuthorisation | None:
        """What a vendor's answer changes of the approval that is stored, None if it changes nothing.

        A challenge may change with each answer, and an answer without a message keeps the last one. A page stays, and
        so does a choice until the bank has begun the approval.
        """
        if given is None:
            return None
        if known is None or given.url is not None:
            return self.sealed(given) if given != Authorisation(is_begun=True) else None
        if not known.is_decoupled:
            return None
        shown = self.opened(known)
        if shown.choice is not None:
            return self.sealed(given) if given.is_begun else None
        merged = Authorisation(
            message=given.message or shown.message,
            challenge=given.challenge or shown.challenge,
            expires_at=given.expires_at or shown.expires_at,
        )
        return self.sealed(merged) if merged != shown else None

    def sealed_query(self, query: Mapping[str, str]) -> str:
        """What the browser brought back from the vendor's page, encrypted: a code in it is as good as the approval."""
        return self._encryption.encrypt_text(orjson.dumps(dict(query)).decode(), RETURNED_QUERY)

    def opened_query(self, text: str) -> dict[str, str]:
        """What `sealed_query` has encrypted."""
        return dict(orjson.loads(self._encryption.decrypt_text(text, RETURNED_QUERY)))

    def opened(self, stored: SealedAuthorisation) -> Authorisation:
        """As the vendor gave it."""
        if stored.encrypted is None:
            return Authorisation(stored.url, expires_at=stored.expires_at)
        message, challenge, *more = orjson.loads(self._encryption.decrypt(stored.encrypted, AUTHORISATION))
        choice = _choice_of(more[0]) if more else None
        return Authorisation(message=message, challenge=challenge, expires_at=stored.expires_at, choice=choice)

    def opened_choice(self, stored: SealedAuthorisation | None) -> Choice | None:
        """What the user has to choose from; None where nothing is awaited, or no choice."""
        return self.opened(stored).choice if stored is not None else None

    def sent(self, stored: SealedAuthorisation, now: datetime) -> SealedAuthorisation:
        """A stored choice of which the bank is told now."""
        opened = self.opened(stored)
        assert opened.choice is not None
        return self.sealed(replace(opened, choice=replace(opened.choice, sent_at=now)))

    def taken_back(self, stored: SealedAuthorisation) -> SealedAuthorisation:
        """A stored choice that the bank has not taken, so that the user chooses again."""
        opened = self.opened(stored)
        assert opened.choice is not None
        return self.sealed(replace(opened, choice=replace(opened.choice, sent_at=None)))


def require_offered(choice: Choice, method: str) -> None:
    """Raises NotFound for what is none of the offered methods."""
    if not any(offered.id == method for offered in choice.methods):
        raise NotFound("The bank does not offer that method.", field=("input", "methodId"))


def nothing_to_choose(field: str) -> InvalidState:
    """The refusal of a choice that nothing waits for."""
    message = "The bank does not wait for a choice of the method."
    return InvalidState(message, field=("input", field), text="NOTHING_TO_CHOOSE")


def method_refused() -> InvalidState:
    """The refusal of a method that the bank offers and does not take."""
    message = "The bank does not take that method just now: choose another."
    return InvalidState(message, field=("input", "methodId"), text="METHOD_NOT_TAKEN")


def bank_silent() -> ProviderUnavailable:
    """The bank may have taken the choice: it is asked, and told again only if it says that it has not."""
    message = "The bank has not answered. If nothing happens in the bank's app, choose again in half a minute."
    return ProviderUnavailable("open_banking", message, text="CHOICE_WITHOUT_ANSWER")


def _stored(choice: Choice) -> dict[str, Any]:
    return {
        "methods": [[method.id, method.name] for method in choice.methods],
        "redirect_uri": choice.redirect_uri,
        "sent_at": choice.sent_at.isoformat() if choice.sent_at is not None else None,
    }


def _choice_of(stored: Mapping[str, Any]) -> Choice:
    sent_at = stored["sent_at"]
    return Choice(
        tuple(AuthorisationMethod(identifier, name) for identifier, name in stored["methods"]),
        stored["redirect_uri"],
        datetime.fromisoformat(sent_at) if sent_at else None,
    )
