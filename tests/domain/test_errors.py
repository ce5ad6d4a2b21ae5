"""Errors: clients branch on their codes, so each has one, and it does not change."""

from collections.abc import Iterator

import pytest

from domain.errors import (
    Denied,
    DropError,
    FeatureDisabled,
    InvalidInput,
    PaymentInDoubt,
    PossibleDuplicate,
    ProviderUnavailable,
    Refusal,
    Refusals,
    StaleVersion,
    StepUpRequired,
    Unauthenticated,
    Unavailable,
)


def subclasses(kind: type[DropError]) -> Iterator[type[DropError]]:
    for child in kind.__subclasses__():
        if child.__module__ == DropError.__module__:
            yield child
        yield from subclasses(child)


def test_the_codes_are_those_that_clients_know() -> None:
    assert {kind.__name__: kind.code for kind in subclasses(Refusal)} == {
        "InvalidInput": "BAD_USER_INPUT",
        "Refusals": "BAD_USER_INPUT",
        "NotFound": "NOT_FOUND",
        "InvalidState": "INVALID_STATE",
        "KycRequired": "KYC_REQUIRED",
        "ConsentRequired": "CONSENT_REQUIRED",
        "ReadLimitReached": "READ_LIMIT_REACHED",
        "FeatureDisabled": "FEATURE_DISABLED",
        "AddressRequired": "ADDRESS_REQUIRED",
        "IdempotencyKeyReused": "IDEMPOTENCY_KEY_REUSED",
        "PossibleDuplicate": "POSSIBLE_DUPLICATE",
        "PaymentInDoubt": "IN_DOUBT",
        "ProviderUnavailable": "PROVIDER_UNAVAILABLE",
        "StaleVersion": "CONFLICT",
    }
    assert {kind.code for kind in subclasses(Denied)} == {"UNAUTHENTICATED", "STEP_UP_REQUIRED", "FORBIDDEN"}


@pytest.mark.parametrize(
    ("error", "is_retryable"),
    [
        (ProviderUnavailable("email", "away"), True),
        (PaymentInDoubt(), True),
        (StaleVersion(), True),
        (FeatureDisabled("CARDS"), False),
        (PossibleDuplicate("pay_1"), False),
    ],
)
def test_only_what_may_succeed_later_is_retryable(error: Refusal, is_retryable: bool) -> None:
    assert error.retryable is is_retryable


def test_several_refusals_are_told_in_one_message_and_kept_apart() -> None:
    faults = [InvalidInput("INVALID_KID", "A KID has digits.", field=("input", "kid")), FeatureDisabled("CARDS")]

    refusals = Refusals(faults)

    assert refusals.refusals == tuple(faults)
    assert refusals.message == "A KID has digits.; CARDS is switched off. `features` tells what is on."


def test_an_invalid_input_has_the_code_of_its_rule_and_leaves_other_errors_their_own() -> None:
    assert InvalidInput("INVALID_KID", "A KID has digits.", field=("input", "kid")).code == "INVALID_KID"
    assert InvalidInput.code == "BAD_USER_INPUT"


def test_a_possible_duplicate_names_the_payment_that_it_may_repeat() -> None:
    duplicate = PossibleDuplicate("pay_1")

    assert duplicate.payment_id == "pay_1"
    assert "pay_1" in duplicate.message
    assert duplicate.field == ("input", "acceptDuplicateOf")


def test_a_vendor_that_is_away_is_named_by_its_port() -> None:
    assert Unavailable("card_payments").message == "card_payments: temporarily unavailable"
    assert Unavailable("card_payments").provider == ProviderUnavailable("card_payments", "away").provider


def test_a_denial_says_what_to_do() -> None:
    assert Unauthenticated().message == "Sign in first."
    assert "/auth/bankid/login?step_up=true" in StepUpRequired().message
