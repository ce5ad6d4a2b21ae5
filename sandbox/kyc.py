"""The KYC vendor: applicants, access tokens, reviews. It speaks as Sumsub does."""

import hashlib
import secrets
from datetime import datetime, timedelta
from typing import Final

from sandbox import scenarios
from sandbox.people import is_lucky, personas
from sandbox.problems import Refused
from sandbox.store import Document
from sandbox.webhooks import SUMSUB, tell
from sandbox.world import World

VERDICT: Final = "kyc_verdict"
# Without a verdict: `init` waits for the form, `pending` was handed in.
OPEN: Final = ("init", "pending")
VERDICT_AFTER: Final = timedelta(seconds=3)
APPROVED: Final = "approved"
RETRY: Final = "retry"
REJECTED: Final = "rejected"
_RESULTS: Final = {
    APPROVED: {"reviewAnswer": "GREEN"},
    RETRY: {"reviewAnswer": "RED", "reviewRejectType": "RETRY", "rejectLabels": ["DOCUMENT_UNREADABLE"]},
    REJECTED: {"reviewAnswer": "RED", "reviewRejectType": "FINAL", "rejectLabels": ["FORGERY"]},
}


async def create_applicant(world: World, external_user_id: str, name: str) -> Document:
    """Raises Refused (409) where the user has an applicant already."""
    outcome = scenarios.outcome_of(scenarios.KYC)
    async with world.store.transaction():
        if await world.store.by_reference("applicant", external_user_id) is not None:
            raise Refused(409, "conflict", f"Applicant with external user id '{external_user_id}' already exists")
        applicant: Document = {
            "id": hashlib.sha256(external_user_id.encode()).hexdigest()[:24],
            "externalUserId": external_user_id,
            "name": name,
            "attempt": 1,
            "outcome": outcome,
            # Without the form, where a scenario or the setting says so.
            "byItself": outcome is not None or world.settings.kyc_by_itself,
            "delivery": scenarios.delivery_of(scenarios.KYC),
            "reviewStatus": "init",
            "createDate": world.now.isoformat(),
            "reviewDate": world.now.isoformat(),
        }
        await _await_form(world, applicant)
    world.on_scheduled()
    return applicant


async def issue_token(world: World, external_user_id: str, ttl_s: int, return_to: str | None) -> str:
    token = f"_act-sbx-{secrets.token_urlsafe(16)}"
    async with world.store.transaction():
        if await world.store.by_reference("applicant", external_user_id) is None:
            raise Refused(404, "not_found", "There is no such applicant.")
        expires_at = (world.now + timedelta(seconds=ttl_s)).isoformat()
        body = {"externalUserId": external_user_id, "expires_at": expires_at, "return_to": return_to}
        await world.store.put("token", token, body)
    return token


async def applicant_of_token(world: World, token: str) -> tuple[Document, str | None]:
    """The applicant, and where the page leads on to. Raises Refused for an unknown or expired token."""
    known = await world.store.get("token", token)
    if known is None or known["expires_at"] < world.now.isoformat():
        raise Refused(401, "unauthorized", "This verification link has expired. Start again in the app.")
    applicant = await world.store.by_reference("applicant", known["externalUserId"])
    assert applicant is not None
    return applicant, known.get("return_to")


async def applicant_by_id(world: World, identifier: str) -> Document:
    applicant = await world.store.get("applicant", identifier)
    if applicant is None:
        raise Refused(404, "not_found", "There is no such applicant.")
    return applicant


async def submit_again(world: World, identifier: str) -> Document:
    """A new check after a RETRY. Raises Refused (409) after a final verdict."""
    async with world.store.transaction():
        applicant = await applicant_by_id(world, identifier)
        result = applicant.get("reviewResult", {})
        if applicant["reviewStatus"] in OPEN:
            return applicant
        if result.get("reviewRejectType") != "RETRY":
            raise Refused(409, "applicant-with-final-reject", "No further documents are taken.")
        applicant |= {
            "reviewStatus": "init",
            "reviewResult": {},
            "attempt": applicant["attempt"] + 1,
            "reviewDate": _later(world, applicant),
        }
        await _await_form(world, applicant)
    world.on_scheduled()
    return applicant


