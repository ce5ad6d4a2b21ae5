"""Better Stack Uptime: monitors, escalation and status page, looked up by name before they are made.

The vendor knows no idempotency keys, and all objects of a team share one list: the names of the objects that Drop made
begin with a mark, so that no other object is changed. Source: docs/vendors/betterstack.md.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NoReturn

import httpx
from pydantic import BaseModel, Field, SecretStr

from domain.errors import InDoubt, Unavailable
from domain.uptime import Change, ChangeKind, Contact, Monitor, Region, UptimePlan
from providers.calling.guard import Guard, Resilience
from providers.calling.vendor_http import Answer, VendorHttp, VendorRefusal
from providers.declaration import Tools, Vendor
from providers.setting_types import secret_of

BASE_URL: Final = "https://uptime.betterstack.com"
RESILIENCE: Final = Resilience(timeout_s=15, breaker_failures=5, breaker_open_s=30, retry_after_s=(1, 2, 4))
# Creations are missing: a repeated creation would make a second object.
RETRIED: Final = frozenset({"list", "update", "delete"})
_MONITORS: Final = "/api/v2/monitors"
_URGENCIES: Final = "/api/v2/urgencies"
_PAGES: Final = "/api/v2/status-pages"
# Policies are only in version 3 of the API.
_POLICIES: Final = "/api/v3/policies"
_MOST_PAGES: Final = 40
_REGIONS: Final = {Region.EUROPE: "eu", Region.US_EAST: "us"}
_UNPROCESSABLE: Final = 422


class BetterStackSettings(BaseModel):
    """The team's token."""

    betterstack_api_url: str = Field(default=BASE_URL, description="Better Stack Uptime's address.")
    betterstack_api_token: SecretStr | None = Field(
        default=None, description="Better Stack, API tokens > Uptime API tokens of the team."
    )


@dataclass(frozen=True, slots=True)
class _Found:
    """An object at the vendor."""

    id: str
    attributes: Mapping[str, Any]


@dataclass(slots=True)
class _Stand:
    """The objects that Drop made at the vendor, by name. `shown` are the status page's resources by monitor id."""

    urgencies: dict[str, _Found] = field(default_factory=dict)
    policies: dict[str, _Found] = field(default_factory=dict)
    monitors: dict[str, _Found] = field(default_factory=dict)
    page: _Found | None = None
    shown: dict[str, _Found] = field(default_factory=dict)


