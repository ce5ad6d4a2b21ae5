"""What an operator proposes to say of a payment whose outcome is not known, for another one to approve."""

from dataclasses import dataclass
from datetime import datetime

from domain.errors import Forbidden, InvalidState
from domain.ids import PaymentId
from domain.operator import ANYONE, BOOTSTRAP
from domain.payment import Payment, Status


@dataclass(frozen=True, slots=True)
class Resolution:
    """A proposal about a payment as it was at `version`. `reason` says how the outcome is known."""

    payment_id: PaymentId
    outcome: Status
    reason: str
    version: int
    proposed_by: str
    proposed_at: datetime

    def require_approver(self, operator: str, outcome: Status) -> None:
        """Raises Forbidden for the proposer or one without a name, InvalidState where another outcome is proposed."""
        require_named(operator)
        if operator == self.proposed_by:
            raise Forbidden("You have proposed it. Another operator approves it.")
        if outcome is not self.outcome:
            raise InvalidState(f"{self.outcome} is proposed, not {outcome}.", field=("outcome",))

    def require_unchanged(self, payment: Payment) -> None:
        """Raises InvalidState where the payment has moved on since: the reason was about another state."""
        if payment.version != self.version:
            message = f"The payment has changed since, and is {payment.status}. Look at it, and propose again."
            raise InvalidState(message, field=("payment",))


def require_named(operator: str) -> None:
    """Raises Forbidden for a token that several may have: two acts by it may be one person's."""
    if operator in (BOOTSTRAP, ANYONE):
        raise Forbidden("Use a token with your name: gateway operators add NAME --role act.")
