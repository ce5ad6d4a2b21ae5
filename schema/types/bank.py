from collections.abc import Sequence
from datetime import date, datetime
from typing import Annotated, Self

import strawberry
from strawberry import UNSET, Info

import schema.types.enums  # noqa: F401  # registers the domain's enums
from domain import bank_account, consent
from domain.bank_account import BalanceType, TransactionStatus
from domain.consent import BankLinkEnd, BankLinkStatus, Scope
from domain.ids import AccountId, BankId, BankLinkId
from domain.page import Key, Keyset
from schema.types.authorisation import Authorisation, opened
from schema.types.consent_text import ConsentText
from schema.types.context import HasLoaders
from schema.types.cost import PAGED, at_most
from schema.types.errors import UserError
from schema.types.money import Money
from schema.types.node import VERSION, Node
from schema.types.paging import After, Before, Connection, Cursors, First, Last, PageArguments
from schema.types.scalars import CurrencyCode
from schema.types.warning import MutationWarning


@strawberry.type(description="A bank that Drop reaches.")
class Bank(Node):
    name: str = strawberry.field(description="As its customers know it.")
    bic: str = strawberry.field(description="The bank's international code by ISO 9362, empty if it is not known.")
    country: str = strawberry.field(description="The country's code by ISO 3166-1 alpha-2.")
    part_of_id: strawberry.Private[str | None]

    @strawberry.field(description="The bank that this one is now part of; connecting it connects that one.")
    async def part_of(self, info: Info[HasLoaders, None]) -> Annotated["Bank", strawberry.lazy(__name__)] | None:
        if self.part_of_id is None:
            return None
        whole = await info.context.loaders.bank.load(BankId(self.part_of_id))
        return Bank.of(whole) if whole else None

    @classmethod
    def of(cls, bank: bank_account.Bank) -> Self:
        return cls(
            id=strawberry.ID(bank.id), name=bank.name, bic=bank.bic, country=bank.country, part_of_id=bank.part_of
        )


@strawberry.type(description="What an account holds.")
class Balance:
    type: BalanceType = strawberry.field(description="What the balance counts: booked or available money.")
    amount: Money = strawberry.field(description="Negative where the account is overdrawn.")
    as_of: datetime = strawberry.field(description="The bank's own time of this balance.")


@strawberry.type(description="A line of an account's statement.")
class BankTransaction(Node):
    status: TransactionStatus = strawberry.field(description="Whether it is final.")
    amount: Money = strawberry.field(description="Negative where money left the account.")
    booking_date: date = strawberry.field(description="The bank's local date.")
    counterparty_name: str | None = strawberry.field(description="Who was paid or who paid.")
    message: str | None = strawberry.field(description="Free text of the payment.")
    kid: str | None = strawberry.field(description="The Norwegian payment reference.")

    @classmethod
    def of(cls, transaction: bank_account.Transaction) -> Self:
        return cls(
            id=strawberry.ID(transaction.id),
            status=transaction.status,
            amount=Money.of(transaction.amount),
            booking_date=transaction.booking_date,
            counterparty_name=transaction.counterparty_name,
            message=transaction.message,
            kid=transaction.kid,
        )


def _by_date(transaction: bank_account.Transaction) -> Key:
    return (transaction.booking_date, transaction.id)


@strawberry.type(description="One of the user's accounts at a bank.")
class BankAccount(Node):
    iban: str = strawberry.field(description="The international account number by ISO 13616.")
    bban: str | None = strawberry.field(description="The Norwegian 11-digit number.")
    masked_number: str = strawberry.field(description="The last four digits, for lists.")
    name: str = strawberry.field(description="As the bank or the user named it.")
    owner_name: str = strawberry.field(description="Whose account it is, by the bank.")
    currency: CurrencyCode = strawberry.field(description="The currency that it is kept in.")
    available: bool = strawberry.field(description="Whether an active consent covers it.")
    balance_refreshed_at: datetime | None = strawberry.field(description="When the bank was last asked.")
    unreadable_items: int = strawberry.field(
        description="How many balances and transactions of the last reading could not be read and are not shown."
    )
    whole_statement: bool = strawberry.field(
        description="Whether the last reading of `transactions` came to its end; else older ones may be missing."
    )
    version: int = strawberry.field(description=VERSION)
    bank_id: strawberry.Private[str]
    bank_link_id: strawberry.Private[str]
    balances_then: strawberry.Private[Sequence[bank_account.Balance] | None]

    @strawberry.field(description="The bank that keeps the account.")
    async def bank(self, info: Info[HasLoaders, None]) -> Bank | None:
        bank = await info.context.loaders.bank.load(BankId(self.bank_id))
        return Bank.of(bank) if bank else None

    @strawberry.field(directives=[at_most(10)], description="Booked and available, as last read.")
    async def balances(self, info: Info[HasLoaders, None]) -> list[Balance]:
        found = self.balances_then
        if found is None:
            found = await info.context.loaders.balances.load(AccountId(self.id))
        return [Balance(type=balance.type, amount=Money.of(balance.amount), as_of=balance.as_of) for balance in found]

    @strawberry.field(directives=[PAGED], description="As last read, newest first.")
    async def transactions(
        self,
        info: Info[HasLoaders, None],
        first: First = UNSET,
        after: After = UNSET,
        last: Last = UNSET,
        before: Before = UNSET,
    ) -> Connection[BankTransaction]:
        async def read(keyset: Keyset) -> list[bank_account.Transaction]:
            return await info.context.loaders.transactions.load((AccountId(self.id), keyset))

        cursors = Cursors("transactions", self.id, key=(date.fromisoformat, str))
        asked = PageArguments(first, after, last, before)
        return await cursors.connection(asked, read, _by_date, BankTransaction.of)

    @strawberry.field(description="The bank link by which it is read.")
    async def bank_link(self, info: Info[HasLoaders, None]) -> Annotated["BankLink", strawberry.lazy(__name__)] | None:
        bank_link = await info.context.loaders.bank_link.load(BankLinkId(self.bank_link_id))
        return BankLink.of(bank_link) if bank_link else None

    @classmethod
    def of(cls, account: bank_account.BankAccount) -> Self:
        return cls(
            id=strawberry.ID(account.id),
            iban=account.number.iban,
            bban=account.number.bban,
            masked_number=account.number.masked,
            name=account.name,
            owner_name=account.owner_name,
            currency=CurrencyCode(account.currency),
            available=account.is_available,
            balance_refreshed_at=account.balance_refreshed_at,
            unreadable_items=account.unreadable_items,
            whole_statement=account.has_whole_statement,
            version=account.version,
            bank_id=account.bank_id,
            bank_link_id=account.bank_link_id,
            balances_then=account.balances,
        )


