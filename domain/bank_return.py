"""The way back from a bank's page, which counts for the user alone who went there."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from domain.device import Device
from domain.errors import Forbidden, InvalidState
from domain.ids import ConsentId, PaymentId, UserId
from domain.redirect import with_query
from domain.way_back import WayBack

# What a browser brought back is kept so long for its user to sign in, or for the user's app to ask for it.
KEPT_FOR: Final = timedelta(minutes=10)
# A bank's page is open for minutes. What comes back later was approved by its user long ago.
COUNTS_FOR: Final = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Redirects:
    """The bank sends the browser to our `callback_uri`, and from there it goes to the client's `return_to`.

    `in_app` where an app asks with its token: it has no cookie by which the way back could show its user.
    """

    callback_uri: str
    return_to: str
    device: Device
    in_app: bool = False


@dataclass(frozen=True, slots=True)
class BankVisit:
    """A user's visit to a bank's page, which its `state` finds. `subject_id` is what is approved there.

    `names` are the query parameters that tell the client which object of its own it was. `in_app` where an app began
    it with its token. `is_open` while a return can still give a consent.
    """

    user_id: UserId
    subject_id: ConsentId | PaymentId
    return_to: str
    names: tuple[tuple[str, str], ...]
    in_app: bool
    is_open: bool = True


@dataclass(frozen=True, slots=True)
class FinishedVisit:
    """A visit whose user is back. `told` is what the client learns of it, `target` where the browser goes next."""

    visit: BankVisit
    outcome: WayBack

    @property
    def told(self) -> dict[str, str]:
        """The client's own object, and how the visit ended."""
        return {**dict(self.visit.names), "outcome": self.outcome}

    @property
    def target(self) -> str:
        """The address to return to, with what is told."""
        return with_query(self.visit.return_to, **self.told)


class ReturnOfAnotherUser(Forbidden):
    """The user who came back from the bank is not the user who began the visit."""

    text_key = "RETURN_OF_ANOTHER_USER"

    def __init__(self) -> None:
        super().__init__("Another user began this at the bank. Nothing was connected or paid. Start again in the app.")


class CardReturnOfAnotherUser(Forbidden):
    """The user who came back from the page of a card's bank is not the user who pays."""

    text_key = "CARD_RETURN_OF_ANOTHER_USER"

    def __init__(self) -> None:
        super().__init__("Another user began this payment. Sign in as that user to see what became of it.")


class ReturnOver(InvalidState):
    """What the browser brought back was kept for ten minutes, and its user has not come for it."""

    def __init__(self, *, field: tuple[str, ...] = ()) -> None:
        super().__init__("This way back from the bank has run out. Start again.", field=field, text="RETURN_OVER")