async def hand_in(world: World, identifier: str) -> None:
    """The form came in: the verdict follows three seconds later."""
    async with world.store.transaction():
        applicant = await applicant_by_id(world, identifier)
        if applicant["reviewStatus"] == "init":
            await _expect_verdict(world, applicant)
    world.on_scheduled()


async def reset(world: World, applicant: Document) -> Document:
    """Back to the start, as an operator at the vendor may do: without a verdict, and dated by the creation again.

    The caller's transaction is open.
    """
    applicant |= {"reviewStatus": "init", "reviewResult": {}, "reviewDate": applicant["createDate"]}
    await world.store.put("applicant", applicant["id"], applicant)
    return applicant


async def decide(world: World, identifier: str, verdict: str | None) -> None:
    """End a review; without `verdict` the persona decides, else the seeded draw. Sends the webhook."""
    async with world.store.transaction():
        applicant = await applicant_by_id(world, identifier)
        verdict = verdict or _verdict_of(world, applicant)
        applicant |= {
            "reviewStatus": "completed",
            "reviewResult": _RESULTS[verdict],
            "reviewDate": _later(world, applicant),
            "risk": 15 if verdict == APPROVED else 85,
        }
        await world.store.forget(VERDICT, "applicant", identifier)
        await tell(world, SUMSUB, await webhook(world, applicant, "applicantReviewed"), applicant)
        await world.store.put("applicant", identifier, applicant)
    world.on_scheduled()


async def fall_due(world: World, body: Document) -> None:
    """Give the expected verdict, unless a newer submission or a person at the page was first."""
    applicant = await world.store.get("applicant", body["applicant"])
    if applicant is None or applicant["attempt"] != body["attempt"] or applicant["reviewStatus"] != "pending":
        return
    await decide(world, applicant["id"], None)


async def _await_form(world: World, applicant: Document) -> None:
    if applicant["byItself"]:
        await _expect_verdict(world, applicant)
    else:
        await _save(world, applicant)


async def _save(world: World, applicant: Document) -> None:
    await world.store.put("applicant", applicant["id"], applicant, reference=applicant["externalUserId"])


async def _expect_verdict(world: World, applicant: Document) -> None:
    applicant["reviewStatus"] = "pending"
    await _save(world, applicant)
    body = {"applicant": applicant["id"], "attempt": applicant["attempt"]}
    await world.store.schedule(world.now + VERDICT_AFTER, VERDICT, body)


def _verdict_of(world: World, applicant: Document) -> str:
    plan = applicant["outcome"] or next((p.kyc for p in personas().values() if p.name == applicant["name"]), APPROVED)
    if plan == REJECTED:
        return REJECTED
    # A second submission passes.
    if plan == APPROVED or applicant["attempt"] > 1:
        return APPROVED
    if plan == RETRY:
        return RETRY
    return APPROVED if is_lucky(world.settings.seed, applicant["name"]) else RETRY


def _later(world: World, applicant: Document) -> str:
    """A time after the applicant's last review: two reviews of one moment would leave open which is the newest."""
    last = datetime.fromisoformat(applicant["reviewDate"])
    return max(world.now, last + timedelta(milliseconds=1)).isoformat()


async def webhook(world: World, applicant: Document, kind: str) -> Document:
    """An event as the vendor sends it."""
    at = datetime.fromisoformat(applicant["reviewDate"])
    return {
        "applicantId": applicant["id"],
        "externalUserId": applicant["externalUserId"],
        "correlationId": f"req-{await world.store.next_number('correlation'):08d}",
        "levelName": "id-and-liveness",
        "applicantType": "individual",
        "type": kind,
        "reviewStatus": applicant["reviewStatus"],
        "reviewResult": applicant.get("reviewResult", {}),
        "createdAt": at.strftime("%Y-%m-%d %H:%M:%S+0000"),
        "createdAtMs": at.strftime("%Y-%m-%d %H:%M:%S.") + f"{at.microsecond // 1000:03d}",
        "sandboxMode": True,
    }
