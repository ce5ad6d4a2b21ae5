"""Every error that the product raises on purpose, as one tree.

DropError
├── Refusal                  the user can change something: `userErrors`, or a 4xx problem
│   ├── InvalidInput         a value breaks a rule
│   ├── Refusals             several faults of one input at once
│   ├── NotFound             unknown, or another user's
│   ├── InvalidState         asked for at the wrong moment
│   ├── KycRequired          only approved users transact
│   ├── ConsentRequired      no active consent covers the account
│   ├── ReadLimitReached     the day's unattended reads are used up
│   ├── FeatureDisabled      its flag is off
│   ├── AddressRequired      a card needs an address that is known
│   ├── IdempotencyKeyReused same key, other input
│   ├── PossibleDuplicate    a like payment is in doubt
│   ├── PaymentInDoubt       its outcome is not known yet
│   ├── ProviderUnavailable  a vendor is away and the user may try again
│   └── StaleVersion         other transactions wrote first, again and again
├── Denied                   the viewer may not do this
│   ├── Unauthenticated
│   ├── StepUpRequired
│   └── Forbidden
├── BadSignature             a webhook that its vendor did not sign
├── BadWebhook               a signed webhook that cannot be read
├── Unavailable              a vendor did not answer, and nothing was done there
│   ├── NotThere             it does not have the object that was asked about
│   └── VendorRefusesUs      it turns us down: operators must mend it
├── DatabaseAway             our own database cannot do it just now
├── DeadlineExceeded         an operation took longer than it may
├── RateLimited              asked for more often than anybody may
├── CannotTell               a vendor has no answer to this question at all
└── InDoubt                  the request was sent, and no answer came
"""

from collections.abc import Mapping, Sequence
from math import ceil

from domain.error_code import ErrorCode
from domain.text import Text, Value


class DropError(Exception):
    """Root of the tree. `code` is stable and for machines, the message is for developers, in English.

    `text` is what a person reads of it in their own language: by the code, or by `text_key` where the code says too
    little. `is_vendor_trouble` where a vendor is away: the work that met it is tried again, however often it takes.
    """

    code: str = ErrorCode.INTERNAL
    is_vendor_trouble: bool = False
    text_key: str | None = None
    values: Mapping[str, Value] = {}

    @property
    def message(self) -> str:
        return str(self)

    @property
    def text(self) -> Text:
        return Text("error", self.text_key or self.code, self.values)


class Refusal(DropError):
    """The user can change something. `field` is the input path, outermost first.

    `text` is the key of a text that says more to a person than the code's own, `values` is what that text names.
    """

    code: str = ErrorCode.BAD_USER_INPUT
    retryable: bool = False

    def __init__(
        self,
        message: str,
        *,
        field: tuple[str, ...] = (),
        text: str | None = None,
        values: Mapping[str, Value] | None = None,
    ) -> None:
        super().__init__(message)
        self.field = field
        self.text_key = text
        self.values = values or {}


class InvalidInput(Refusal):
    """A value breaks a rule. `code` names the rule."""

    def __init__(
        self,
        code: str,
        message: str,
        *,
        field: tuple[str, ...],
        text: str | None = None,
        values: Mapping[str, Value] | None = None,
    ) -> None:
        super().__init__(message, field=field, text=text, values=values)
        self.code = code


class Refusals(Refusal):
    """All faults of one input, so that a client shows them together."""

    def __init__(self, refusals: Sequence[Refusal]) -> None:
        super().__init__("; ".join(refusal.message for refusal in refusals))
        self.refusals = tuple(refusals)


class NotFound(Refusal):
    """No such object of this user. Another user's object gives the same error, so that ids tell nothing."""

    code = ErrorCode.NOT_FOUND


class InvalidState(Refusal):
    """The object's status does not allow what was asked for."""

    code = "INVALID_STATE"


class KycRequired(Refusal):
    """Only users whose identity is approved may pay or hold a card."""

    code = "KYC_REQUIRED"

    def __init__(self) -> None:
        super().__init__("Your identity must be approved first. Start with startKyc.")


class ConsentRequired(Refusal):
    """No active consent covers the account or bank that was asked about."""

    code = "CONSENT_REQUIRED"


class ReadLimitReached(Refusal):
    """PSD2's four unattended reads of this Oslo day are used up."""

    code = "READ_LIMIT_REACHED"


class FeatureDisabled(Refusal):
    """The flag of the feature is off. `feature` is the flag's name."""

    code = "FEATURE_DISABLED"

    def __init__(self, feature: str) -> None:
        super().__init__(f"{feature} is switched off. `features` tells what is on.")


class AddressRequired(Refusal):
    """A card is posted to an address that a geocoder found, and the user has none."""

    code = "ADDRESS_REQUIRED"

    def __init__(self) -> None:
        super().__init__("A card needs an address that was found on the map: set it with updateProfile.")


