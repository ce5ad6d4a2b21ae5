"""Users for tests: each is brought as far as was ordered, by the services that a client's requests call."""

import asyncio
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

import httpx
from starlette.applications import Starlette
from starlette.routing import Mount
from starlette.types import ASGIApp

from domain.bank_account import BankAccount
from domain.bank_return import Redirects
from domain.device import Device
from domain.errors import Forbidden, InvalidState, NotFound, Refusal, Unauthenticated
from domain.ids import PaymentId, UserId
from domain.kyc import KycStatus
from domain.page import Keyset, PaymentPage
from domain.payment import PaymentCause, Rail, Status
from domain.payment_order import PaymentInput
from domain.session import SessionClient
from domain.unstorable import is_unstorable
from domain.user import SignIn
from routes import auth, cards, mock_users, open_banking
from routes.mock_users import BankOrder, KycGoal, SeededUser, SeedOrder
from services.container import Services
from services.plans.plans import CardOrder, PlanOrder
from services.tokens import code_challenge_of, new_token
from services.users.app_tokens import Tokens
from services.users.login import LoginDone, LoginStart

# Several hundred at once would only wait for each other, with a session of the database each.
_AT_ONCE: Final = 8
_BACK: Final = "/"
# An app that is developed on this machine: mock mode has its address registered.
_APP: Final = "http://localhost/"
_DEVICE: Final = Device("127.0.0.1")
_ALL: Final = Keyset(None, None, 100)
_OPEN: Final = tuple(status for status in Status if not status.is_final)
_SEE_OTHER: Final = 303
_OFFERED: Final = re.compile(r'name="account" value="(\w+)"')
_VERDICTS: Final = {KycGoal.APPROVED: "approved", KycGoal.RETRY: "retry", KycGoal.REJECTED: "rejected"}


@dataclass(frozen=True, slots=True)
class _Person:
    """Somebody who is signed in, and the address that the gateway was called by."""

    sign_in: SignIn
    cookie: str
    tokens: Tokens
    base_url: str

    @property
    def id(self) -> UserId:
        return self.sign_in.user_id


