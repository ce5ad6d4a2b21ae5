"""Any JSON in the place of one item leaves the other items as they were, in each bank's language."""

from collections.abc import Callable
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.account_number import parse_account_number
from domain.statement import ItemKind, StatementLine
from providers.calling.vendor_http import Answer
from providers.geocoding.google_results import addresses_of
from providers.open_banking import enable_banking_objects, nextgenpsd2
from providers.open_banking.readings import each
from providers.open_banking.statement_pages import StatementPage

OWN = parse_account_number("86011117947")
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.sampled_from(["NaN", "1e9", "\0", "0"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
NEXTGEN = {
    "transactionId": "1",
    "entryReference": "2",
    "bookingDate": "2026-11-20",
    "valueDate": "2026-11-20",
    "transactionAmount": {"currency": "NOK", "amount": "-1.00"},
    "creditorName": "Kiwi",
    "creditorAccount": {"bban": "86011117947"},
    "remittanceInformationUnstructured": "Takk",
    "remittanceInformationStructured": {"reference": "2345676"},
    "endToEndId": "D-1",
}
ENABLE_BANKING = {
    "transaction_id": "1",
    "entry_reference": "2",
    "booking_date": "2026-11-20",
    "transaction_amount": {"currency": "NOK", "amount": "1.00"},
    "credit_debit_indicator": "DBIT",
    "status": "BOOK",
    "creditor": {"name": "Kiwi"},
    "creditor_account": {"iban": "NO9386011117947"},
    "remittance_information": ["Takk"],
    "reference_number": "2345676",
}


def by_nextgenpsd2(items: list[Any]) -> StatementPage:
    return nextgenpsd2.transactions(Answer(200, {}, {"transactions": {"booked": items}}), OWN)


def by_enable_banking(items: list[Any]) -> StatementPage:
    return enable_banking_objects.transactions(Answer(200, {}, {"transactions": items}), OWN)


READERS = pytest.mark.parametrize(
    ("read", "good"), [(by_nextgenpsd2, NEXTGEN), (by_enable_banking, ENABLE_BANKING)], ids=["xs2a", "enable_banking"]
)
Reader = Callable[[list[Any]], StatementPage]


def others(page: StatementPage) -> list[StatementLine]:
    return [page.lines[0], page.lines[-1]]


def is_storable(line: StatementLine) -> bool:
    words = [line.transaction_id, line.entry_reference, line.counterparty_name, line.message, line.kid]
    return "\0" not in "".join(word for word in words if word) and abs(line.amount.amount_minor) < 2**63


@READERS
@given(odd=JSON)
def test_any_json_in_a_lines_place_leaves_the_others(read: Reader, good: dict[str, Any], odd: Any) -> None:
    page = read([good, odd, good])

    assert others(page) == read([good, good]).lines
    assert len(page.lines) + len(page.put_aside) in (2, 3)


@READERS
@given(name=st.data(), odd=JSON)
def test_any_json_in_a_part_of_a_line_leaves_the_others(
    read: Reader, good: dict[str, Any], name: st.DataObject, odd: Any
) -> None:
    part = name.draw(st.sampled_from(sorted(good)))

    page = read([good, {**good, part: odd}, good])

    assert others(page) == read([good, good]).lines
    assert all(is_storable(line) for line in page.lines)
    assert all(isinstance(item.content, str) for item in page.put_aside)


@given(odd=JSON)
def test_any_json_in_an_accounts_or_balances_place_leaves_the_others(odd: Any) -> None:
    account = {"resourceId": "a", "bban": "86011117947", "currency": "NOK", "name": "Lønn"}
    balance = {"balanceType": "closingBooked", "balanceAmount": {"currency": "NOK", "amount": "1.00"}}

    accounts = each(ItemKind.ACCOUNT, [account, odd, account], nextgenpsd2.account)
    balances = each(ItemKind.BALANCE, [balance, odd, balance], nextgenpsd2.balance)

    assert accounts.found[0] == accounts.found[-1] == nextgenpsd2.account(account)
    assert balances.found[0] == balances.found[-1] == nextgenpsd2.balance(balance)


PLACE = {
    "formatted_address": "Storgata 1, 0155 Oslo",
    "address_components": [
        {"types": ["route"], "long_name": "Storgata", "short_name": "Storgata"},
        {"types": ["country"], "long_name": "Norge", "short_name": "NO"},
    ],
    "partial_match": True,
}


@given(odd=JSON, name=st.sampled_from([None, *PLACE]))
def test_any_json_in_an_addresss_place_leaves_the_others(odd: Any, name: str | None) -> None:
    item = {**PLACE, name: odd} if name else odd

    found = addresses_of({"status": "OK", "results": [PLACE, item, PLACE]})

    assert [found[0], found[-1]] == addresses_of({"status": "OK", "results": [PLACE, PLACE]})


@given(odd=JSON)
def test_what_is_put_aside_can_be_stored(odd: Any) -> None:
    def refuse(item: Any) -> None:
        raise OverflowError

    (aside,) = each(ItemKind.TRANSACTION, [odd], refuse).put_aside

    assert aside.why == "OverflowError"
    assert orjson.dumps(aside.content)


OTHERS = {"iban": "NO8330001234567"}


@pytest.mark.parametrize(
    ("parts", "minor"),
    [
        ({"credit_debit_indicator": "CRDT"}, 100),
        ({"credit_debit_indicator": "DBIT"}, -100),
        # Without an indicator that is known: a minus, then our own number, then who is named.
        ({"transaction_amount": {"currency": "NOK", "amount": "-1.00"}}, -100),
        ({"creditor_account": {"iban": OWN.iban}, "debtor_account": OTHERS}, 100),
        ({"creditor_account": {"other": {"identification": OWN.bban}}, "debtor": {"name": "Work"}}, 100),
        ({"creditor_account": OTHERS, "debtor_account": {"iban": OWN.iban}}, -100),
        ({"credit_debit_indicator": "X", "creditor_account": OTHERS, "debtor_account": {"iban": OWN.iban}}, -100),
        ({"debtor": {"name": "Work"}}, 100),
        ({"creditor": {"name": "Kiwi"}}, -100),
    ],
)
def test_a_line_without_an_indicator_has_its_direction_by_whose_number_it_is(parts: dict[str, Any], minor: int) -> None:
    amount = {"transaction_amount": {"currency": "NOK", "amount": "1.00"}}

    page = by_enable_banking([{"booking_date": "2026-11-20", **amount, **parts}])

    assert [line.amount.amount_minor for line in page.lines] == [minor]


def test_a_line_whose_direction_nothing_tells_is_put_aside() -> None:
    amount = {"transaction_amount": {"currency": "NOK", "amount": "1.00"}}

    page = by_enable_banking([{**amount, "creditor": {"name": "Kiwi"}, "debtor": {"name": "Kari"}}, ENABLE_BANKING])

    assert (len(page.lines), len(page.put_aside)) == (1, 1)
