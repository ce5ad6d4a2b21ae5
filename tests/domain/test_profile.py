import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.contact import on_the_wire
from domain.errors import Refusals
from domain.profile import ProfileChange, profile_change


def change(
    *, email: str | None = None, phone: str | None = None, locale: str | None = None, address: str | None = None
) -> ProfileChange:
    return profile_change(email=email, phone=phone, locale=locale, address=address)


def faults_of(**changes: str) -> list[tuple[str, str]]:
    with pytest.raises(Refusals) as refused:
        change(**changes)
    return [(refusal.code, refusal.field[-1]) for refusal in refused.value.refusals]


def test_nothing_given_changes_nothing() -> None:
    assert change() == ProfileChange(None, None, None, None)


def test_all_faults_come_at_once() -> None:
    assert faults_of(email="kari", phone="900", locale="sv-SE", address=" ") == [
        ("INVALID_EMAIL", "email"),
        ("INVALID_PHONE", "phone"),
        ("INVALID_LOCALE", "locale"),
        ("INVALID_TEXT", "address"),
    ]


@given(st.emails())
def test_addresses_that_the_standard_allows_are_taken_as_they_are_or_refused(email: str) -> None:
    try:
        taken = change(email=email)
    except Refusals as refused:
        assert [refusal.code for refusal in refused.refusals] == ["INVALID_EMAIL"]
    else:
        assert taken.email is not None
        assert change(email=taken.email).email == taken.email


@pytest.mark.parametrize(
    "email",
    ["kari@example.no", "kari.nordmann+drop@mail.example.no", "a" * 64 + "@example.no", "k@" + "a." * 125 + "no"],
)
def test_an_ordinary_address_is_taken(email: str) -> None:
    assert change(email=email).email == email


@pytest.mark.parametrize(
    "email",
    [
        "",
        "kari",
        "kari@example",
        "kari@-example.no",
        "kari@example.n",
        "kari@example.no\n",
        "kari @example.no",
        "kari@ola@example.no",
        "a" * 65 + "@example.no",
        "k@" + "a." * 126 + "no",
        "kari..nordmann@example.no",
        ".kari@example.no",
        "kari.@example.no",
        "kåre@example.no",
        "kari@localhost",
    ],
)
def test_what_no_mail_can_reach_is_refused(email: str) -> None:
    assert faults_of(email=email) == [("INVALID_EMAIL", "email")]


@pytest.mark.parametrize(
    ("phone", "e164"),
    [
        ("+47 900 00 001", "+4790000001"),
        ("0047 900.00.001", "+4790000001"),
        ("\u202a+47\u00a0900\u202f00\u2009001\u202c", "+4790000001"),
        ("+47\t900\n00\t001", "+4790000001"),
        ("\uff0b\uff14\uff1790000001", "+4790000001"),
        ("+46 (0)70-123 45 67", "+46701234567"),
        ("+358 45 123 456", "+35845123456"),
    ],
)
def test_a_number_is_kept_as_e164(phone: str, e164: str) -> None:
    assert change(phone=phone).phone == e164


@pytest.mark.parametrize(
    "phone",
    [
        *("", "90000001", "+0790000001", "+123456", "+1234567890123456", "+47 900 00 00x", "+47 call me"),
        # A landline, a premium number, a number that is not in use, and mobiles outside of the EEA.
        *("+4722000000", "+4782900000", "+4759000000", "+15005550009", "+447400123456", "+41781234567"),
    ],
)
def test_any_other_number_is_refused(phone: str) -> None:
    assert faults_of(phone=phone) == [("INVALID_PHONE", "phone")]


def test_drop_speaks_norwegian_and_english() -> None:
    assert [change(locale=locale).locale for locale in ("nb-NO", "en-GB")] == ["nb-NO", "en-GB"]
    assert faults_of(locale="nb_NO") == [("INVALID_LOCALE", "locale")]


def test_an_address_is_one_line_of_200_characters_at_most() -> None:
    assert change(address=" Storgata 1,\n 0155  Oslo ").address == "Storgata 1, 0155 Oslo"
    assert change(address="x" * 200).address == "x" * 200
    assert faults_of(address="x" * 201) == [("INVALID_TEXT", "address")]


def test_a_domain_with_norwegian_letters_is_taken_and_sent_to_in_ascii() -> None:
    taken = change(email="kari@blåbær.no").email

    assert taken == "kari@blåbær.no"
    assert on_the_wire(taken) == "kari@xn--blbr-roah.no"


@pytest.mark.parametrize(
    ("text", "is_taken"),
    [
        ("Storgata 1 👨‍👩‍👧", True),
        ("Storgata 1 🏴󠁧󠁢󠁥󠁮󠁧󠁿", True),
        ("Storgata 1 ❤️‍🔥", True),
        ("Stor\u200dgata 1", False),
        ("Storgata\u202e 1", False),
    ],
)
def test_joiners_pass_between_emoji_alone(text: str, is_taken: bool) -> None:
    if is_taken:
        assert change(address=text).address == text
    else:
        assert faults_of(address=text) == [("INVALID_TEXT", "address")]
