"""The line to a vendor: counts what is sent, and does one harm where a test says so."""

import httpx

_NOT_VENDORS = ("/clock", "/ledger")


class Line:
    """Whole until `harm`: then the nth call from now fails, before it is sent or after it was answered."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        self.requests = 0
        self._before: BaseException | None = None
        self._after: BaseException | None = None
        self._calls_left = 0
        self._is_down = False
        http.event_hooks["request"].append(self._on_request)
        http.event_hooks["response"].append(self._on_response)

    def harm(self, *, at: int, before: BaseException | None = None, after: BaseException | None = None) -> None:
        self._before, self._after, self._calls_left = before, after, at

    def mend(self) -> None:
        self._is_down = False
        self.harm(at=0)

    def cut_after_request(self) -> None:
        """The next call is carried out, and its answer lost."""
        self.harm(at=1, after=httpx.ReadTimeout("the answer was lost"))

    def cut(self) -> None:
        """Nothing gets through any more."""
        self._is_down = True

    async def _on_request(self, request: httpx.Request) -> None:
        if request.url.path in _NOT_VENDORS:
            return
        self.requests += 1
        self._calls_left -= 1
        if self._is_down:
            raise httpx.ConnectError("nobody listens")
        if self._calls_left == 0 and self._before is not None:
            raise self._before

    async def _on_response(self, response: httpx.Response) -> None:
        if response.request.url.path in _NOT_VENDORS:
            return
        if self._calls_left == 0 and self._after is not None:
            self._calls_left -= 1
            raise self._after
