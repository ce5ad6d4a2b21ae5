"""The steps of an approval by NextGenPSD2: begun, its method chosen, and what is awaited of the user then.

Source: docs/vendors/nextgenpsd2.md, Authorisation.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

from domain.authorisation import Authorisation
from domain.errors import Unavailable
from domain.warning import MutationWarning
from providers.calling.vendor_http import UNREADABLE, Answer, VendorRefusal
from providers.open_banking.bank_profiles import by_bic
from providers.open_banking.bank_warnings import warnings_in
from providers.open_banking.nextgenpsd2 import codes_of, link_of
from providers.open_banking.port import NotApprovable, Psu
from providers.open_banking.readings import as_list, text
from providers.open_banking.status import SCA_DONE, SCA_FAILED
from providers.open_banking.xs2a_client import Xs2aClient

_DECOUPLED: Final = "DECOUPLED"
_IS_CHOSEN: Final = frozenset({"scaMethodSelected", "started"})
_STEPS: Final = ("startAuthorisation", "selectAuthenticationMethod", "updatePsu", "authoriseTransaction")
# The user would have to type such a code here, which Drop does not carry (the embedded approach).
_TYPED_CODES: Final = frozenset({"SMS_OTP", "CHIP_OTP", "PHOTO_OTP", "SMTP_OTP"})
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
        """The id of the approval that the bank began by itself, taken from the link to its status; else empty."""
        try:
            path = urlsplit(link_of(self.document, "scaStatus") or "").path
        except ValueError:
            return ""
        return path.rstrip("/").rpartition("/")[2]


@dataclass(frozen=True, slots=True)
class Approval:
    """An approval at the bank. `awaited` is None if its SCA status says that nothing is awaited of the user.

    `warnings` are the bank's.
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
        self, what: str, path: str, *, known: str, bic: str, psu: Psu | None, redirect_uri: str
    ) -> Approval:
        """The approval that the bank began by itself (`known`), else a new one, by a method that Drop can carry.

        Raises Unavailable, and NotApprovable if the bank offers no such method.
        """
        more = {"bic": bic, "psu": psu, "headers": self._client.redirect_headers(redirect_uri)}
        try:
            identifier, answer = (
                (known, await self._read(what, f"{path}/{known}", bic, psu))
                if known
                else await self._begun(what, path, bic, psu, more)
            )
            if not answer.is_ended and self.awaited_in(answer, redirect_uri, bic) is None:
                answer = await self._chosen(what, f"{path}/{identifier}", bic, psu, answer, more)
            awaited = None if answer.is_ended else self.awaited_in(answer, redirect_uri, bic)
        except VendorRefusal as refusal:
            raise self._client.refused(refusal, bic) from refusal
        except UNREADABLE as error:
            raise Unavailable("open_banking", "the approval cannot be read") from error
        if awaited is None and not answer.is_ended:
            raise NotApprovable
        return Approval(identifier, answer.status, awaited, warnings_in(answer.document, by_bic(bic).id))

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

    async def newest(self, what: str, path: str, *, bic: str, psu: Psu | None) -> str:
        """The id of the newest approval, for answers that did not name it; empty if none. Raises Unavailable."""
        answer = await self._read(what, path, bic, psu)
        known = answer.document.get("authorisationIds") or answer.document.get("cancellationIds")
        named = [identifier for identifier in map(text, as_list(known)) if identifier]
        return named[-1] if named else ""

    async def state(
        self, what: str, path: str, *, bic: str, psu: Psu | None
    ) -> tuple[str, tuple[str, ...], Authorisation | None]:
        """The SCA status, the codes of its messages, and what a decoupled approval shows now. Raises Unavailable."""
        answer = await self._read(what, path, bic, psu)
        shown = None if answer.is_ended else _shown_in(answer.document)
        return str(answer.document.get("scaStatus")), codes_of(answer.document), shown

    async def _begun(
        self, what: str, path: str, bic: str, psu: Psu | None, more: Mapping[str, Any]
    ) -> tuple[str, ScaAnswer]:
        try:
            return await self._client.call(f"authorise_{what}", "POST", path, _begun, json={}, **more)
        except Unavailable:
            # Begun once more it would ask the user twice: the bank is asked whether it has begun one.
            identifier = await self.newest(what, path, bic=bic, psu=psu)
            if not identifier:
                raise
            return identifier, await self._read(what, f"{path}/{identifier}", bic, psu)

    async def _chosen(
        self, what: str, path: str, bic: str, psu: Psu | None, answer: ScaAnswer, more: Mapping[str, Any]
    ) -> ScaAnswer:
        """The approval once its method is chosen, which for a decoupled one reaches the user's phone."""
        method = _method_of(answer.document)
        if method is None or answer.status in _IS_CHOSEN:
            raise NotApprovable
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
    return str(answer.document["authorisationId"]), ScaAnswer.of(answer)


def _wants_a_step(document: Mapping[str, Any]) -> bool:
    """Whether the bank waits for us: to begin the approval, or to choose a method."""
    names = document.get("_links") or {}
    has_choice = bool(document.get("scaMethods")) and not document.get("chosenScaMethod")
    return has_choice or any(name.startswith(_STEPS) for name in names)


def _method_of(document: Mapping[str, Any]) -> str | None:
    """The first offered method that Drop can carry, a redirect before others, None if there is none.

    Never chosen by name: the names differ from country to country.
    """
    offered = [method for method in document.get("scaMethods") or () if _type_of(method) not in _TYPED_CODES]
    offered.sort(key=lambda method: _type_of(method) != "REDIRECT")
    return str(offered[0]["authenticationMethodId"]) if offered else None


def _type_of(method: Mapping[str, Any]) -> str:
    return str(method.get("authenticationType") or "").upper()


def _shown_in(document: Mapping[str, Any]) -> Authorisation | None:
    """What the user must see to approve in the bank's app, None if the bank shows nothing."""
    message = str(document.get("psuMessage") or "")[:_MESSAGE_LENGTH] or None
    given = document.get("challengeData")
    challenge = _challenge_in(given) if isinstance(given, Mapping) else None
    return Authorisation(message=message, challenge=challenge) if message or challenge else None


def _challenge_in(given: Mapping[str, Any]) -> str | None:
    data, image = given.get("data"), given.get("image")
    code = data[0] if isinstance(data, list) and data else data
    if isinstance(code, str | int) and code:
        return str(code)[:_CHALLENGE_LENGTH]
    is_picture = isinstance(image, str) and len(image) <= _CHALLENGE_LENGTH and _BASE64.fullmatch(image)
    return f"data:image/png;base64,{image}" if is_picture else None
