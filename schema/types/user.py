from datetime import date, datetime
from typing import Annotated, Final, Self

import strawberry
from strawberry import UNSET, Info

import schema.types.enums  # noqa: F401  # registers the domain's enums
from domain import bank_account, ids, payment, session, user
from domain.account_deletion import KeepingLaw, KeptRecords, RetainedData
from domain.contact_code import ContactKind
from domain.page import Key, Keyset
from domain.relation import Relation
from domain.session import SessionClient
from domain.text import Text
from domain.transaction_search import TransactionSearch
from schema.texts import sentence
from schema.types.absent import given
from schema.types.bank import BankAccount, BankLink, BankLinkConnection, BankTransaction
from schema.types.card import Card
from schema.types.context import HasLoaders, HasLocale
from schema.types.cost import PAGED, at_most
from schema.types.errors import UserError
from schema.types.file import DataExport, Upload
from schema.types.kyc import Kyc
from schema.types.node import Node
from schema.types.paging import After, Before, Connection, Cursors, First, Last, PageArguments, by_id
from schema.types.payee import MOST_PAYEES, Payee
from schema.types.payment import Payment
from schema.types.payment_filter import PaymentFilter, PaymentList, PaymentOrderBy
from schema.types.plan import PlanSubscription
from schema.types.profile import Address, NotificationPreferences, PendingContact
from schema.types.transaction_filter import TransactionFilter
from schema.types.vendor_migration import VendorMove
from schema.types.view import SAYS, Paged, View, found, paged, related, shown
from schema.types.warning import MutationWarning


def _by_date(line: bank_account.Transaction) -> Key:
    return (line.booking_date, line.id)


def _by_execution(found: payment.Payment) -> Key:
    assert found.scheduled_for is not None
    return (found.scheduled_for, found.id)


@strawberry.type(description="A place where the user is signed in.")
class Session(View[session.Session], Node):
    client: SessionClient = shown("client", description="Whether a browser or an app signed in.")
    user_agent: str | None = shown("user_agent", description="As the client named itself at sign-in.")
    created_at: datetime = shown("created_at", description="When the user signed in.")
    last_seen_at: datetime = shown("last_seen_at", description="When a person last used it, to five minutes at most.")
    expires_at: datetime = shown(
        "expires_at",
        description="When it ends by itself. What a person does moves it on, up to the longest that a sign-in may "
        "last; pings, pushes and subscriptions that are resumed do not.",
    )
    ended_at: datetime | None = shown("ended_at", description="Set once it has ended.")

    @strawberry.field(description="Whether this request was made with it.")
    def is_current(self, info: Info[HasLoaders, None]) -> bool:
        return self.shows.id == info.context.session_id


# How cursors of payments name the list where nothing is filtered, newest first: statuses, rails, order.
_UNFILTERED: Final = ("", "", PaymentOrderBy.NEWEST_FIRST.name)


