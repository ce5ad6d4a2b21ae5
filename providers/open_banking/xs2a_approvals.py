"""The steps of an approval by NextGenPSD2: begun, its method chosen, and what is awaited of the user then.

Source: docs/vendors/nextgenpsd2.md, Authorisation.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final
from urllib.parse import unquote, urlsplit

from domain.authorisation import MAX_METHODS, Authorisation, AuthorisationMethod, Choice
from domain.errors import Unavailable
from domain.warning import MutationWarning
from providers.calling.json_parts import objects_in, text, texts_in
from providers.calling.vendor_http import UNREADABLE, Answer, VendorRefusal
from providers.open_banking.bank_warnings import warnings_in
from providers.open_banking.nextgenpsd2 import codes_of, link_of
from providers.open_banking.port import NotApprovable, Psu
from providers.open_banking.readings import identifier
from providers.open_banking.status import SCA_DONE, SCA_FAILED
from providers.open_banking.vendor_ids import in_path
from providers.open_banking.xs2a_client import Xs2aClient

_DECOUPLED: Final = "DECOUPLED"
_IS_CHOSEN: Final = frozenset({"scaMethodSelected", "started"})
_STEPS: Final = ("startAuthorisation", "selectAuthenticationMethod", "updatePsu", "authoriseTransaction")
# The user would have to type such a code here, which Drop does not carry (the embedded approach).
_TYPED_CODES: Final = frozenset({"SMS_OTP", "CHIP_OTP", "PHOTO_OTP", "SMTP_OTP"})
_NOT_TAKEN: Final = "SCA_METHOD_UNKNOWN"
_NAME_LENGTH: Final = 140
_MESSAGE_LENGTH: Final = 500
_CHALLENGE_LENGTH: Final = 64 * 1024
_BASE64: Final = re.compile(r"[A-Za-z0-9+/]+=*")


@dataclass(frozen=True, slots=True)
class ScaAnswer:
    """An answer with an approval in it: its JSON, and the approach that its header names, empty if it names none."""

    document: Mapping[str, Any]
    approach: str

    @classmethod
    def of(cls, answer: Answer) -> "ScaAnswer":
        """Raises TypeError for an answer that is no JSON object."""
        return cls({**answer.document}, str(answer.headers.get("aspsp-sca-approach", "")).upper())

    @classmethod
    def lenient(cls, answer: Answer) -> "ScaAnswer":
        """As `of`, without any fields where the answer is no JSON object: its status has told what counts."""
        document = answer.document if isinstance(answer.document, Mapping) else {}
        return cls.of(Answer(answer.status, answer.headers, document))

    @property
    def status(self) -> str:
        """The SCA status, empty if the answer has none."""
        return str(self.document.get("scaStatus") or "")

    @property
    def is_ended(self) -> bool:
        """Whether nothing is awaited of the user: the approval is given, not needed (exempted), or has failed."""
        return self.status in SCA_DONE | SCA_FAILED

    @property
    def authorisation_id(self) -> str:
        """The id of the approval that the bank began by itself, taken from the links to it; else empty."""
        try:
            href = link_of(self.document, "scaStatus") or link_of(self.document, "selectAuthenticationMethod")
            return identifier(unquote(urlsplit(href or "").path.rstrip("/").rpartition("/")[2]))
        except ValueError:
            return ""

    @property
    def methods(self) -> Sequence[AuthorisationMethod]:
        """The offered methods that Drop can carry best, a redirect before others; empty if one is chosen already.

        Never told apart by name: the names differ from country to country.
        """
        if self.is_ended or self.status in _IS_CHOSEN:
            return ()
        carried = [
            (_type_of(method) == "REDIRECT", AuthorisationMethod(given, _name_of(method, given)))
            for method in objects_in(self.document.get("scaMethods"))
            if _type_of(method) not in _TYPED_CODES and (given := text(method.get("authenticationMethodId")))
        ]
        best = [method for is_page, method in carried if is_page] or [method for _, method in carried]
        return list({method.id: method for method in best}.values())[:MAX_METHODS]

    @property
    def method_of_begun(self) -> str:
        """The one method that is offered with an approval that the bank began by itself; empty if there is none."""
        return self.methods[0].id if self.authorisation_id and len(self.methods) == 1 else ""


@dataclass(frozen=True, slots=True)
class Approval:
    """An approval at the bank. `awaited` is None if its SCA status says that nothing is awaited of the user.

    It is a choice where the bank offers several methods alike. `warnings` are the bank's.
    """

    id: str
    sca_status: str
    awaited: Authorisation | None
    warnings: Sequence[MutationWarning] = ()


class Approvals:
    """Begins and reads the approvals of consents, payments and cancellations.

    No step that could reach the user's phone is repeated. `what` names the object of the approval in the operations
    that the guard counts.
    """

    def __init__(self, client: Xs2aClient) -> None:
        self._client = client

    async def begin(
        self,
        what: str,
        path: str,
        *,
        known: str,
        bic: str,
        psu: Psu | None,
        redirect_uri: str,
        method: str = "",
    ) -> Approval:
        """The approval that the bank began by itself (`known`), else a new one, by the method that Drop can carry.

        Of several that Drop can carry alike none is chosen: the user has to. `method` is one that was offered before.
        Raises Unavailable, and NotApprovable if the bank offers no method that Drop can carry.
        """
        more = {"bic": bic, "psu": psu, "headers": self._client.redirect_headers(redirect_uri)}
        try:
            found, answer = (
                (known, await self._read(what, f"{path}/{in_path(known)}", bic, psu))
                if known
                else await self._begun(what, path, bic, psu, more)
            )
            is_to_choose = bool(method) and answer.status not in _IS_CHOSEN
            if not answer.is_ended and (is_to_choose or self.awaited_in(answer, redirect_uri, bic) is None):
                choice = self.choice_in(answer, redirect_uri)
                if choice is not None:
                    return Approval(found, answer.status, choice, warnings_in(answer.document))
                # Where the bank began the approval by itself, it may have offered its method with the object alone.
                offered = next((one.id for one in answer.methods), method)
                if not offered or answer.status in _IS_CHOSEN:
                    raise NotApprovable
                answer = await self._chosen(what, f"{path}/{in_path(found)}", offered, bic, psu, more)
            awaited = None if answer.is_ended else self.awaited_in(answer, redirect_uri, bic)
        except VendorRefusal as refusal:
            raise self._client.refused(refusal, bic) from refusal
        except UNREADABLE as error:
            raise Unavailable("open_banking", "the approval cannot be read") from error
        if awaited is None and not answer.is_ended:
            raise NotApprovable
        return Approval(found, answer.status, awaited, warnings_in(answer.document))

    async def choose(
        self, what: str, path: str, method: str, *, bic: str, psu: Psu | None, redirect_uri: str
    ) -> Authorisation | None:
        """Go on by the method that the user has chosen. Gives what is awaited then, None if nothing is.

        Not repeated: it may reach the user's phone. Raises Unavailable, and NotApprovable if the bank does not take
        the method, or goes on in a way that Drop cannot carry.
        """
        more = {"bic": bic, "psu": psu, "headers": self._client.redirect_headers(redirect_uri)}
        try:
            answer = await self._chosen(what, path, method, bic, psu, more)
            awaited = None if answer.is_ended else self.awaited_in(answer, redirect_uri, bic)
        except VendorRefusal as refusal:
            if _NOT_TAKEN in codes_of(refusal.answer):
                raise NotApprovable from refusal
            raise self._client.refused(refusal, bic) from refusal
        except UNREADABLE as error:
            raise Unavailable("open_banking", "the approval cannot be read") from error
        if awaited is None and not answer.is_ended:
            raise NotApprovable
        return replace(awaited, is_begun=True) if awaited is not None else None

    def awaited_in(self, answer: ScaAnswer, redirect_uri: str, bic: str) -> Authorisation | None:
        """What the answer awaits of the user, None if it awaits nothing, or a step of ours first.

        Raises Unavailable for a page that is not trusted, and what `UNREADABLE` names for links that cannot be read.
        """
        document = answer.document
        href = next((href for name in self._client.links if (href := link_of(document, name))), None)
        if href is not None:
            return Authorisation(self._client.page(href, redirect_uri, bic))
        if answer.status not in _IS_CHOSEN and _wants_a_step(document):
            return None
        shown = _shown_in(document)
        return shown or Authorisation() if answer.approach == _DECOUPLED else shown if not answer.approach else None

    def choice_in(self, answer: ScaAnswer, redirect_uri: str) -> Authorisation | None:
        """The choice that the user has to make between methods alike, None if there is none."""
        if len(answer.methods) < 2:
            return None
        shown = _shown_in(answer.document) or Authorisation()
        return Authorisation(message=shown.message, choice=Choice(answer.methods, redirect_uri))

    async def newest(self, what: str, path: str, *, bic: str, psu: Psu | None) -> str:
        """The id of the newest approval, for answers that did not name it; empty if none. Raises Unavailable."""
        answer = await self._read(what, path, bic, psu)
        known = answer.document.get("authorisationIds") or answer.document.get("cancellationIds")
        named = texts_in(known)
        return named[-1] if named else ""

    async def state(
        self, what: str, path: str, *, bic: str, psu: Psu | None
    ) -> tuple[str, tuple[str, ...], Authorisation | None]:
        """The SCA status, the codes of its messages, and what a decoupled approval shows now. Raises Unavailable."""
        answer = await self._read(what, path, bic, psu)
        shown = None if answer.is_ended else _shown_in(answer.document)
        if answer.status in _IS_CHOSEN:
            shown = replace(shown or Authorisation(), is_begun=True)
        return str(answer.document.get("scaStatus")), codes_of(answer.document), shown

    async def _begun(
        self, what: str, path: str, bic: str, psu: Psu | None, more: Mapping[str, Any]
    ) -> tuple[str, ScaAnswer]:
        try:
            return await self._client.call(f"authorise_{what}", "POST", path, _begun, json={}, **more)
        except Unavailable:
            # Begun once more it would ask the user twice: the bank is asked whether it has begun one.
            newest = await self.newest(what, path, bic=bic, psu=psu)
            if not newest:
                raise
            return newest, await self._read(what, f"{path}/{in_path(newest)}", bic, psu)

    async def _chosen(
        self, what: str, path: str, method: str, bic: str, psu: Psu | None, more: Mapping[str, Any]
    ) -> ScaAnswer:
        """The approval once its method is chosen, which for a decoupled one reaches the user's phone."""
        chosen = {"authenticationMethodId": method}
        try:
            return await self._client.call(f"select_{what}", "PUT", path, ScaAnswer.of, json=chosen, **more)
        except Unavailable:
            found = await self._read(what, path, bic, psu)
            if found.is_ended or found.status in _IS_CHOSEN:
                return found
            raise

    async def _read(self, what: str, path: str, bic: str, psu: Psu | None) -> ScaAnswer:
        try:
            return await self._client.call(f"sca_{what}", "GET", path, ScaAnswer.of, bic=bic, psu=psu)
        except VendorRefusal as refusal:
            forgotten = self._client.forgotten(refusal) if what == "payment" else None
            raise forgotten or self._client.refused(refusal, bic) from refusal


