"""What differs between the Norwegian banks, as data. Source: docs/vendors/norwegian_banks.md.

Stored bank links name a bank by our id. The ids must outlive a vendor, so they are kept here.
"""

import re
from dataclasses import dataclass
from typing import Final, Literal

from domain.account_number import AccountNumber
from domain.bank_text import NORWEGIAN_TEXTS, Letters, TextRules
from domain.ids import BankId
from domain.statement import LineIds
from providers.open_banking.status import PAYMENT_STATUS

_PREFIX: Final = "bank_"
# The countries whose banks take Norwegian letters; elsewhere SEPA's Latin set is all that a bank has to take.
_NORDIC: Final = frozenset({"NO", "DK", "SE", "FI", "IS"})
# Banks of the alliance besides SPRONO22, on the same platform.
_SPAREBANK1_ALLIANCE: Final = frozenset({"SPTRNO22", "SHEDNO22", "SNOWNO22", "NORVNO21", "HAALNO21"})
_BIC: Final = re.compile("[A-Z]{4}([A-Z]{2})[A-Z0-9]{2}(?:[A-Z0-9]{3})?")
AccountKind = Literal["bban", "iban"]


@dataclass(frozen=True, slots=True)
class BankProfile:
    """What is special about one bank.

    `wants_psu_id`: the bank wants the user's national identity number. `wants_device_later`: it wants to hear in each
    later call about a consent or payment from where it was begun. `debtor` and `creditor` say in which form the
    bank wants account numbers. `part_of` is the bank that has taken over this one. For a bank that is called directly,
    `product` is its payment product, `domain` the domain of its pages, `api_domain` that of its interface where it is
    confirmed, and `signs` whether it wants signed requests.
    `gives_ids`: its lines bear the end-to-end ids of payments, as it documents; of others that is learnt from lines.
    `last_status`: the last transaction status that it reports of a payment; one before ACSC leaves the end to the
    account's statement, as does any bank that has told no end after the next banking day.
    `lists_twice`: it may list one line of a statement under two transaction ids. `ids`: how long its ids of lines last,
    where the bank is not reached through a vendor with ids of its own. `texts`: what it takes as a payment's
    texts.
    """

    id: BankId
    bic: str
    name: str
    wants_psu_id: bool = False
    wants_device_later: bool = False
    debtor: AccountKind = "bban"
    creditor: AccountKind = "bban"
    part_of: BankId | None = None
    product: str = "norwegian-domestic-credit-transfers"
    domain: str | None = None
    api_domain: str | None = None
    signs: bool = False
    lists_twice: bool = False
    ids: LineIds = LineIds.LAST
    gives_ids: bool = False
    last_status: Literal["ACTC", "ACSP", "ACSC", "ACCC"] = "ACSC"
    texts: TextRules = NORWEGIAN_TEXTS


_PROFILES: Final = (
    BankProfile(
        BankId("bank_dnb"),
        "DNBANOKK",
        "DNB",
        wants_psu_id=True,
        domain="dnb.no",
        api_domain="dnb.no",
        ids=LineIds.CHANGE,
    ),
    BankProfile(BankId("bank_nordea"), "NDEANOKK", "Nordea", wants_psu_id=True, lists_twice=True),
    BankProfile(BankId("bank_handelsbanken"), "HANDNOKK", "Handelsbanken", wants_psu_id=True, wants_device_later=True),
    BankProfile(
        BankId("bank_sparebank1"),
        "SPRONO22",
        "SpareBank 1",
        wants_psu_id=True,
        domain="sparebank1.no",
        signs=True,
        ids=LineIds.CHANGE,
    ),
    BankProfile(
        BankId("bank_sbanken"),
        "SBAKNOBB",
        "Sbanken",
        wants_psu_id=True,
        part_of=BankId("bank_dnb"),
        ids=LineIds.CHANGE,
    ),
)
_BY_BIC: Final = {profile.bic: profile for profile in _PROFILES}
_BY_ID: Final = {profile.id: profile for profile in _PROFILES}


def by_bic(bic: str) -> BankProfile:
    """The profile of the bank with a BIC. A bank that is not listed has its BIC as name, and the usual settings."""
    known = _BY_BIC.get(bic)
    if known is not None:
        return known
    ids = LineIds.CHANGE if bic in _SPAREBANK1_ALLIANCE else LineIds.LAST
    return BankProfile(BankId(f"{_PREFIX}{bic.lower()}"), bic, bic, ids=ids, texts=_texts_at(bic))


def by_id(bank_id: BankId) -> BankProfile:
    """The profile of the bank with our id. An id that is not listed is read as a BIC."""
    return _BY_ID.get(bank_id) or by_bic(bank_id.removeprefix(_PREFIX).upper())


def is_known(bank_id: BankId) -> bool:
    """Whether the bank is listed here."""
    return bank_id in _BY_ID


def gives_ids(bank_id: BankId) -> bool:
    """Whether the bank documents that its lines bear the end-to-end ids of payments."""
    return by_id(bank_id).gives_ids


def tells_end(bank_id: BankId) -> bool:
    """Whether the bank reports that a payment is settled, as the standard has it."""
    return PAYMENT_STATUS[by_id(bank_id).last_status].is_final


def account_reference(kind: AccountKind, number: AccountNumber) -> dict[str, str]:
    """The account in NextGenPSD2's form (nextgenpsd2.md, Accounts). One without a Norwegian number has its IBAN."""
    if kind == "bban" and number.bban is not None:
        return {"bban": number.bban}
    return {"iban": number.iban}


def _texts_at(bic: str) -> TextRules:
    found = _BIC.fullmatch(bic)
    is_near = found is None or found[1] in _NORDIC
    return NORWEGIAN_TEXTS if is_near else TextRules(Letters.SEPA)