@strawberry.type(description="The person who is signed in.")
class User(View[user.User], Node):
    name: str = shown("name", description="As BankID knows it.")
    email: str | None = shown("email", description="The address for messages; null where none is known.")
    phone: str | None = shown("phone", description="E.164, for security notices.")
    chosen_locale: str | None = shown(
        "chosen_locale", description="The language that the user has chosen; null where none."
    )
    address: Address | None = shown("address", description="Where the user lives.")
    notification_preferences: NotificationPreferences = shown(
        "preferences", description="What the user wants to hear of."
    )
    created_at: datetime = shown("created_at", description="When the user first signed in.")

    kyc: Kyc = related(Relation.KYC, "id", description="The verification of the user's identity.")
    bank_accounts: Connection[BankAccount] = paged(
        Relation.OWN_ACCOUNTS, "bankAccounts", is_own=True, description="The user's accounts over all banks."
    )
    uploads: Connection[Upload] = paged(
        Relation.OWN_UPLOADS, "uploads", is_own=True, description="The user's files, newest first."
    )
    cards: Connection[Card] = paged(
        Relation.OWN_CARDS, "cards", is_own=True, description="Cards that Drop has issued, newest first."
    )
    data_exports: Connection[DataExport] = paged(
        Relation.OWN_EXPORTS,
        "dataExports",
        is_own=True,
        description="Exports of all that Drop keeps about the user, newest first.",
    )
    sessions: Connection[Session] = paged(
        Relation.OWN_SESSIONS, "sessions", is_own=True, description="Where the user is signed in, newest first."
    )

    @strawberry.field(description="A new address that waits for its code; null where none does.")
    def pending_email(self) -> PendingContact | None:
        return self._pending(ContactKind.EMAIL)

    @strawberry.field(description="A new number that waits for its code; null where none does.")
    def pending_phone(self) -> PendingContact | None:
        return self._pending(ContactKind.PHONE)

    def _pending(self, kind: ContactKind) -> PendingContact | None:
        pending = self.shows.pending.get(kind)
        return PendingContact.of(pending) if pending else None

    @strawberry.field(
        description="The language of all texts, as a BCP 47 tag: the chosen one, else what the request accepts."
    )
    def locale(self, info: Info[HasLocale, None]) -> str:
        return self.shows.chosen_locale or info.context.accepted_locale

    @strawberry.field(
        directives=[PAGED],
        metadata={SAYS: Paged(Relation.OWN_BANK_LINKS, "bankLinks", is_own=True)},
        description="The user's ties to banks, oldest first.",
    )
    async def bank_links(
        self,
        info: Info[HasLoaders, None],
        first: First = UNSET,
        after: After = UNSET,
        last: Last = UNSET,
        before: Before = UNSET,
    ) -> BankLinkConnection:
        page = await Cursors("bankLinks", self.shows.id).connection(
            PageArguments(first, after, last, before), info.context.pages.bank_links, by_id, BankLink.of
        )
        return BankLinkConnection(edges=page.edges, page_info=page.page_info)

    @strawberry.field(
        directives=[PAGED],
        metadata={SAYS: Paged(Relation.OWN_PAYMENTS, "payments", is_own=True, order=_UNFILTERED)},
        description="The user's payments over all banks and cards.",
    )
    async def payments(
        self,
        info: Info[HasLoaders, None],
        filter: Annotated[
            PaymentFilter | None, strawberry.argument(description="Which payments; all where it is left out.")
        ] = UNSET,
        order_by: Annotated[
            PaymentOrderBy, strawberry.argument(description="In which order they come.")
        ] = PaymentOrderBy.NEWEST_FIRST,
        first: First = UNSET,
        after: After = UNSET,
        last: Last = UNSET,
        before: Before = UNSET,
    ) -> Connection[Payment]:
        found = PaymentList(given(filter), order_by)

        async def read(keyset: Keyset) -> list[payment.Payment]:
            return await info.context.pages.payments(found.page(keyset))

        key = (date.fromisoformat, str) if found.is_by_execution else (str,)
        cursors = Cursors("payments", self.shows.id, *found.named, key=key)
        key_of = _by_execution if found.is_by_execution else by_id
        return await cursors.connection(PageArguments(first, after, last, before), read, key_of, Payment.of)

    @strawberry.field(
        directives=[PAGED],
        description="Lines of the statements of all the user's accounts, as last read, newest first.",
    )
    async def transactions(
        self,
        info: Info[HasLoaders, None],
        filter: Annotated[
            TransactionFilter | None, strawberry.argument(description="Which lines; all where it is left out.")
        ] = UNSET,
        first: First = UNSET,
        after: After = UNSET,
        last: Last = UNSET,
        before: Before = UNSET,
    ) -> Connection[BankTransaction]:
        search = filter.search() if filter else TransactionSearch()

        async def read(keyset: Keyset) -> list[bank_account.Transaction]:
            return await info.context.pages.transactions(search, keyset)

        cursors = Cursors("ownTransactions", self.shows.id, repr(search), key=(date.fromisoformat, str))
        return await cursors.connection(PageArguments(first, after, last, before), read, _by_date, BankTransaction.of)

    @strawberry.field(
        directives=[at_most(MOST_PAYEES)],
        description="Whom the user has paid from an account, the last paid first: of the newest 300 payments that were "
        "carried out or will be.",
    )
    async def payees(self, info: Info[HasLoaders, None]) -> list[Payee]:
        return [Payee.of(payee) for payee in await info.context.pages.payees(MOST_PAYEES)]

    payment: Payment | None = found(
        Relation.PAYMENT, ids.PAYMENT, description="One of the user's payments; null where it is not the user's."
    )
    bank_account: BankAccount | None = found(
        Relation.ACCOUNT, ids.ACCOUNT, description="One of the user's accounts; null where it is not the user's."
    )
    bank_link: BankLink | None = found(
        Relation.BANK_LINK,
        ids.BANK_LINK,
        description="One of the user's ties to banks; null where it is not the user's.",
    )
    upload: Upload | None = found(
        Relation.UPLOAD, ids.UPLOAD, description="One of the user's files; null where it is not the user's."
    )
    plan: PlanSubscription | None = related(
        Relation.PLAN, "id", description="The plan that the user subscribes to; null where there is none."
    )

    @strawberry.field(
        directives=[at_most(100)],
        name="vendorMoves",
        description="Moves to another vendor that ask for consent, or have been done; 100 at most.",
    )
    async def vendor_migrations(self, info: Info[HasLoaders, None]) -> list[VendorMove]:
        return [VendorMove.of(migration) for migration in await info.context.pages.vendor_migrations()]


