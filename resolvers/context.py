"""The context of one operation: the viewer, the client's device, the services and the loaders."""

from dataclasses import dataclass, field, replace
from typing import Any, Self

from domain.authorisation import Authorisation, SealedAuthorisation
from domain.bank_return import Redirects
from domain.device import Device
from domain.errors import Unauthenticated
from domain.ids import UserId
from domain.locale import DEFAULT
from domain.user import SignIn
from resolvers.loaders import PresignedDownloadUrls, SetLoaders, ViewerPages
from services.container import Services
from services.limits import LimitName


@dataclass(slots=True)
class Context:
    """`base_url` is this gateway as the client reached it; `default_return_to` is where users go by default.

    `client` is the network that requests are counted by where nobody is signed in, `accepted_locale` what the client
    asks for where its user has chosen none, `sees_schema` whether it may ask for the schema itself,
    `is_operator` whether it may send any document.
    """

    services: Services
    base_url: str
    device: Device
    client: str
    default_return_to: str
    accepted_locale: str = DEFAULT
    sign_in: SignIn | None = None
    sees_schema: bool = True
    is_operator: bool = False
    connection_params: dict[str, Any] = field(default_factory=dict)
    # Made when first used: many open subscriptions that only wait would fill the memory with loaders.
    _loaders: SetLoaders | None = field(init=False, default=None)

    def renew_loaders(self) -> None:
        """Drop the loaders: they remember what they loaded, and a new subscription event needs new values."""
        self._loaders = None

    @property
    def loaders(self) -> SetLoaders:
        if self._loaders is None:
            self._loaders = SetLoaders(self.services, self._user_id)
        return self._loaders

    @property
    def pages(self) -> ViewerPages:
        return ViewerPages(self.services, self.loaders, self._user_id)

    @property
    def download_urls(self) -> PresignedDownloadUrls:
        return PresignedDownloadUrls(self.services, self.base_url)

    def opened(self, stored: SealedAuthorisation) -> Authorisation:
        """What the user must see to approve. The caller has read what it belongs to for its user."""
        return self.services.authorisations.opened(stored)

    @property
    def _user_id(self) -> UserId | None:
        return self.sign_in.user_id if self.sign_in else None

    async def require_turn(self, *, moves_money: bool) -> None:
        """Count a mutation for its user, or its address where nobody is signed in. Raises RateLimited."""
        key = self._user_id or self.client
        await self.services.limits.require(LimitName.MUTATIONS, key)
        if moves_money:
            await self.services.limits.require(LimitName.MONEY_MUTATIONS, key)

    def for_operation(self) -> Self:
        """A context of its own for each operation on one socket."""
        return replace(self)

    async def require_session(self) -> None:
        """Before an operation: nothing here, where the sign-in was read with the request itself."""

    async def note_use(self) -> None:
        """A query or mutation is something that a person has caused."""
        if self.sign_in is not None:
            await self.services.sessions.note_use(self.sign_in)

    def viewer(self) -> SignIn:
        """The signed-in user. Raises Unauthenticated."""
        if self.sign_in is None:
            raise Unauthenticated
        return self.sign_in

    @property
    def locale(self) -> str:
        """The language of the answer: what the user has chosen comes before what the client asks for."""
        chosen = self.sign_in.chosen_locale if self.sign_in else None
        return chosen or self.accepted_locale

    @property
    def session_id(self) -> str | None:
        return self.sign_in.session_id if self.sign_in else None

    @property
    def bank_callback_uri(self) -> str:
        return f"{self.base_url}/api/openbanking/callback"

    def bank_redirects(self, return_to: str | None) -> Redirects:
        """The way to a bank's page and back for the viewer, by default to where users go by default."""
        in_app = not self.viewer().is_cookie
        return Redirects(self.bank_callback_uri, return_to or self.default_return_to, self.device, in_app)

    @property
    def card_callback_uri(self) -> str:
        return f"{self.base_url}/api/cards/callback"
