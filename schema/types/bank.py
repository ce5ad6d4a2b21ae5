from datetime import date, datetime
from typing import TYPE_CHECKING, Annotated

import strawberry
from strawberry import UNSET, Info

import schema.types.enums  # noqa: F401  # registers the domain's enums
from domain import bank_account, consent
from domain.bank_account import BalanceType, TransactionStatus
from domain.consent import BankLinkEnd, BankLinkStatus, Scope
from domain.relation import Relation
from schema.types.authorisation import Authorisation, opened
from schema.types.consent_text import ConsentText
from schema.types.context import HasLoaders
from schema.types.cost import at_most
from schema.types.errors import UserError
from schema.types.money import Money
from schema.types.node import VERSION, Node
from schema.types.paging import Connection
from schema.types.scalars import CurrencyCode
from schema.types.view import SAYS, Listed, Shown, View, listed, paged, related, shown
from schema.types.warning import MutationWarning

if TYPE_CHECKING:
    from schema.types.payment import Payment


@strawberry.type(description="A bank that Drop reaches.")
class Bank(View[bank_account.Bank], Node):
    name: str = shown("name", description="As its customers know it.")
    bic: str = shown("bic", description="The bank's international code by ISO 9362, empty if it is not known.")
    country: str = shown("country", description="The country's code by ISO 3166-1 alpha-2.")
    part_of: Annotated["Bank", strawberry.lazy(__name__)] | None = related(
        Relation.BANK, "part_of", description="The bank that this one is now part of; connecting it connects that one."
    )


@strawberry.type(description="What an account holds.")
class Balance(View[bank_account.Balance]):
    type: BalanceType = shown("type", description="What the balance counts: booked or available money.")
    amount: Money = shown("amount", description="Negative where the account is overdrawn.")
    as_of: datetime = shown("as_of", description="The bank's own time of this balance.")


@strawberry.type(description="A line of an account's statement.")
class BankTransaction(View[bank_account.Transaction], Node):
    status: TransactionStatus = shown("status", description="Whether it is final.")
    amount: Money = shown("amount", description="Negative where money left the account.")
    booking_date: date = shown("booking_date", description="The bank's local date.")
    value_date: date | None = shown(
        "value_date", description="From when it counts for interest; null where the bank does not tell."
    )
    counterparty_name: str | None = shown("counterparty_name", description="Who was paid or who paid.")
    message: str | None = shown("message", description="Free text of the payment.")
    kid: str | None = shown("kid", description="The Norwegian payment reference.")
    account: Annotated["BankAccount", strawberry.lazy(__name__)] | None = related(
        Relation.ACCOUNT, "account_id", description="The account on whose statement it stands."
    )

    payment: Annotated["Payment", strawberry.lazy("schema.types.payment")] | None = related(
        Relation.LINE_PAYMENT,
        "id",
        description="The viewer's payment that it shows: its debit, what came back, or what it brought to another "
        "account of theirs. Null for all else.",
    )


@strawberry.type(description="One of the user's accounts at a bank.")
class BankAccount(View[bank_account.BankAccount], Node):
    iban: str = shown("number.iban", description="The international account number by ISO 13616.")
    bban: str | None = shown("number.bban", description="The Norwegian 11-digit number.")
    masked_number: str = shown("number.masked", description="The last four digits, for lists.")
    name: str = shown("name", description="As the bank or the user named it.")
    owner_name: str = shown("owner_name", description="Whose account it is, by the bank.")
    currency: CurrencyCode = shown("currency", description="The currency that it is kept in.")
    available: bool = shown("is_available", description="Whether an active consent covers it.")
    balance_refreshed_at: datetime | None = shown("balance_refreshed_at", description="When the bank was last asked.")
    unreadable_items: int = shown(
        "unreadable_items",
        description="How many balances and transactions of the last reading could not be read and are not shown.",
    )
    whole_statement: bool = shown(
        "has_whole_statement",
        description="Whether the last reading of `transactions` came to its end; else older ones may be missing.",
    )
    version: int = shown("version", description=VERSION)
    bank: Bank | None = related(Relation.BANK, "bank_id", description="The bank that keeps the account.")
    balances: list[Balance] = listed(
        Relation.BALANCES, directive=at_most(10), description="Booked and available, as last read.", held="balances"
    )
    transactions: Connection[BankTransaction] = paged(
        Relation.TRANSACTIONS,
        "transactions",
        key=("booking_date", "id"),
        key_parts=(date.fromisoformat, str),
        description="As last read, newest first.",
    )
    bank_link: Annotated["BankLink", strawberry.lazy(__name__)] | None = related(
        Relation.BANK_LINK, "bank_link_id", description="The bank link by which it is read."
    )


