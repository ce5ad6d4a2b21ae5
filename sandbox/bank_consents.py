"""Consents at the banks: registered, given or refused on the bank's page, revoked. NextGenPSD2's status words."""

from datetime import date, timedelta
from typing import Final

from sandbox import in_app
from sandbox.bank import PAGE_LIFETIME, holder_of, notify, page_url, today
from sandbox.people import Account, banks, person
from sandbox.problems import Refused
from sandbox.store import Document
from sandbox.world import World

CONSENT_PAGE_ENDS: Final = "consent_page_ends"
_ABOUT: Final = "tilgangen"
LONGEST_CONSENT: Final = timedelta(days=180)


async def create_consent(world: World, body: Document) -> Document:
    """Register a consent; the user gives it at `scaRedirect`, or in the bank's app."""
    if body.get("bank") not in banks():
        raise Refused(404, "RESOURCE_UNKNOWN", "There is no such bank.")
    # The first day and the last one both count, as some banks have it.
    if date.fromisoformat(body["validUntil"]) > today(world) + LONGEST_CONSENT - timedelta(days=1):
        raise Refused(400, "PERIOD_INVALID", "The consent would hold too long.")
    holder = await holder_of(world, str(body.get("psuId")))
    async with world.store.transaction():
        known = await world.store.by_reference("consent", body["reference"])
        if known is not None:
            return known
        consent = {
            "consentId": f"cons-{await world.store.next_number('consent'):06d}",
            "reference": body["reference"],
            "bank": body["bank"],
            "person": holder.id if holder else None,
            "consentStatus": "received",
            "validUntil": body["validUntil"],
            "redirectUri": body["redirectUri"],
            "accounts": [],
            "reads": {},
            "expires_at": (world.now + PAGE_LIFETIME).isoformat(),
            **in_app.of_request(_ABOUT),
        }
        consent["scaRedirect"] = page_url(body["redirectUri"], f"bank/consents/{consent['consentId']}")
        await world.store.put("consent", consent["consentId"], consent, reference=body["reference"])
        ends = {"consent": consent["consentId"]}
        await world.store.schedule(world.now + PAGE_LIFETIME, CONSENT_PAGE_ENDS, ends)
    world.on_scheduled()
    return in_app.shown(world, consent, consent["expires_at"])


async def consent_by_id(world: World, identifier: str) -> Document:
    consent = await world.store.get("consent", identifier)
    if consent is None:
        raise Refused(404, "RESOURCE_UNKNOWN", "There is no such consent.")
    consent = in_app.shown(world, consent, consent["expires_at"])
    if consent["consentStatus"] == "valid" and date.fromisoformat(consent["validUntil"]) < today(world):
        return {**consent, "consentStatus": "expired"}
    return consent


async def choose_method(world: World, identifier: str, method: str) -> Document:
    """The user's choice of the app in which they give the consent."""
    async with world.store.transaction():
        consent = in_app.chosen(await consent_by_id(world, identifier), method, _ABOUT)
        await world.store.put("consent", identifier, consent)
    return in_app.shown(world, consent, consent["expires_at"])


async def decide_consent(world: World, identifier: str, resource_ids: list[str] | None) -> Document:
    """The user consents to the chosen accounts, or refuses (None). Raises Refused where the page is closed."""
    async with world.store.transaction():
        consent = await consent_by_id(world, identifier)
        if consent["consentStatus"] != "received":
            raise Refused(409, "STATUS_INVALID", "This page has done its work. Go back to the app.")
        offered = {account.resource_id for account in consent_accounts(consent)}
        if resource_ids is None:
            consent["consentStatus"] = "rejected"
        elif not resource_ids or not set(resource_ids) <= offered:
            raise Refused(400, "FORMAT_ERROR", "Choose at least one of your accounts.")
        else:
            consent |= {"consentStatus": "valid", "accounts": sorted(resource_ids)}
        await _save_consent(world, consent)
        await world.store.forget(CONSENT_PAGE_ENDS, "consent", identifier)
    world.on_scheduled()
    return consent


async def revoke_consent(world: World, identifier: str, status: str = "terminatedByTpp") -> Document:
    async with world.store.transaction():
        consent = await consent_by_id(world, identifier)
        if consent["consentStatus"] in ("received", "valid"):
            consent["consentStatus"] = status
            await _save_consent(world, consent)
    world.on_scheduled()
    return consent


async def end_consent_page(world: World, body: Document) -> None:
    async with world.store.transaction():
        consent = await world.store.get("consent", body["consent"])
        if consent is not None and consent["consentStatus"] == "received":
            consent["consentStatus"] = "expired"
            await _save_consent(world, consent)


def consent_accounts(consent: Document) -> tuple[Account, ...]:
    """The accounts that the person has at the consent's bank."""
    holder = person(consent["person"]) if consent["person"] else None
    return holder.at_bank(consent["bank"]) if holder else ()


async def _save_consent(world: World, consent: Document) -> None:
    await world.store.put("consent", consent["consentId"], consent)
    payload = {
        "type": "consent.status",
        "consentId": consent["consentId"],
        "reference": consent["reference"],
        "consentStatus": consent["consentStatus"],
    }
    await notify(world, payload, consent)
