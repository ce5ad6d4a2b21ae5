"""Every error that the product raises on purpose, as one tree.

DropError
├── Refusal                  the user can change something: `userErrors`, or a 4xx problem
│   ├── InvalidInput         a value breaks a rule
│   ├── Refusals             several faults of one input at once
│   ├── NotFound             unknown, or somebody else's
│   ├── InvalidState         asked for at the wrong moment
│   ├── KycRequired          only approved users transact
│   ├── ConsentRequired      no active consent covers the account
│   ├── ReadLimitReached     the day's unattended reads are used up
│   ├── FeatureDisabled      its flag is off
│   ├── AddressRequired      a card needs an address that is known
│   ├── IdempotencyKeyReused same key, other input
│   ├── InProgress           same key, still running
│   ├── PossibleDuplicate    a like payment is in doubt
│   ├── PaymentInDoubt       its outcome is not known yet
│   └── ProviderUnavailable  a vendor is away and the user may try again
├── Denied                   not theirs to do
│   ├── Unauthenticated
│   ├── StepUpRequired
│   └── Forbidden
├── BadSignature             a webhook that its vendor did not sign
├── BadWebhook               a signed webhook that cannot be read
├── Unavailable              a vendor did not answer, and nothing was done there
├── CannotTell               a vendor has no answer to this question at all
├── InDoubt                  sent, and no answer came
└── StaleVersion             somebody else wrote first; load and try again
"""

from collections.abc import Sequence


class DropError(Exception):
    """Root of the tree. `code` is stable and for machines, the message is for people."""

    code: str = "INTERNAL"

    @property
    def message(self) -> str:
        return str(self)


class Refusal(DropError):
    """The user can change something. `field` is the input path, outermost first."""

    code: str = "BAD_USER_INPUT"
    retryable: bool = False

    def __init__(self, message: str, *, field: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.field = field


class InvalidInput(Refusal):
    """A value breaks a rule. `code` names the rule."""

    def __init__(self, code: str, message: str, *, field: tuple[str, ...]) -> None:
        super().__init__(message, field=field)
        self.code = code


class Refusals(Refusal):
    """All faults of one input at once."""

    def __init__(self, refusals: Sequence[Refusal]) -> None:
        super().__init__("; ".join(refusal.message for refusal in refusals))
        self.refusals = tuple(refusals)


class NotFound(Refusal):
    """Unknown to this user. Somebody else's object reads the same."""

    code = "NOT_FOUND"


class InvalidState(Refusal):
    """Asked for at the wrong moment."""

    code = "INVALID_STATE"


class KycRequired(Refusal):
    code = "KYC_REQUIRED"

    def __init__(self) -> None:
        super().__init__("Your identity must be approved first. Start with startKyc.")


class ConsentRequired(Refusal):
    code = "CONSENT_REQUIRED"


class ReadLimitReached(Refusal):
    code = "READ_LIMIT_REACHED"


class FeatureDisabled(Refusal):
    code = "FEATURE_DISABLED"

    def __init__(self, feature: str) -> None:
        super().__init__(f"{feature} is switched off. `features` tells what is on.")


class AddressRequired(Refusal):
    code = "ADDRESS_REQUIRED"

    def __init__(self) -> None:
        super().__init__("A card needs an address that was found on the map: set it with updateProfile.")


class IdempotencyKeyReused(Refusal):
    code = "IDEMPOTENCY_KEY_REUSED"

    def __init__(self) -> None:
        super().__init__(
            "This idempotencyKey was used with other input. Use a new key for a new payment.",
            field=("input", "idempotencyKey"),
        )


class InProgress(Refusal):
    code = "IN_PROGRESS"
    retryable = True


class PossibleDuplicate(Refusal):
    code = "POSSIBLE_DUPLICATE"

    def __init__(self, payment_id: str) -> None:
        super().__init__(
            f"Payment {payment_id} has the same payee and amount and its outcome is not known yet. "
            "To pay again all the same, send its id as acceptDuplicateOf.",
            field=("input", "acceptDuplicateOf"),
        )
        self.payment_id = payment_id


class PaymentInDoubt(Refusal):
    code = "IN_DOUBT"
    retryable = True

    def __init__(self) -> None:
        super().__init__("The bank has not told us yet what became of this payment, so it cannot be cancelled now.")


class ProviderUnavailable(Refusal):
    """A vendor is away; nothing was done, and the user may try again. `provider` is the port's name."""

    code = "PROVIDER_UNAVAILABLE"
    retryable = True

    def __init__(self, provider: str, message: str) -> None:
        super().__init__(message)
        self.provider = provider


class Denied(DropError):
    """Not theirs to do: a top-level GraphQL error, or a 401 or 403 problem."""

    code = "FORBIDDEN"


class Unauthenticated(Denied):
    code = "UNAUTHENTICATED"

    def __init__(self, message: str = "Sign in first.") -> None:
        super().__init__(message)


class StepUpRequired(Denied):
    code = "STEP_UP_REQUIRED"

    def __init__(self) -> None:
        super().__init__("Confirm with BankID that it is you: open /auth/bankid/login?step_up=true, then ask again.")


class Forbidden(Denied):
    code = "FORBIDDEN"


class BadSignature(DropError):
    code = "BAD_SIGNATURE"


class BadWebhook(DropError):
    code = "BAD_WEBHOOK"


class Unavailable(DropError):
    """A vendor did not answer, or nothing was sent. `provider` is the port's name."""

    code = "PROVIDER_UNAVAILABLE"

    def __init__(self, provider: str, message: str = "temporarily unavailable") -> None:
        super().__init__(f"{provider}: {message}")
        self.provider = provider


class CannotTell(DropError):
    """The vendor does not know things by our reference: its answer was lost for good."""


class InDoubt(DropError):
    """The request was sent and no answer came: what the vendor did is not known."""

    code = "IN_DOUBT"


class StaleVersion(DropError):
    """Somebody else wrote first. Load again, ask the domain again, at most a few times."""

    code = "CONFLICT"