class IdempotencyKeyReused(Refusal):
    """The idempotency key came before, with other business fields."""

    code = "IDEMPOTENCY_KEY_REUSED"

    def __init__(self) -> None:
        super().__init__(
            "This idempotencyKey was used with other input. Use a new key for a new payment.",
            field=("input", "idempotencyKey"),
        )


class PossibleDuplicate(Refusal):
    """The outcome of a payment of the same amount to the same payee is not known. `payment_id` is that payment's."""

    code = "POSSIBLE_DUPLICATE"

    def __init__(self, payment_id: str) -> None:
        super().__init__(
            f"Payment {payment_id} has the same payee and amount and its outcome is not known yet. "
            "To pay again all the same, send its id as acceptDuplicateOf.",
            field=("input", "acceptDuplicateOf"),
        )
        self.payment_id = payment_id


class PaymentInDoubt(Refusal):
    """The payment's outcome is not known yet, so it cannot be cancelled now."""

    code = "IN_DOUBT"
    retryable = True

    def __init__(self) -> None:
        super().__init__("The bank has not told us yet what became of this payment, so it cannot be cancelled now.")


class ProviderUnavailable(Refusal):
    """A vendor is away; nothing was done, and the user may try again. `provider` is the port's name."""

    code = ErrorCode.PROVIDER_UNAVAILABLE
    retryable = True
    is_vendor_trouble = True

    def __init__(self, provider: str, message: str, *, text: str | None = None) -> None:
        super().__init__(message, text=text)
        self.provider = provider


class Denied(DropError):
    """The viewer may not do this: a top-level GraphQL error, or a 401 or 403 problem."""

    code = ErrorCode.FORBIDDEN


class Unauthenticated(Denied):
    """The request has no session, or its session has ended."""

    code = ErrorCode.UNAUTHENTICATED

    def __init__(self, message: str = "Sign in first.") -> None:
        super().__init__(message)


class StepUpRequired(Denied):
    """The last BankID login is too long ago for what was asked."""

    code = ErrorCode.STEP_UP_REQUIRED

    def __init__(self) -> None:
        super().__init__("Confirm with BankID that it is you: open /auth/bankid/login?step_up=true, then ask again.")


class Forbidden(Denied):
    """The viewer is known and may not do this."""

    code = ErrorCode.FORBIDDEN


class BadSignature(DropError):
    """The vendor did not sign this webhook: nothing of it is stored."""

    code = "BAD_SIGNATURE"


class BadWebhook(DropError):
    """The vendor signed this webhook, but it cannot be read."""

    code = "BAD_WEBHOOK"


class Unavailable(DropError):
    """A vendor did not answer, or nothing was sent. `provider` is the port's name."""

    code = ErrorCode.PROVIDER_UNAVAILABLE
    is_vendor_trouble = True

    def __init__(self, provider: str, message: str = "temporarily unavailable") -> None:
        super().__init__(f"{provider}: {message}")
        self.provider = provider


class NotThere(Unavailable):
    """The vendor does not have the object of the id that we gave: to ask again gives the same answer.

    What became of it is not known by that: whoever asks decides what it means, and is Unavailable where it does not.
    """


class VendorRefusesUs(Unavailable):
    """The vendor turns us down, not the user: credentials, permissions, or a fault in what we send."""


class DatabaseAway(DropError):
    """Our own database is away, full, read-only or busy for too long. The same may be asked for again a little later.

    Nothing that was asked for is half done. Where the answer to a commit was lost, it may be done as a whole.
    """

    code = ErrorCode.UNAVAILABLE
    is_vendor_trouble = True

    def __init__(self) -> None:
        super().__init__("The service is unavailable just now. Send the same again in a few seconds.")


class DeadlineExceeded(DropError):
    """An operation took longer than it may. `goes_on` where the work of a mutation goes on all the same."""

    code = ErrorCode.DEADLINE_EXCEEDED

    def __init__(self, *, goes_on: bool) -> None:
        message = "The operation took longer than it may. "
        super().__init__(
            f"{message}What it has begun goes on: read its object, or send the same again with its idempotencyKey."
            if goes_on
            else f"{message}Ask again, or for less at once."
        )
        self.text_key = "WORK_GOES_ON" if goes_on else None


class RateLimited(DropError):
    """Asked for more often than anybody may, and not done. `retry_after_s` are whole seconds to wait, one at least."""

    code = ErrorCode.RATE_LIMITED

    def __init__(self, wait_s: float) -> None:
        self.retry_after_s = max(ceil(wait_s), 1)
        super().__init__(f"Too often. Ask again in {self.retry_after_s} s.")


class CannotTell(DropError):
    """The vendor cannot look up an object by our reference, so asking it again gives no answer either."""


class InDoubt(DropError):
    """The request was sent and no answer came: what the vendor did is not known."""

    code = "IN_DOUBT"
    is_vendor_trouble = True


class StaleVersion(Refusal):
    """Another transaction changed the row first. Load it again and apply the change again, for a few seconds."""

    code = "CONFLICT"
    retryable = True

    def __init__(self) -> None:
        super().__init__("Something else changed this at the same moment. Try again.")
