"""What differs between the Norwegian banks, as data. Source: vendor reference 4.7, open banking reference A.2.

Our ids stand in users' connections and outlive a vendor, so they are kept here and not asked of one.
"""

from dataclasses import dataclass
from typing import Final, Literal

from domain.account_number import AccountNumber
from domain.ids import BankId

_PREFIX: Final = "bank_"
AccountKind = Literal["bban", "iban"]


@dataclass(frozen=True, slots=True)
class BankProfile:
    """`wants_psu_id`: the user's national identity number goes along. `debtor` and `creditor` say how accounts do.

    Of a bank that is reached directly: `product` is its payments' name, `domain` where its pages are, `signs` whether
    it wants requests signed.
    """

    id: BankId
    bic: str
    name: str
    wants_psu_id: bool = True
    debtor: AccountKind = "bban"
    creditor: AccountKind = "bban"
    part_of: BankId | None = None
    product: str = "norwegian-domestic-credit-transfers"
    domain: str | None = None
    signs: bool = False


_PROFILES: Final = (
    BankProfile(BankId("bank_dnb"), "DNBANOKK", "DNB", domain="dnb.no"),
    BankProfile(BankId("bank_nordea"), "NDEANOKK", "Nordea"),
    BankProfile(BankId("bank_handelsbanken"), "HANDNOKK", "Handelsbanken"),
    BankProfile(BankId("bank_sparebank1"), "SPRONO22", "SpareBank 1", domain="sparebank1.no", signs=True),
    BankProfile(BankId("bank_sbanken"), "SBAKNOBB", "Sbanken", part_of=BankId("bank_dnb")),
)
_BY_BIC: Final = {profile.bic: profile for profile in _PROFILES}
_BY_ID: Final = {profile.id: profile for profile in _PROFILES}


def by_bic(bic: str) -> BankProfile:
    """A bank that is not listed is named after its BIC, and treated as most are."""
    return _BY_BIC.get(bic) or BankProfile(BankId(f"{_PREFIX}{bic.lower()}"), bic, bic)


def by_id(bank_id: BankId) -> BankProfile:
    return _BY_ID.get(bank_id) or by_bic(bank_id.removeprefix(_PREFIX).upper())


def is_known(bank_id: BankId) -> bool:
    """Whether a bank is listed here, with what is its own."""
    return bank_id in _BY_ID


def account_reference(kind: AccountKind, number: AccountNumber) -> dict[str, str]:
    """An account as NextGenPSD2 refers to it (4.3); one without a Norwegian number by its IBAN."""
    if kind == "bban" and number.bban is not None:
        return {"bban": number.bban}
    return {"iban": number.iban}
