"""The BankID login, from the first redirect to a session."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import structlog

from db.field_encryption import FieldEncryption
from db.ids import new_id
from db.sealed import ID_TOKEN
from db.unit_of_work import Read, UnitOfWork, Work, retry_on_stale
from domain.clock import Clock
from domain.errors import DropError, InvalidInput, ProviderUnavailable, Unavailable
from domain.ids import SessionId, UserId
from domain.login import LoginAttempt
from domain.redirect import require_allowed, require_registered, with_query, without_query
from domain.session import CODE_LIFETIME, LOGIN_ATTEMPT_LIFETIME, STEP_UP_WITHIN, Lifetimes, SessionClient
from domain.user import SignIn
from providers.identity.port import AuthorizationRequest, Identity, IdentityProvider, LoginFailed
from services.notifications.compose import NotificationComposer
from services.tokens import code_challenge_of, hash_of, new_token
from services.users.new_session import new_session, tell_of_new_device
from services.users.people import People
from services.users.sessions import Sessions

_STEP_UP_S: Final = int(STEP_UP_WITHIN.total_seconds())
# What the identity provider answers where our request was wrong or its server is: the user cannot mend that.
_OUR_FAULT: Final = frozenset(
    {"invalid_request", "invalid_scope", "unauthorized_client", "unsupported_response_type", "server_error"}
)
_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class LoginStart:
    """A login as the browser or app asks for it. `app_code_challenge` (S256) and `app_state` come from a mobile app.

    `app_state` is a browser's, too: it comes back where a login fails.
    `step_up` asks the person again although they are signed in, as `sign_in` in a browser.
    """

    client: SessionClient
    return_to: str
    callback_uri: str
    login_hint: str | None = None
    app_state: str | None = None
    app_code_challenge: str | None = None
    step_up: bool = False
    sign_in: SignIn | None = None


@dataclass(frozen=True, slots=True)
class LoginRedirect:
    """The address at the identity provider, and the secret that binds the browser to the attempt.

    Each attempt has a secret of its own, which is made here: one that a browser already holds may be planted.
    """

    url: str
    attempt_id: str
    browser_secret: str


@dataclass(frozen=True, slots=True)
class LoginDone:
    """Where the browser goes next; `session_token` is the web cookie's value, None for mobile.

    `problem` says why nobody was signed in; `return_to` then carries `error` and `state` (RFC 6749, 4.1.2.1).
    """

    return_to: str
    session_token: str | None = None
    problem: DropError | None = None


class BankIdAway(ProviderUnavailable):
    """The login cannot begin now. `return_to` is where it would have ended, with `error` and `state`."""

    def __init__(self, attempt: LoginAttempt) -> None:
        super().__init__("identity", "BankID is temporarily unavailable. Try again soon.", text="BANKID_AWAY")
        self.return_to = _with_error(attempt, "temporarily_unavailable")


class LoginCompletedBefore(LoginFailed):
    """An app's login whose callback is opened again, after it has led back to `return_to` with the code."""

    def __init__(self, attempt: LoginAttempt) -> None:
        super().__init__("This sign-in was completed before. Go back to the app.", text="LOGIN_COMPLETED_BEFORE")
        self.return_to = attempt.return_to


class LoginOfAnotherBrowser(LoginFailed):
    """The login was begun in another browser. `attempt` is what it was begun with, to start it again here."""

    def __init__(self, attempt: LoginAttempt) -> None:
        super().__init__(
            "This login was started in another browser or too long ago. Start again here.",
            text="LOGIN_OF_ANOTHER_BROWSER",
        )
        self.attempt = attempt