class BetterStack:
    """Sets up one environment at Better Stack. `environment` is part of the mark: a team may hold several of them."""

    def __init__(
        self, http: httpx.AsyncClient, guard: Guard, *, token: str, environment: str, base_url: str = BASE_URL
    ) -> None:
        self._http = VendorHttp.bearing(http, guard, base_url=base_url, token=token)
        self._base_url = base_url.rstrip("/")
        self._mark = f"[drop {environment}] "

    async def plan(self, wanted: UptimePlan) -> Sequence[Change]:
        stand = await self._stand(wanted.status_page)
        return self._changes(wanted, stand)

    async def apply(self, wanted: UptimePlan) -> Sequence[Change]:
        stand = await self._stand(wanted.status_page)
        changes = self._changes(wanted, stand)
        if not changes:
            return changes
        await self._put_urgencies(stand)
        policy = await self._put(_POLICIES, stand.policies.get(self._policy_name), self._policy(wanted, stand))
        monitors = {
            monitor.name: await self._put(
                _MONITORS, stand.monitors.get(self._mark + monitor.name), self._monitor(monitor, policy)
            )
            for monitor in wanted.monitors
        }
        await self._put_page(wanted, stand, monitors)
        for gone in self._gone(wanted, stand).values():
            await self._delete(f"{_MONITORS}/{gone.id}")
        return changes

    # What differs

    def _changes(self, wanted: UptimePlan, stand: _Stand) -> list[Change]:
        policy = stand.policies.get(self._policy_name)
        changes = self._policy_changes(wanted, stand, policy)
        for monitor in wanted.monitors:
            body = self._monitor(monitor, policy.id if policy else None)
            found = stand.monitors.get(self._mark + monitor.name)
            changes += _change(f"monitor {monitor.name}", monitor.summary, found, is_same=_is_same(body, found))
        is_same = _is_same(self._page(wanted), stand.page) and self._shows(stand, wanted)
        changes += _change(f"status page {wanted.status_page}", wanted.page_summary, stand.page, is_same=is_same)
        changes += [
            Change(ChangeKind.DELETE, f"monitor {name.removeprefix(self._mark)}", str(found.attributes["url"]))
            for name, found in self._gone(wanted, stand).items()
        ]
        return changes

    def _policy_changes(self, wanted: UptimePlan, stand: _Stand, policy: _Found | None) -> list[Change]:
        has_urgencies = all(
            _is_same(self._urgency(contact), stand.urgencies.get(self._urgency_name(contact))) for contact in Contact
        )
        is_same = has_urgencies and _is_same(self._policy(wanted, stand), policy)
        return _change("escalation policy", wanted.escalation_summary, policy, is_same=is_same)

    def _gone(self, wanted: UptimePlan, stand: _Stand) -> dict[str, _Found]:
        kept = {self._mark + monitor.name for monitor in wanted.monitors}
        return {name: found for name, found in stand.monitors.items() if name not in kept}

    def _shows(self, stand: _Stand, wanted: UptimePlan) -> bool:
        """Whether the page shows every wanted monitor under its name, and no other monitor that Drop made."""
        ours = {found.id: name.removeprefix(self._mark) for name, found in stand.monitors.items()}
        shown = {
            ours[monitor]: found.attributes.get("public_name")
            for monitor, found in stand.shown.items()
            if monitor in ours
        }
        return shown == {monitor.name: monitor.name for monitor in wanted.monitors}

    # What is wanted, as the vendor's objects

    @property
    def _policy_name(self) -> str:
        return f"{self._mark}escalation"

    def _urgency_name(self, contact: Contact) -> str:
        return self._mark + contact.value

    def _urgency(self, contact: Contact) -> dict[str, Any]:
        """The ways in which a step of the escalation notifies. Slack needs none: its integration notifies by itself."""
        return {
            "name": self._urgency_name(contact),
            "email": contact is Contact.EMAIL,
            "sms": contact is Contact.SMS,
            "call": False,
            "push": False,
        }

    def _policy(self, wanted: UptimePlan, stand: _Stand) -> dict[str, Any]:
        person = next(step.to for step in wanted.escalation if step.contact is Contact.EMAIL)
        steps, before = [], 0
        for step in wanted.escalation:
            urgency = stand.urgencies.get(self._urgency_name(step.contact))
            # An SMS goes to the phone number in the profile of the mail's recipient: the API takes no number.
            slack = {"type": "all_slack_integrations"}
            member = slack if step.contact is Contact.SLACK else {"type": "user", "email": person}
            after = int(step.after.total_seconds())
            steps.append(
                {
                    "type": "escalation",
                    "wait_before": after - before,
                    "urgency_id": int(urgency.id) if urgency else None,
                    "step_members": [member],
                }
            )
            before = after
        return {"name": self._policy_name, "repeat_count": 0, "repeat_delay": 0, "steps": steps}

    def _monitor(self, monitor: Monitor, policy: str | None) -> dict[str, Any]:
        is_keyword = monitor.keyword is not None
        watched = {"monitor_type": "keyword", "required_keyword": monitor.keyword}
        answered = {"monitor_type": "expected_status_code", "expected_status_codes": [200]}
        return {
            "pronounceable_name": self._mark + monitor.name,
            "url": monitor.url,
            **(watched if is_keyword else answered),
            "regions": [_REGIONS[monitor.region]],
            "check_frequency": 60,
            "request_timeout": 15,
            "confirmation_period": 0,
            "policy_id": policy,
        }

    def _page(self, wanted: UptimePlan) -> dict[str, Any]:
        return {
            "company_name": "Drop",
            "company_url": next(monitor.url for monitor in wanted.monitors if monitor.keyword is None),
            "subdomain": wanted.status_page,
            # One of Rails' names, which have no Oslo.
            "timezone": "Copenhagen",
            "published": True,
        }

    # Requests

    async def _stand(self, subdomain: str) -> _Stand:
        stand = _Stand(
            urgencies=self._ours(await self._list(_URGENCIES), "name"),
            policies=self._ours(await self._list(_POLICIES), "name"),
            monitors=self._ours(await self._list(_MONITORS), "pronounceable_name"),
        )
        for page in await self._list(_PAGES):
            if page.attributes.get("subdomain") == subdomain:
                stand.page = page
                resources = await self._list(f"{_PAGES}/{page.id}/resources")
                stand.shown = {str(resource.attributes["resource_id"]): resource for resource in resources}
        return stand

    def _ours(self, found: Sequence[_Found], name: str) -> dict[str, _Found]:
        return {
            str(item.attributes[name]): item
            for item in found
            if str(item.attributes.get(name, "")).startswith(self._mark)
        }

    async def _put_urgencies(self, stand: _Stand) -> None:
        for contact in Contact:
            name, body = self._urgency_name(contact), self._urgency(contact)
            reference = await self._put(_URGENCIES, stand.urgencies.get(name), body)
            stand.urgencies[name] = _Found(reference, body)

    async def _put_page(self, wanted: UptimePlan, stand: _Stand, monitors: Mapping[str, str]) -> None:
        page = await self._put(_PAGES, stand.page, self._page(wanted))
        path = f"{_PAGES}/{page}/resources"
        for position, (name, monitor) in enumerate(monitors.items()):
            body = {"resource_id": monitor, "resource_type": "Monitor", "public_name": name, "position": position}
            await self._put(path, stand.shown.get(monitor), body)
        for gone in self._gone(wanted, stand).values():
            if gone.id in stand.shown:
                await self._delete(f"{path}/{stand.shown[gone.id].id}")

    async def _list(self, path: str) -> list[_Found]:
        """The objects of all pages of a list."""
        found: list[_Found] = []
        next_page: str | None = f"{path}?per_page=50"
        for _ in range(_MOST_PAGES):
            if next_page is None:
                return found
            page, next_page = await self._send("list", "GET", next_page, self._page_of)
            found += page
        raise Unavailable("uptime", "there are more objects than we read")

    def _page_of(self, answer: Answer) -> tuple[list[_Found], str | None]:
        document = answer.document
        next_page = (document.get("pagination") or {}).get("next")
        if next_page is not None and not next_page.startswith(f"{self._base_url}/"):
            raise ValueError("the next page is elsewhere")
        return [_found(item) for item in document["data"]], next_page and next_page.removeprefix(self._base_url)

    async def _put(self, path: str, found: _Found | None, body: Mapping[str, Any]) -> str:
        """Create the object, or update it if it differs. Gives its id."""
        if found is None:
            made: str = await self._send(
                "create", "POST", path, lambda answer: _found(answer.document["data"]).id, body
            )
            return made
        if not _is_same(body, found):
            await self._send("update", "PATCH", f"{path}/{found.id}", lambda answer: None, body)
        return found.id

    async def _delete(self, path: str) -> None:
        await self._send("delete", "DELETE", path, lambda answer: None)

    async def _send(
        self, operation: str, method: str, path: str, read: Any, body: Mapping[str, Any] | None = None
    ) -> Any:
        content: Any = {} if body is None else {"json": body}
        try:
            return await self._http.command(operation, method, path, read, **content)
        except InDoubt as error:
            raise Unavailable("uptime", "no answer to a change: ask for the plan again to see what is there") from error
        except VendorRefusal as refusal:
            self._refuse(refusal)

    def _refuse(self, refusal: VendorRefusal) -> NoReturn:
        """Name the fields that the vendor does not accept: the operators' subscription may lack a feature."""
        errors = refusal.answer.get("errors")
        if refusal.status == _UNPROCESSABLE and isinstance(errors, Mapping):
            raise Unavailable("uptime", f"the vendor does not take {', '.join(sorted(errors))}") from refusal
        raise self._http.refused(refusal.status) from refusal