@strawberry.type(description="One reading of a bank link at its bank.")
class AccountRead(View[consent.AccountRead]):
    at: datetime = shown("at", description="When the bank was asked.")
    attended: bool = shown("is_attended", description="Whether the user was there; such readings are not limited.")


@strawberry.type(description="The user's tie to one bank; it outlives its consents.")
class BankLink(View[consent.BankLink], Node):
    status: BankLinkStatus = shown("status", description="Whether Drop may read now.")
    expires_at: datetime | None = shown("expires_at", description="When the consent runs out, 180 days at most.")
    ended_because: BankLinkEnd | None = shown("ended_because", description="Why it is no longer ACTIVE.")
    unreadable_accounts: int = shown(
        "unreadable_accounts",
        description="How many accounts the bank listed in a form that Drop cannot read, such as loans.",
    )
    version: int = shown("version", description=VERSION)
    bank: Bank | None = related(Relation.BANK, "bank_id", description="The bank that the user has connected.")
    accounts: list[BankAccount] = listed(
        Relation.BANK_LINK_ACCOUNTS,
        directive=at_most(100),
        description="The accounts that were read by it, oldest first, 100 at most.",
    )

    @strawberry.field(description="What the consent covers.")
    def scopes(self) -> list[Scope]:
        return list(Scope)

    @strawberry.field(
        directives=[at_most(10)],
        metadata={SAYS: Listed(Relation.READS, None)},
        description="The newest ten readings, newest first. Not covered by `version`.",
    )
    async def last_reads(self, info: Info[HasLoaders, None]) -> list[AccountRead]:
        reads = await info.context.loaders.reads.load(self.shows.id)
        return [AccountRead.of(read) for read in reads.last]

    @strawberry.field(
        metadata={SAYS: Shown("unattended_reads_left")},
        description="How often Drop may still read today without the user, of four. Not covered by `version`.",
    )
    async def unattended_reads_left_today(self, info: Info[HasLoaders, None]) -> int:
        return (await info.context.loaders.reads.load(self.shows.id)).unattended_left

    @strawberry.field(
        description="The text that its active consent was asked for with; null without one, or where it is older than "
        "the first text. Until it is renewed, Drop does not read such an account by itself to find payments. "
        "Not covered by `version`."
    )
    async def consent_text(self, info: Info[HasLoaders, None]) -> ConsentText | None:
        version = await info.context.loaders.consent_text_version.load(self.shows.id)
        return ConsentText(version=version) if version else None

    @strawberry.field(
        description="How the user gives the newest consent in the bank's own app, as shown now; null where none is "
        "awaited there. A page is shown once, by `connectBank` or `renewConsent`. Not covered by `version`."
    )
    async def authorisation(self, info: Info[HasLoaders, None]) -> Authorisation | None:
        return opened(info, await info.context.loaders.consent_authorisation.load(self.shows.id))


@strawberry.type(description="A page of bank links, oldest first, and their number.")
class BankLinkConnection(Connection[BankLink]):
    @strawberry.field(description="How many bank links the user has: one for each bank at most.")
    async def total_count(self, info: Info[HasLoaders, None]) -> int:
        return await info.context.pages.count_bank_links()