class MockSeeder:
    """Plays users at the vendors' pages. `pages` are the sandbox's, `vendors` what the mock adapters call.

    `vendors` is None beside a real vendor, where nobody is made up.
    """

    def __init__(self, services: Services, pages: ASGIApp, vendors: httpx.AsyncClient | None) -> None:
        self._services = services
        self._vendors = vendors
        self._pages = httpx.AsyncClient(transport=httpx.ASGITransport(Starlette(routes=[Mount("/sandbox", pages)])))
        self._turns = asyncio.Semaphore(_AT_ONCE)

    async def seed(self, order: SeedOrder, base_url: str) -> Sequence[SeededUser]:
        """As `routes.mock_users.Seeder` says. Commits step by step: who was made before a refusal stays."""
        self._require_mocks()
        try:
            async with asyncio.TaskGroup() as group:
                users = [group.create_task(self._in_turn(order, base_url)) for _ in range(order.count)]
        except* Refusal as refusals:
            raise refusals.exceptions[0] from None
        return [user.result() for user in users]

    async def reset(self, user_id: UserId) -> None:
        """As `routes.mock_users.Seeder` says. Safe to repeat after an error."""
        self._require_mocks()
        if is_unstorable(user_id) or await self._services.profiles.get(user_id) is None:
            raise _no_user()
        psu = await self._services.accounts.psu(user_id, None)
        for payment in await self._services.payments.page(user_id, PaymentPage(_OPEN, _ALL)):
            if payment.rail is Rail.BANK and payment.vendor_payment_id is not None:
                await self._call(f"/bank/payments/{payment.vendor_payment_id}/end")
                await self._services.bank_status.refresh(user_id, payment.id, PaymentCause.VENDOR_READ)
        try:
            await self._services.account_deletion.delete(user_id, is_confirmed=True)
        except Unauthenticated as gone:
            raise _no_user() from gone
        await self._call("/bank/people/forgotten", {"psuId": psu.national_identity_number})

    async def close(self) -> None:
        await self._pages.aclose()

    def _require_mocks(self) -> None:
        if self._vendors is None:
            raise Forbidden("A provider is not a mock: nobody can be made up there.")

    async def _in_turn(self, order: SeedOrder, base_url: str) -> SeededUser:
        async with self._turns:
            return await self._seed(order, base_url)

    async def _seed(self, order: SeedOrder, base_url: str) -> SeededUser:
        person, persona = await self._sign_in(order.persona, base_url)
        await self._verify(person, order.kyc)
        psu = await self._services.accounts.psu(person.id, None)
        for bank in order.banks:
            await self._furnish(psu.national_identity_number, bank)
            await self._connect(person, bank)
        payments = await self._pay(person, order)
        plan = await self._subscribe(person, order) if order.plan else None
        user = await self._services.profiles.get(person.id)
        assert user is not None
        return SeededUser(
            person.id,
            persona,
            user.name,
            order.kyc,
            person.cookie,
            person.tokens.access_token,
            person.tokens.refresh_token,
            person.tokens.expires_in_s,
            [(account.id, account.bank_id) for account in await self._accounts(person)],
            payments,
            plan,
        )

    async def _sign_in(self, persona: str, base_url: str) -> tuple[_Person, str]:
        """In a browser, then in an app: somebody made up is the same person there."""
        web = LoginStart(SessionClient.WEB, _BACK, _callback(base_url), persona)
        cookie = (await self._log_in(web)).session_token or ""
        sign_in = await self._services.sessions.sign_in_of(cookie, is_cookie=True)
        assert sign_in is not None
        psu = await self._services.accounts.psu(sign_in.user_id, None)
        who = (await self._call("/bank/people/found", {"psuId": psu.national_identity_number}))["id"]
        verifier = new_token()
        start = LoginStart(
            SessionClient.MOBILE, _APP, _callback(base_url), who, app_code_challenge=code_challenge_of(verifier)
        )
        code = _query_of((await self._log_in(start)).return_to)["code"]
        tokens = await self._services.app_tokens.exchange_code(code, verifier, None)
        return _Person(sign_in, cookie, tokens, base_url), who

    async def _log_in(self, start: LoginStart) -> LoginDone:
        login = self._services.login
        redirect = await login.start(start)
        page = await self._pages.post(redirect.url, data={"who": start.login_hint or ""})
        if page.status_code != _SEE_OTHER:
            raise Refusal("There is no such persona: /sandbox/personas.json lists them.", field=("persona",))
        query = _query_of(page.headers["location"])
        done = await login.finish(
            state=query["state"],
            code=query["code"],
            issuer=query["iss"],
            error=None,
            browser_secrets={redirect.attempt_id: redirect.browser_secret},
            user_agent=None,
            sign_in=None,
        )
        if done.problem is not None:
            raise done.problem
        return done

    async def _verify(self, person: _Person, goal: KycGoal) -> None:
        if goal is KycGoal.NOT_STARTED:
            return
        kyc = (await self._services.kyc.of_users([person.id]))[0]
        if kyc.status is KycStatus.NOT_STARTED:
            kyc = (await self._services.kyc.start(person.id)).kyc
        if goal in _VERDICTS:
            page = f"{person.base_url}/sandbox/applicants/{kyc.applicant_id}"
            await self._pages.post(page, data={"verdict": _VERDICTS[goal]})
            await self._services.kyc.refresh(person.id)

    async def _furnish(self, identity_number: str | None, bank: BankOrder) -> None:
        lines = [line.model_dump(mode="json", by_alias=True) for line in bank.transactions]
        if lines or bank.balance_minor is not None:
            body = {"psuId": identity_number, "bank": bank.id, "balanceMinor": bank.balance_minor}
            await self._call("/bank/people/account", {**body, "transactions": lines})

    async def _connect(self, person: _Person, bank: BankOrder) -> None:
        page = await self._services.bank_links.connect(person.id, bank.id, self._redirects(person))
        if page.awaited is not None and page.awaited.url is not None:
            shown = await self._pages.get(page.awaited.url)
            await self._come_back(
                person, page.awaited.url, {"decision": "approve", "account": _OFFERED.findall(shown.text)}
            )

    async def _pay(self, person: _Person, order: SeedOrder) -> Sequence[tuple[str, str]]:
        made = [await self._pay_once(person, payment) for payment in order.payments]
        if any(payment.approved for payment in order.payments):
            for link in sorted({account.bank_link_id for account in await self._accounts(person)}):
                await self._services.accounts.refresh_bank_link(person.id, link, device=_DEVICE)
        found = {payment.id: payment.status for payment in await self._services.payments.by_ids(person.id, made)}
        return [(identifier, found[identifier]) for identifier in made]

    async def _pay_once(self, person: _Person, order: mock_users.PaymentOrder) -> PaymentId:
        account = await self._debtor(person, order.bank)
        given = PaymentInput(
            account.id,
            order.creditor_name,
            order.creditor_account,
            order.amount_minor,
            "NOK",
            new_token(),
            order.kid,
            order.message,
            order.execution_date,
        )
        payment = (await self._services.payments.initiate(person.id, given, self._redirects(person))).payment
        if order.approved and payment.status is Status.AUTHORISATION_REQUIRED:
            page = f"{person.base_url}/sandbox/bank/payments/{payment.vendor_payment_id}"
            await self._come_back(person, page, {"decision": "approve"})
            await self._call(f"/bank/payments/{payment.vendor_payment_id}/execution")
            await self._services.bank_status.refresh(person.id, payment.id, PaymentCause.VENDOR_READ)
        return payment.id

    async def _subscribe(self, person: _Person, order: SeedOrder) -> tuple[str, str]:
        assert order.plan is not None
        callback = f"{person.base_url}{cards.CALLBACK}"
        payment = CardOrder(order.plan.payment_method, new_token(), callback, _BACK)
        made = await self._services.plans.create(person.id, PlanOrder(order.plan.id, payment))
        return made.id, made.status

    async def _come_back(self, person: _Person, page: str, form: Mapping[str, object]) -> None:
        """Press a button on a bank's page, and follow to where it leads."""
        pressed = await self._pages.post(page, data=form)
        if pressed.status_code != _SEE_OTHER:
            raise InvalidState("The bank's page did not take the approval.")
        query = _query_of(pressed.headers["location"])
        if "state" in query:
            await self._services.bank_returns.arrived(query["state"], query, _DEVICE, person.sign_in)

    async def _accounts(self, person: _Person) -> Sequence[BankAccount]:
        return await self._services.accounts.page(person.id, _ALL)

    async def _debtor(self, person: _Person, bank: str | None) -> BankAccount:
        for account in await self._accounts(person):
            if bank in (None, account.bank_id):
                return account
        raise NotFound("The user has no account there: name the bank in `banks`, too.", field=("payments",))

    def _redirects(self, person: _Person) -> Redirects:
        return Redirects(f"{person.base_url}{open_banking.CALLBACK}", _BACK, _DEVICE)

    async def _call(self, path: str, body: Mapping[str, Any] | None = None) -> Mapping[str, Any]:
        assert self._vendors is not None
        answer = await self._vendors.post(path, json=body or {})
        told: Mapping[str, Any] = answer.json()
        if answer.is_error:
            raise Refusal(told["message"])
        return told


def _no_user() -> NotFound:
    return NotFound("There is no such user.", field=("user",))


def _callback(base_url: str) -> str:
    return f"{base_url}{auth.CALLBACK}"


def _query_of(url: str) -> Mapping[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