def _found(document: Mapping[str, Any]) -> _Found:
    return _Found(str(document["id"]), dict(document["attributes"]))


def _change(what: str, detail: str, found: _Found | None, *, is_same: bool) -> list[Change]:
    if is_same:
        return []
    return [Change(ChangeKind.CREATE if found is None else ChangeKind.UPDATE, what, detail)]


def _is_same(wanted: Any, found: Any) -> bool:
    """Whether `found` has all wanted values. Further fields are ignored, and ids are compared as text."""
    if isinstance(found, _Found):
        return _is_same(wanted, found.attributes)
    if isinstance(wanted, Mapping):
        if not isinstance(found, Mapping):
            return False
        # The vendor may name a person by id instead of mail address: a missing address is no difference.
        compared = {name: value for name, value in wanted.items() if name != "email" or name in found}
        return all(_is_same(value, found.get(name)) for name, value in compared.items())
    if isinstance(wanted, list):
        is_list = isinstance(found, list) and len(found) == len(wanted)
        return is_list and all(map(_is_same, wanted, found))
    return bool(wanted == found or (wanted is not None and str(wanted) == str(found)))


def _build(settings: BetterStackSettings, tools: Tools) -> BetterStack:
    return BetterStack(
        tools.internet(),
        tools.guard(RESILIENCE, RETRIED),
        token=secret_of(settings.betterstack_api_token),
        environment=tools.environment,
        base_url=settings.betterstack_api_url,
    )


VENDOR: Final = Vendor(
    "betterstack",
    BetterStackSettings,
    _build,
    needs=("betterstack_api_token",),
    chosen_by="betterstack_api_token",
)