@strawberry.input(description="Which sign-in to end.")
class EndSessionInput:
    id: strawberry.ID = strawberry.field(description="The id of one of `viewer.sessions`.")


@strawberry.type(description="What `endSession` gives back to the client.")
class EndSessionPayload:
    session: Session | None = strawberry.field(description="The sign-in that has ended.", default=None)
    user_errors: list[UserError] = strawberry.field(
        directives=[at_most(20)], description="Why it was refused; empty where it was not.", default_factory=list
    )


@strawberry.type(description="What `endAllSessions` gives back to the client.")
class EndAllSessionsPayload:
    count: int = strawberry.field(description="How many sign-ins have ended, this one included.")
    user_errors: list[UserError] = strawberry.field(
        directives=[at_most(20)], description="Why it was refused; empty where it was not.", default_factory=list
    )


@strawberry.type(description="What `updateProfile` gives back to the client.")
class UpdateProfilePayload:
    user: User | None = strawberry.field(description="The user as they stand after the change.", default=None)
    address_candidates: list[Address] = strawberry.field(
        directives=[at_most(10)],
        description="Where the address is ambiguous or found in part: send one's text. Nothing was changed then.",
        default_factory=list,
    )
    warnings: list[MutationWarning] = strawberry.field(
        directives=[at_most(10)], description="What the user may want to know.", default_factory=list
    )
    user_errors: list[UserError] = strawberry.field(
        directives=[at_most(20)], description="Why it was refused; empty where it was not.", default_factory=list
    )


@strawberry.type(description="What `confirmContact` gives back to the client.")
class ConfirmContactPayload:
    user: User | None = strawberry.field(description="The user with the new e-mail or phone.", default=None)
    user_errors: list[UserError] = strawberry.field(
        directives=[at_most(20)], description="Why it was refused; empty where it was not.", default_factory=list
    )


@strawberry.type(description="What `setNotificationPreferences` gives back to the client.")
class SetNotificationPreferencesPayload:
    user: User | None = strawberry.field(description="The user as they stand after the change.", default=None)
    user_errors: list[UserError] = strawberry.field(
        directives=[at_most(20)], description="Why it was refused; empty where it was not.", default_factory=list
    )


@strawberry.input(description="Whether the user means it.")
class DeleteAccountInput:
    confirm: bool = strawberry.field(description="Must be true, since it cannot be taken back.")


@strawberry.type(description="What the law makes Drop keep.")
class KeptRecord:
    records: KeptRecords = strawberry.field(description="Which records these are, for programs.")
    until: datetime = strawberry.field(description="Then they are removed, too.")
    law: strawberry.Private[KeepingLaw]

    @strawberry.field(description="Which records the law makes Drop keep, for people.")
    def what(self, info: Info[HasLocale, None]) -> str:
        return sentence(Text("kept", self.records), info.context.locale)

    @strawberry.field(description="The act and section that want them kept, for people.")
    def because(self, info: Info[HasLocale, None]) -> str:
        return sentence(Text("law", self.law), info.context.locale)

    @classmethod
    def of(cls, kept: RetainedData) -> Self:
        return cls(records=kept.records, until=kept.until, law=kept.law)


@strawberry.type(description="What `deleteAccount` gives back to the client.")
class DeleteAccountPayload:
    deleted_at: datetime | None = strawberry.field(description="Set once it is done; every sign-in has ended.")
    kept: list[KeptRecord] = strawberry.field(
        directives=[at_most(20)], description="What stays, and why.", default_factory=list
    )
    user_errors: list[UserError] = strawberry.field(
        directives=[at_most(20)], description="Why it was refused; empty where it was not.", default_factory=list
    )
