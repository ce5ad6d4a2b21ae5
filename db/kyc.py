from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any, Final

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from db.locks import locked
from db.shapes import Shape, column, each, made
from db.tables.kyc import KycRow
from db.updates import save_over
from domain.ids import UserId
from domain.kyc import Check, CheckKind, CheckResult, Kyc, KycStatus


def _checks_of(checks: Sequence[Mapping[str, str]]) -> tuple[Check, ...]:
    return tuple(Check(CheckKind(check["kind"]), CheckResult(check["result"])) for check in checks)


KYC: Final = Shape(
    Kyc,
    KycRow,
    {
        **each("id", "user_id", "vendor", "applicant_id", "retry_required", "can_retry", "risk_score", "started_at"),
        **each("reviewed_at", "version"),
        "status": made(KycStatus, "status"),
        "reject_labels": made(tuple, "reject_labels"),
        "checks": made(_checks_of, "checks"),
        "newest_review_at": column("news_at"),
    },
)


class KycQueries:
    """KYC applications; each user has one from the first login on. No method commits."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def of_user(self, user_id: UserId) -> Kyc:
        """The user's application. Raises NoResultFound for an unknown user."""
        query = select(KycRow).where(KycRow.user_id == user_id)
        return KYC.of((await self._session.exec(locked(self._session, query))).one())

    async def of_users(self, user_ids: Sequence[UserId]) -> list[Kyc]:
        rows = await self._session.exec(select(KycRow).where(col(KycRow.user_id).in_(user_ids)))
        return [KYC.of(row) for row in rows]

    async def by_vendor_reference(self, vendor: str, user_id: str | None, applicant_id: str | None) -> Kyc | None:
        """By our user id first, by the vendor's applicant id second; of any user, for webhooks alone."""
        for condition in (KycRow.user_id == user_id, KycRow.applicant_id == applicant_id):
            row = (await self._session.exec(select(KycRow).where(KycRow.vendor == vendor, condition))).first()
            if row is not None:
                return KYC.of(row)
        return None

    def add(self, kyc: Kyc) -> None:
        self._session.add(KycRow(id=kyc.id, **_values(kyc)))

    async def save(self, before: Kyc, after: Kyc) -> None:
        """Write the new state over the version that was read. Raises StaleVersion."""
        await save_over(self._session, KycRow, before, after, **_values(after))


def _values(kyc: Kyc) -> dict[str, Any]:
    values = asdict(kyc)
    values.pop("id")
    values["news_at"] = values.pop("newest_review_at")
    return values | {"reject_labels": list(kyc.reject_labels), "checks": [asdict(check) for check in kyc.checks]}