class Login:
    """Sign-in and tokens. Sessions live on the machine's clock, so that a moved product clock signs nobody out."""

    def __init__(
        self,
        work: Work,
        read: Read,
        identity: IdentityProvider,
        people: People,
        encryption: FieldEncryption,
        notifications: NotificationComposer,
        *,
        sessions: Sessions,
        machine_clock: Clock,
        lifetimes: Lifetimes,
        return_origins: tuple[str, ...],
        app_redirects: tuple[str, ...],
    ) -> None:
        self._work = work
        self._read = read
        self._identity = identity
        self._people = people
        self._encryption = encryption
        self._machine_clock = machine_clock
        self._lifetimes = lifetimes
        self._return_origins = return_origins
        self._app_redirects = app_redirects
        self._sessions = sessions
        self._notifications = notifications

    async def start(self, start: LoginStart) -> LoginRedirect:
        """Begin a login.

        Raises InvalidInput for a return address that is not allowed or a missing challenge, BankIdAway.
        """
        return_to = self._return_to(start)
        if start.client is SessionClient.MOBILE and len(start.app_code_challenge or "") != 43:
            raise InvalidInput(
                "INVALID_CODE_CHALLENGE",
                "Send the S256 code_challenge of your code_verifier.",
                field=("code_challenge",),
            )
        state, nonce, code_verifier = new_token(), new_token(), new_token()
        max_age_s = _STEP_UP_S if start.step_up else None
        browser_secret = new_token()
        now = self._machine_clock.now()
        attempt = LoginAttempt(
            id=new_id("log", now),
            browser_hash=hash_of(browser_secret),
            nonce=nonce,
            code_verifier=code_verifier,
            redirect_uri=start.callback_uri,
            return_to=return_to,
            client=start.client,
            app_state=start.app_state,
            app_code_challenge=start.app_code_challenge,
            max_age_s=max_age_s,
            session_id=start.sign_in.session_id if start.step_up and start.sign_in else None,
            created_at=now,
            expires_at=now + LOGIN_ATTEMPT_LIFETIME,
        )
        async with self._work() as work:
            work.login_attempts.add(attempt, state_hash=hash_of(state))
            await work.commit()
        request = AuthorizationRequest(
            start.callback_uri,
            state,
            nonce,
            code_challenge_of(code_verifier),
            start.login_hint,
            max_age_s,
        )
        try:
            return LoginRedirect(await self._identity.authorization_url(request), attempt.id, browser_secret)
        except Unavailable as error:
            raise BankIdAway(attempt) from error

    def _return_to(self, start: LoginStart) -> str:
        if start.client is SessionClient.MOBILE:
            return require_registered(start.return_to, self._app_redirects)
        allowed = require_allowed(start.return_to, self._return_origins, field=("return_to",))
        # The page that a login failed on may begin the next one: how that one ended is not how this one will.
        return without_query(allowed, "error")

    async def finish(
        self,
        *,
        state: str,
        code: str | None,
        issuer: str | None,
        error: str | None,
        browser_secrets: Mapping[str, str],
        user_agent: str | None,
        sign_in: SignIn | None,
    ) -> LoginDone:
        """Take the callback; `error` and `issuer` are the vendor's, and `sign_in` whoever is signed in already.

        `browser_secrets` are those of the attempts that this browser has begun, by attempt. A sign-in that stood in
        this browser ends with the new one.

        A login that fails goes back to where it came from. Raises LoginFailed only where that cannot be trusted: the
        state is unknown, or was given to another browser (LoginOfAnotherBrowser), or an app has its code already
        (LoginCompletedBefore).
        """
        attempt = await self._attempt(state)
        if attempt.used_at is not None and attempt.client is SessionClient.WEB and sign_in is not None:
            return LoginDone(attempt.return_to)  # the back button after a sign-in
        if not secrets.compare_digest(hash_of(browser_secrets.get(attempt.id, "")), attempt.browser_hash):
            raise LoginOfAnotherBrowser(attempt)
        if attempt.used_at is not None and attempt.user_id is not None:
            raise LoginCompletedBefore(attempt)
        try:
            await self._use(attempt)
            return await self._complete(attempt, code, issuer, user_agent, sign_in)
        except BankIdAway as failure:
            return LoginDone(failure.return_to, problem=failure)
        except LoginFailed as failure:
            return LoginDone(_with_error(attempt, _error_code_of(error)), problem=failure)

    async def _complete(
        self,
        attempt: LoginAttempt,
        code: str | None,
        issuer: str | None,
        user_agent: str | None,
        sign_in: SignIn | None,
    ) -> LoginDone:
        if code is None:
            raise LoginFailed("The login was not completed. You can start again.")
        try:
            identity = await self._identity.exchange_code(
                code=code,
                code_verifier=attempt.code_verifier,
                redirect_uri=attempt.redirect_uri,
                nonce=attempt.nonce,
                max_age_s=attempt.max_age_s,
                issuer=issuer,
            )
        except Unavailable as error:
            raise BankIdAway(attempt) from error
        # Several tabs may sign the same new person in at once: all but the first then find the user.
        return await retry_on_stale(lambda: self._sign_in(attempt, identity, user_agent, sign_in))

    async def _sign_in(
        self, attempt: LoginAttempt, identity: Identity, user_agent: str | None, sign_in: SignIn | None
    ) -> LoginDone:
        async with self._work() as work:
            user_id, ended = await self._people.user_of(work, identity)
            if attempt.client is SessionClient.MOBILE:
                done = await self._give_code(work, attempt, user_id, identity)
                await work.commit()
                self._sessions.close(ended)
                return done
            if attempt.session_id is not None:
                await self._require_same(work, attempt.session_id, user_id)
            else:
                await tell_of_new_device(work, self._notifications, user_id, user_agent)
            # A session's name that somebody knew before the login is worth nothing after it.
            stood = attempt.session_id, sign_in.session_id if sign_in else None
            replaced = sorted({session_id for session_id in stood if session_id is not None})
            for session_id in replaced:
                await work.sessions.end(session_id, "signed in again", self._machine_clock.now())
            ended += [*replaced, *await self._sessions.make_room(work, user_id)]
            token = self._open_session(work, user_id, identity, user_agent)
            await work.commit()
        self._sessions.close(ended)
        return LoginDone(attempt.return_to, token)

    async def end_session_url(self, sign_in: SignIn, return_to: str) -> str | None:
        """The page that ends this session at BankID, None if BankID keeps no session or cannot be reached."""
        async with self._read() as read:
            secret = await read.sessions.id_token_encrypted(sign_in.user_id, sign_in.session_id)
        if secret is None:
            return None
        try:
            id_token = self._encryption.decrypt(secret, ID_TOKEN)
            return await self._identity.end_session_url(id_token=id_token, return_to=return_to)
        except Unavailable:
            _log.warning("bankid_session_left_open")  # Drop's own session has ended, so the sign-out has succeeded
            return None

    async def _attempt(self, state: str) -> LoginAttempt:
        async with self._read() as read:
            attempt = await read.login_attempts.by_state(hash_of(state))
        if attempt is None:
            raise LoginFailed("This login is unknown. Start again.", text="LOGIN_UNKNOWN")
        return attempt

    async def _use(self, attempt: LoginAttempt) -> None:
        now = self._machine_clock.now()
        async with self._work() as work:
            is_first = await work.login_attempts.use(attempt.id, now)
            await work.commit()
        if not is_first or now >= attempt.expires_at:
            raise LoginFailed("This login was used before or took too long. Start again.", text="LOGIN_TOOK_TOO_LONG")

    async def _require_same(self, work: UnitOfWork, session_id: SessionId, user_id: UserId) -> None:
        """Raises LoginFailed if another person logged in than the one whose sign-in is to be confirmed."""
        session = await work.sessions.get(user_id, session_id)
        if session is None or session.ended_at is not None:
            raise LoginFailed("Somebody else is signed in here, or nobody any more. Sign out, and sign in as yourself.")

    def _authenticated_at(self, identity: Identity) -> datetime:
        return identity.authenticated_at or self._machine_clock.now()

    async def _give_code(
        self, work: UnitOfWork, attempt: LoginAttempt, user_id: UserId, identity: Identity
    ) -> LoginDone:
        code = new_token()
        await work.login_attempts.save_code(
            attempt.id,
            code_hash=hash_of(code),
            expires_at=self._machine_clock.now() + CODE_LIFETIME,
            user_id=user_id,
            id_token_encrypted=self._encryption.encrypt(identity.id_token, ID_TOKEN),
            authenticated_at=self._authenticated_at(identity),
        )
        return LoginDone(with_query(attempt.return_to, code=code, **_state_of(attempt)))

    def _open_session(self, work: UnitOfWork, user_id: UserId, identity: Identity, user_agent: str | None) -> str:
        token = new_token()
        at = self._authenticated_at(identity)
        work.sessions.add(
            new_session(
                user_id, SessionClient.WEB, user_agent, self._machine_clock.now(), self._lifetimes, logged_in_at=at
            ),
            token_hash=hash_of(token),
            refresh_hash=None,
            id_token_encrypted=self._encryption.encrypt(identity.id_token, ID_TOKEN),
        )
        return token


def _error_code_of(error: str | None) -> str:
    if error in ("access_denied", "temporarily_unavailable"):
        return error
    return "server_error" if error in _OUR_FAULT else "access_denied"


def _with_error(attempt: LoginAttempt, error: str) -> str:
    return with_query(attempt.return_to, error=error, **_state_of(attempt))


def _state_of(attempt: LoginAttempt) -> dict[str, str]:
    return {"state": attempt.app_state} if attempt.app_state else {}
