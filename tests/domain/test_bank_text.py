import string
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.bank_text import Letters, TextRules, for_bank
from domain.errors import Refusals
from domain.ids import UserId
from domain.payment_order import PaymentInput, PaymentOrder, payment_order

LATIN = set(string.ascii_letters + string.digits + "/-?:().,'+ ")


def an_order(name: str = "Kiwi", message: str | None = None) -> PaymentOrder:
    given = PaymentInput("acc_1", name, "86011117947", 12_500, "NOK", "a-key-of-a-client", message=message)
    return payment_order(UserId("usr_1"), given, date(2026, 11, 24))


def sent(text: str, letters: Letters) -> tuple[str, list[object]]:
    order, warnings = for_bank(an_order(message=text), TextRules(letters))
    assert order.message is not None
    return order.message, [(*warning.field, warning.values["sent"]) for warning in warnings]


@pytest.mark.parametrize(
    "text",
    [
        "Blåbærsyltetøy & fløte!",
        "Frøken Müller-Lüdenscheidt",
        "Café São João, 50% (§5?)".replace("§", "#"),
        "ÅÆØ åæø ÿ",
    ],
)
def test_norwegian_banks_take_ascii_and_the_letters_of_iso_8859_1_as_they_are(text: str) -> None:
    assert sent(text, Letters.NORWEGIAN) == (text, [])


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("Áŋŋel Čájet Šuoŋŋá", "Ánnel Cájet Suonná"),
        ("Łukasz Dvořák", "Lukasz Dvorák"),
        ("“Leie” – mars…", '"Leie" - mars...'),
        ("½ pris på 20 €", "1/2 pris på 20 EUR"),
        ("1½ kg", "1 1/2 kg"),
        ("Kjell Ⅳ № 5", "Kjell IV No 5"),
        ("Kari’s", "Kari's"),
        ("q\u0308", "q"),
        ("ＡＢＣ", "ABC"),
    ],
)
def test_what_lies_outside_gets_a_plain_form_and_a_warning_shows_the_text_as_sent(text: str, plain: str) -> None:
    assert sent(text, Letters.NORWEGIAN) == (plain, [("input", "message", plain)])


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("Blåbærsyltetøy & fløte!", "Blabaersyltetoy + flote."),
        ("Café; [kari@example]", "Cafe, (kari(at)example)"),
        ("“Þór”", "'THor'"),
    ],
)
def test_a_bank_of_the_latin_set_alone_gets_more_in_plain_form(text: str, plain: str) -> None:
    assert sent(text, Letters.SEPA) == (plain, [("input", "message", plain)])


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("Takk 😀 for 😀 sist 🇳🇴", "😀 🇳 🇴"),
        ("Привет Ola", "П р и в е т"),
        ("❤\ufe0f", "❤"),
        ("família 👨\u200d👩\u200d👧", "👨 U+200D 👩 👧"),
        ("§ 5", "§"),
        # Without their marks, or on the line, they would say something else.
        ("2 ≠ 3, 4 ≮ 5", "≠ ≮"),
        ("a =\u0338 b, 7\u0338", "≠ U+0338"),
        ("10² m, 1①", "² ①"),
    ],
)
def test_what_has_no_plain_form_is_refused_with_the_field_and_the_characters_named(text: str, named: str) -> None:
    with pytest.raises(Refusals) as refused:
        for_bank(an_order(name=text, message=text), TextRules())

    found = [(one.code, one.field, one.text_key, one.values) for one in refused.value.refusals]
    assert found == [
        ("INVALID_TEXT", ("input", field), "TEXT_CHARACTERS", {"characters": named})
        for field in ("creditorName", "message")
    ]


def test_a_bank_may_take_less_than_others_and_measures_the_text_as_sent() -> None:
    rules = TextRules(Letters.SEPA, longest_name=4, longest_message=6)

    order, _ = for_bank(an_order("Kiwi", "fløter"), rules)
    with pytest.raises(Refusals) as refused:
        for_bank(an_order("Kiwis", "fløtær"), rules)

    assert (order.creditor_name, order.message) == ("Kiwi", "floter")
    assert [(one.field, one.values) for one in refused.value.refusals] == [
        (("input", "creditorName"), {"longest": 4}),
        (("input", "message"), {"longest": 6}),
    ]


def test_both_unicode_forms_and_what_copying_adds_give_one_text_without_a_warning() -> None:
    given = "  A\u030ase\u00a0Dahl\u200b\u00ad\ufeff\u200e \t \u2007\u202f\r\nog sønn"

    assert sent(given, Letters.NORWEGIAN) == ("Åse Dahl og sønn", [])


@given(text=st.text(min_size=1, max_size=40), letters=st.sampled_from(Letters))
def test_a_bank_gets_its_own_letters_or_nothing(text: str, letters: Letters) -> None:
    try:
        order, _ = for_bank(an_order(message=text), TextRules(letters))
    except Refusals:
        return

    assert order.message is not None
    order.message.encode("latin-1")
    assert letters is Letters.NORWEGIAN or set(order.message) <= LATIN
    assert for_bank(order, TextRules(letters)) == (order, [])