@strawberry.type(description="One reading of a bank link at its bank.")
class AccountRead:
    at: datetime = strawberry.field(description="When the bank was asked.")
    attended: bool = strawberry.field(description="Whether the user was there; such readings are not limited.")


@strawberry.type(description="The user's tie to one bank; it outlives its consents.")
class BankLink(Node):
    status: BankLinkStatus = strawberry.field(description="Whether Drop may read now.")
    scopes: list[Scope] = strawberry.field(description="What the consent covers.")
    expires_at: datetime | None = strawberry.field(description="When the consent runs out, 180 days at most.")
    ended_because: BankLinkEnd | None = strawberry.field(description="Why it is no longer ACTIVE.")
    unreadable_accounts: int = strawberry.field(
        description="How many accounts the bank listed in a form that Drop cannot read, such as loans."
    )
    version: int = strawberry.field(description=VERSION)
    bank_id: strawberry.Private[str]

    @strawberry.field(description="The bank that the user has connected.")
    async def bank(self, info: Info[HasLoaders, None]) -> Bank | None:
        bank = await info.context.loaders.bank.load(BankId(self.bank_id))
        return Bank.of(bank) if bank else None

    @strawberry.field(
        directives=[at_most(10)], description="The newest ten readings, newest first. Not covered by `version`."
    )
    async def last_reads(self, info: Info[HasLoaders, None]) -> list[AccountRead]:
        reads = await info.context.loaders.reads.load(BankLinkId(self.id))
        return [AccountRead(at=read.at, attended=read.is_attended) for read in reads.last]

    @strawberry.field(
        description="How often Drop may still read today without the user, of four. Not covered by `version`."
    )
    async def unattended_reads_left_today(self, info: Info[HasLoaders, None]) -> int:
        return (await info.context.loaders.reads.load(BankLinkId(self.id))).unattended_left

    @strawberry.field(
        description="The text that its active consent was asked for with; null without one, or where it is older than "
        "the first text. Until it is renewed, Drop does not read such an account by itself to find payments. "
        "Not covered by `version`."
    )
    async def consent_text(self, info: Info[HasLoaders, None]) -> ConsentText | None:
        version = await info.context.loaders.consent_text_version.load(BankLinkId(self.id))
        return ConsentText(version=version) if version else None

    @strawberry.field(
        description="How the user gives the newest consent in the bank's own app, as shown now; null where none is "
        "awaited there. A page is shown once, by `connectBank` or `renewConsent`. Not covered by `version`."
    )
    async def authorisation(self, info: Info[HasLoaders, None]) -> Authorisation | None:
        return opened(info, await info.context.loaders.consent_authorisation.load(BankLinkId(self.id)))

    @strawberry.field(
        directives=[at_most(100)], description="The accounts that were read by it, oldest first, 100 at most."
    )
    async def accounts(self, info: Info[HasLoaders, None]) -> list[BankAccount]:
        return [
            BankAccount.of(account)
            for account in await info.context.loaders.bank_link_accounts.load(BankLinkId(self.id))
        ]

    @classmethod
    def of(cls, bank_link: consent.BankLink) -> Self:
        return cls(
            id=strawberry.ID(bank_link.id),
            status=bank_link.status,
            scopes=list(Scope),
            expires_at=bank_link.expires_at,
            ended_because=bank_link.ended_because,
            unreadable_accounts=bank_link.unreadable_accounts,
            version=bank_link.version,
            bank_id=bank_link.bank_id,
        )


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
