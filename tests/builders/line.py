"""The line to a vendor: counts what is sent, and does one harm where a test says so."""

import asyncio

import httpx

_NOT_VENDORS = ("/clock", "/ledger")


class Line:
    """Whole until `harm`: then the nth call from now fails (`times` of them), before it is sent or after its answer."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        self.requests = 0
        self._before: BaseException | None = None
        self._after: BaseException | None = None
        self._calls_left = 0
        self._times = 0
        self._is_down = False
        self._silent_to: tuple[bytes, ...] = ()
        self._held_words: tuple[bytes, ...] = ()
        self._delayed_words: tuple[bytes, ...] = ()
        self._may_end = asyncio.Event()
        self.is_delaying = asyncio.Event()
        self.watch(http)

    def watch(self, http: httpx.AsyncClient) -> None:
        """Count and harm what this client sends, too."""
        http.event_hooks["request"].append(self._on_request)
        http.event_hooks["response"].append(self._on_response)

    def harm(
        self, *, at: int, before: BaseException | None = None, after: BaseException | None = None, times: int = 1
    ) -> None:
        self._before, self._after, self._calls_left, self._times = before, after, at, times

    def mend(self) -> None:
        self._is_down = False
        self._silent_to = ()
        self.harm(at=0)

    def cut_after_request(self) -> None:
        """The next call is carried out, and its answer lost."""
        self.harm(at=1, after=httpx.ReadTimeout("the answer was lost"))

    def cut(self) -> None:
        """Nothing gets through any more."""
        self._is_down = True

    def is_silent_to(self, *words: bytes) -> None:
        """Requests with one of these words in them are sent and not answered: one bank of several is away."""
        self._silent_to = words

    def holds(self, *words: bytes) -> None:
        """Requests with one of these words in them hang until `let_go`, and are not answered then either."""
        self._held_words = words
        self._may_end.clear()

    def delays(self, *words: bytes) -> None:
        """Requests with one of these words in them wait for `let_go`, and are then sent and answered."""
        self._delayed_words = words
        self._may_end.clear()

    def let_go(self) -> None:
        self._may_end.set()

    async def _on_request(self, request: httpx.Request) -> None:
        if request.url.path in _NOT_VENDORS:
            return
        self.requests += 1
        self._calls_left -= 1
        if self._is_down:
            raise httpx.ConnectError("nobody listens")
        said = b" ".join((str(request.url).encode(), *(value for _, value in request.headers.raw), request.content))
        if any(word in said for word in self._delayed_words):
            self.is_delaying.set()
            await self._may_end.wait()
        if any(word in said for word in self._held_words):
            await self._may_end.wait()
            raise httpx.ReadTimeout("no answer")
        if any(word in said for word in self._silent_to):
            raise httpx.ReadTimeout("no answer")
        if self._before is not None and -self._times < self._calls_left <= 0:
            raise self._before

    async def _on_response(self, response: httpx.Response) -> None:
        if response.request.url.path in _NOT_VENDORS:
            return
        if self._after is not None and -self._times < self._calls_left <= 0:
            raise self._after