def _begun(answer: Answer) -> tuple[str, ScaAnswer]:
    return identifier(answer.document["authorisationId"]), ScaAnswer.of(answer)


def _wants_a_step(document: Mapping[str, Any]) -> bool:
    """Whether the bank waits for us: to begin the approval, or to choose a method."""
    links = document.get("_links")
    names = links if isinstance(links, Mapping) else {}
    has_choice = bool(objects_in(document.get("scaMethods"))) and not document.get("chosenScaMethod")
    return has_choice or any(name.startswith(_STEPS) for name in names)


def _name_of(method: Mapping[str, Any], identifier: str) -> str:
    return (text(method.get("name")) or text(method.get("explanation")) or identifier)[:_NAME_LENGTH]


def _type_of(method: Mapping[str, Any]) -> str:
    return (text(method.get("authenticationType")) or "").upper()


def _shown_in(document: Mapping[str, Any]) -> Authorisation | None:
    """What the user must see to approve in the bank's app, None if the bank shows nothing."""
    message = (text(document.get("psuMessage")) or "")[:_MESSAGE_LENGTH] or None
    given = document.get("challengeData")
    challenge = _challenge_in(given) if isinstance(given, Mapping) else None
    return Authorisation(message=message, challenge=challenge) if message or challenge else None


def _challenge_in(given: Mapping[str, Any]) -> str | None:
    data, image = given.get("data"), given.get("image")
    codes = texts_in(data)
    if codes:
        return codes[0][:_CHALLENGE_LENGTH]
    is_picture = isinstance(image, str) and len(image) <= _CHALLENGE_LENGTH and _BASE64.fullmatch(image)
    return f"data:image/png;base64,{image}" if is_picture else None
