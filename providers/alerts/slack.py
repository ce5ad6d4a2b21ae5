"""Alerts in a Slack channel, by an incoming webhook.

Source: https://api.slack.com/messaging/webhooks and https://api.slack.com/reference/block-kit/blocks.
"""

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

import httpx
import structlog
from pydantic import BaseModel, Field, SecretStr

from domain.alert import Alert
from domain.errors import Unavailable
from providers.calling.guard import Guard, Resilience, VendorTrouble
from providers.calling.loopback import is_safe
from providers.declaration import Tools, Vendor
from providers.setting_types import secret_of

SEND: Final = "send"
# One retry, even if only the answer was lost: an alert that is shown twice does no harm.
RESILIENCE: Final = Resilience(timeout_s=3, breaker_failures=5, breaker_open_s=30, retry_after_s=(1,))
RETRIED: Final = frozenset({SEND})

_ACCEPTED: Final = b"ok"
# Only a code such as no_service is logged: a longer answer, perhaps of a proxy, may hold anything.
_REASON: Final = re.compile(rb"[a-z_]{1,64}")
_ANSWER_BYTES: Final = 65
# A section takes 3,000 characters, and escaping turns one character into up to five.
_TITLE_LENGTH: Final = 100
_MESSAGE_LENGTH: Final = 400
_HEADER_LENGTH: Final = 150
_log = structlog.get_logger()


class SlackSettings(BaseModel):
    """The channel's address."""

    slack_webhook_url: SecretStr | None = Field(
        default=None, description="Slack, Incoming Webhooks: where alerts go. It is a secret; without it, the console."
    )


class SlackRefusal(Exception):
    """Slack does not accept an alert. `status` is the HTTP status, `reason` Slack's code such as no_service."""

    def __init__(self, status: int, reason: str) -> None:
        self.status = status
        self.reason = reason
        super().__init__(f"{status} {reason}")


class SlackAlerts:
    """Posts alerts to one channel. `url` is a credential, so it must not stand in a log or an error."""

    def __init__(self, http: httpx.AsyncClient, guard: Guard, *, url: str, environment: str) -> None:
        self._http = http
        self._guard = guard
        self._url = url
        self._environment = environment

    async def send(self, alert: Alert) -> None:
        payload = message(alert, self._environment)
        try:
            await self._guard.call(SEND, lambda: self._post(payload))
        except SlackRefusal as error:
            _log.error("alert_channel_refuses", status=error.status, reason=error.reason)
            raise Unavailable("alerts") from None

    async def _post(self, payload: dict[str, object]) -> None:
        async with self._http.stream("POST", self._url, json=payload) as response:
            answer = (await anext(response.aiter_bytes(_ANSWER_BYTES), b"")).strip()
            if response.status_code == httpx.codes.TOO_MANY_REQUESTS or response.is_server_error:
                raise VendorTrouble(str(response.status_code))
            if response.status_code != httpx.codes.OK or answer != _ACCEPTED:
                reason = answer.decode() if _REASON.fullmatch(answer) else "unknown"
                raise SlackRefusal(response.status_code, reason)


def message(alert: Alert, environment: str) -> dict[str, object]:
    """The payload of an alert: its text for notifications, and the same text as blocks, the first line as header."""
    short = replace(alert, title=_cut(alert.title, _TITLE_LENGTH), message=_cut(alert.message, _MESSAGE_LENGTH))
    text = short.text(environment)
    header, _, rest = text.partition("\n")
    return {
        "text": _escaped(text),
        "blocks": [
            {"type": "header", "text": {"type": "plain_text", "text": _cut(header, _HEADER_LENGTH)}},
            {"type": "section", "text": {"type": "mrkdwn", "text": _escaped(rest)}},
        ],
        "unfurl_links": False,
    }


def _cut(text: str, length: int) -> str:
    return text if len(text) <= length else f"{text[: length - 1]}…"


def _escaped(text: str) -> str:
    """The text with `&`, `<` and `>` escaped, or `<!channel>` in a message would notify the whole channel."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _build(settings: SlackSettings, tools: Tools) -> SlackAlerts:
    guard = tools.guard(RESILIENCE, RETRIED)
    url = secret_of(settings.slack_webhook_url)
    return SlackAlerts(tools.internet(), guard, url=url, environment=tools.environment)


def _problems(settings: SlackSettings) -> Sequence[str]:
    """Without the setting's value: the address is the credential."""
    if settings.slack_webhook_url is not None and not is_safe(settings.slack_webhook_url.get_secret_value()):
        return ["SLACK_WEBHOOK_URL must be an https address, as Slack shows it under Incoming Webhooks."]
    return []


VENDOR: Final = Vendor(
    "slack",
    SlackSettings,
    _build,
    needs=("slack_webhook_url",),
    chosen_by="slack_webhook_url",
    problems=_problems,
)