_RETURN_TO = "Where the user goes afterwards: a path here, or an allowed address. The app's start where left out."


@strawberry.input(description="Which bank to connect.")
class ConnectBankInput:
    bank_id: strawberry.ID = strawberry.field(description="The id of one of `banks`.")
    return_to: str | None = strawberry.field(description=_RETURN_TO, default=UNSET)


@strawberry.input(description="Which bank link to renew.")
class RenewConsentInput:
    bank_link_id: strawberry.ID = strawberry.field(description="The id of one of `viewer.bankLinks`.")
    return_to: str | None = strawberry.field(description=_RETURN_TO, default=UNSET)


@strawberry.input(description="Which bank link to end.")
class DisconnectBankInput:
    bank_link_id: strawberry.ID = strawberry.field(description="The id of one of `viewer.bankLinks`.")


@strawberry.input(description="Which bank link to read.")
class RefreshBalancesInput:
    bank_link_id: strawberry.ID = strawberry.field(description="The id of one of `viewer.bankLinks`.")


@strawberry.type(description="What `connectBank` and `renewConsent` give.")
class ConnectBankPayload:
    bank_link: BankLink | None = strawberry.field(description="The bank link as it stands.", default=None)
    authorisation_url: str | None = strawberry.field(
        description="The bank's page: send the user there. The same as `authorisation { url }`.", default=None
    )
    authorisation: Authorisation | None = strawberry.field(
        description="How the user gives the consent; null where the bank wants no approval. A page is shown this once; "
        "what the bank's app shows is followed in `bankLink { authorisation }`.",
        default=None,
    )
    consent_text: ConsentText | None = strawberry.field(
        description="What the user consents to: show it before they go on to the bank. `bankConsentText` gives the "
        "same before anything is asked for.",
        default=None,
    )
    warnings: list[MutationWarning] = strawberry.field(
        directives=[at_most(10)], description="What the user may want to know before approving.", default_factory=list
    )
    user_errors: list[UserError] = strawberry.field(
        directives=[at_most(20)], description="Why it was refused; empty where it was not.", default_factory=list
    )


@strawberry.input(description="By which of the bank's methods the user gives a consent.")
class ChooseConsentApprovalMethodInput:
    bank_link_id: strawberry.ID = strawberry.field(description="The bank link whose `authorisation` is a CHOICE.")
    method_id: strawberry.ID = strawberry.field(description="The `id` of one of its `methods`.")


@strawberry.type(description="What `chooseConsentApprovalMethod` gives back to the client.")
class ChooseConsentApprovalMethodPayload:
    bank_link: BankLink | None = strawberry.field(description="The bank link as it stands.", default=None)
    authorisation: Authorisation | None = strawberry.field(
        description="How the user gives the consent now. A page is shown this once; null where the bank wants no "
        "approval, or was told just now and its answer is not known: the update comes over subscriptions.",
        default=None,
    )
    user_errors: list[UserError] = strawberry.field(
        directives=[at_most(20)], description="Why it was refused; empty where it was not.", default_factory=list
    )


@strawberry.type(description="What `disconnectBank` gives back to the client.")
class DisconnectBankPayload:
    bank_link: BankLink | None = strawberry.field(description="The bank link as it stands.", default=None)
    user_errors: list[UserError] = strawberry.field(
        directives=[at_most(20)], description="Why it was refused; empty where it was not.", default_factory=list
    )


@strawberry.type(description="What `refreshBalances` gives back to the client.")
class RefreshBalancesPayload:
    accounts: list[BankAccount] = strawberry.field(
        directives=[at_most(100)], description="The bank link's accounts as just read.", default_factory=list
    )
    user_errors: list[UserError] = strawberry.field(
        directives=[at_most(20)], description="Why it was refused; empty where it was not.", default_factory=list
    )
