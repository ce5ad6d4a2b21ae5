"""The product played from outside, as a client would: each step with its time."""

import asyncio
import hashlib
import json
import re
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from secrets import token_hex
from typing import Annotated, Any, Final
from urllib.parse import urljoin

import httpx
import typer
from rich.console import Console
from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Subprotocol

from gateway.commands.terminal import LOCAL, OUT, Token, Url, fail

_WITHIN_S: Final = 30
_START_KYC: Final = "mutation { startKyc { accessToken { url } userErrors { code message } } }"
_RETRY_KYC: Final = "mutation { retryKyc { accessToken { url } userErrors { code message } } }"
_KYC: Final = "subscription { kycUpdated { cursor kind kyc { status retryRequired } } }"
_CONNECT: Final = """mutation($bank: ID!) { connectBank(input: {bankId: $bank, returnTo: "/sandbox/"}) {
  authorisationUrl userErrors { code message } } }"""
_ACCOUNTS: Final = """{ viewer { name bankAccounts { edges { node {
  id name maskedNumber bankLink { id } balances { type amount { formatted(locale: "en") } } } } } } }"""
_REFRESH: Final = """mutation($link: ID!) { refreshBalances(input: {bankLinkId: $link}) {
  userErrors { code message } } }"""
_PAY: Final = """mutation($input: InitiatePaymentInput!) { initiatePayment(input: $input) {
  payment { id status authorisationUrl } warnings { code message } userErrors { code message field } } }"""
_PAYMENT: Final = """subscription($id: ID!) { paymentUpdated(id: $id) { cursor kind payment {
  status failure { message } history { edges { node { status cause } } } } } }"""
_CARD_PAYMENT: Final = """mutation($input: CreateCardPaymentInput!) { createCardPayment(input: $input) {
  payment { id status } userErrors { code message } } }"""
_CONFIRM: Final = """mutation($input: ConfirmCardPaymentInput!) { confirmCardPayment(input: $input) {
  payment { status authorisationUrl failure { code } } userErrors { code message } } }"""
_REFUND: Final = """mutation($input: RefundPaymentInput!) { refundPayment(input: $input) {
  payment { refundStatus refundedAmount { formatted(locale: "en") } } userErrors { code message } } }"""
_SUBSCRIBE: Final = """mutation($input: CreatePlanSubscriptionInput!) { createPlanSubscription(input: $input) {
  planSubscription { status invoices { edges { node { number } } } } userErrors { code message } } }"""
_CANCEL_PLAN: Final = """mutation { cancelPlanSubscription(input: {atPeriodEnd: false}) {
  planSubscription { status } userErrors { code message } } }"""
_PROFILE: Final = """mutation { updateProfile(input: {address: "Karl Johans gate 1"}) {
  user { address { formatted } } userErrors { code message } } }"""
_UPLOAD: Final = """mutation($input: CreateUploadInput!) { createUpload(input: $input) {
  upload { id } target { method url headers { name value } } userErrors { code message } } }"""
_COMPLETE: Final = """mutation($id: ID!) { completeUpload(input: {id: $id}) {
  upload { status downloadUrl } userErrors { code message } } }"""
_FEATURES: Final = "{ features { name enabled } }"
_CARDHOLDER: Final = "mutation { createCardholder { cardholder { name } userErrors { code message } } }"
_ISSUE: Final = """mutation($key: String!) { issueCard(input: {type: VIRTUAL, idempotencyKey: $key}) {
  card { status last4 } userErrors { code message } } }"""
_EXPORT: Final = "mutation { requestDataExport { dataExport { id } userErrors { code message } } }"
_EVENTS: Final = """subscription { viewerEvents { kind
  dataExport { status } } }"""
_FILE: Final = b"%PDF-1.4\n% A receipt from the demo\n"
_DONE: Final = frozenset({"SETTLED", "REJECTED", "FAILED", "CANCELLED", "EXPIRED"})


class DemoFailed(Exception):
    """A step did not come to the expected end."""


class Client:
    """A browser's worth of client: cookies, redirects, GraphQL over HTTP and WebSocket."""

    def __init__(self, url: str, http: httpx.AsyncClient, operator_token: str | None) -> None:
        self._url = url
        self._http = http
        self._operator_token = operator_token

    async def sign_in(self, persona: str) -> None:
        response = await self._http.get(f"/auth/bankid/login?persona={persona}&return_to=/api/health/live")
        if response.status_code != 200:
            raise DemoFailed(f"The login ended with {response.status_code}.")

    async def ask(self, query: str, **variables: object) -> Any:
        response = await self._http.post("/graphql", json={"query": query, "variables": variables})
        body = response.json()
        if body.get("errors"):
            raise DemoFailed(body["errors"][0]["message"])
        for payload in body["data"].values():
            if isinstance(payload, dict) and payload.get("userErrors"):
                raise DemoFailed(payload["userErrors"][0]["message"])
        return body["data"]

    async def put(self, target: Any, body: bytes) -> None:
        """Send a presigned PUT as any HTTP client would: without the session."""
        headers = {header["name"]: header["value"] for header in target["headers"]}
        async with httpx.AsyncClient(timeout=_WITHIN_S) as http:
            response = await http.request(target["method"], target["url"], content=body, headers=headers)
        if response.is_error:
            raise DemoFailed(f"The object store answered {response.status_code}.")

    async def get(self, path: str) -> Any:
        response = await self._http.get(path)
        if response.is_error:
            raise DemoFailed(f"{path} answered {response.status_code}.")
        return response

    async def timeline(self, payment: str) -> Any:
        """What operators see of the payment, with their token where there is one."""
        headers = {"authorization": f"Bearer {self._operator_token}"} if self._operator_token else {}
        path = f"/api/operator/payments/{payment}/timeline"
        response = await self._http.get(path, headers=headers)
        if response.status_code == 401:
            raise DemoFailed("The gateway has an operators' token: give it with --token, or as OPERATOR_TOKEN.")
        response.raise_for_status()
        return response.json()["events"]

    async def press(self, page: str, button: str) -> None:
        """Fill in a vendor's form as it stands and press a button."""
        accounts = re.findall(r'name="account" value="(\w+)"', (await self._http.get(page)).text)
        response = await self._http.post(page, data={"account": accounts, "decision": button})
        if response.is_error:
            raise DemoFailed(f"The vendor's page ended with {response.status_code}.")

    @asynccontextmanager
    async def follow(self, query: str, **variables: object) -> AsyncIterator[AsyncIterator[Any]]:
        cookies = "; ".join(f"{name}={value}" for name, value in self._http.cookies.items())
        address = urljoin(self._url, "/graphql").replace("http", "ws", 1)
        async with connect(
            address,
            subprotocols=[Subprotocol("graphql-transport-ws")],
            additional_headers={"Cookie": cookies, "Origin": self._url},
        ) as socket:
            await socket.send('{"type":"connection_init"}')
            payload = {"query": query, "variables": variables}
            await socket.send(json.dumps({"id": "1", "type": "subscribe", "payload": payload}))
            yield _items(socket)


async def _items(socket: ClientConnection) -> AsyncIterator[Any]:
    async for message in socket:
        received = json.loads(message)
        if received["type"] == "next":
            yield next(iter(received["payload"]["data"].values()))
        elif received["type"] == "error":
            raise DemoFailed(received["payload"][0]["message"])


async def play(url: str, persona: str, operator_token: str | None, out: Console) -> None:
    """Sign in, pass KYC, connect DNB, pay by bank and card, subscribe, upload, export. Raises DemoFailed."""
    started = time.monotonic()

    def tell(step: str) -> None:
        out.print(f"{time.monotonic() - started:6.2f} s  {step}", highlight=False, markup=False, soft_wrap=True)

    headers = {"origin": url}
    try:
        async with httpx.AsyncClient(base_url=url, headers=headers, follow_redirects=True, timeout=_WITHIN_S) as http:
            await _play(Client(url, http, operator_token), persona, tell)
    except httpx.InvalidURL as error:
        raise DemoFailed(f"{url} is no address: {error}.") from error
    except httpx.TransportError as error:
        raise DemoFailed(f"No gateway answers at {url}. Start it with: make run") from error


async def _play(client: Client, persona: str, tell: Any) -> None:
    await client.sign_in(persona)
    viewer = (await client.ask("{ viewer { name kyc { status } } }"))["viewer"]
    tell(f"Signed in with BankID as {viewer['name']}")
    if viewer["kyc"]["status"] != "APPROVED":
        await _pass_kyc(client, tell)
    page = (await client.ask(_CONNECT, bank="bank_dnb"))["connectBank"]["authorisationUrl"]
    await client.press(page, "approve")
    tell("Connected DNB: the consent was given on the bank's page")
    account = await _account(client, tell)
    await _pay(client, account["id"], tell)
    await client.ask(_REFRESH, link=account["bankLink"]["id"])
    await _account(client, tell)
    await _pay_by_card(client, tell)
    await _subscribe(client, tell)
    await _upload(client, tell)
    await _issue_a_card(client, tell)
    await _export(client, tell)
    outbox = (await client.get("/sandbox/outbox")).text
    tell(f"{outbox.count('<article')} messages are in the outbox")


async def _pass_kyc(client: Client, tell: Any) -> None:
    async with client.follow(_KYC) as items:
        await client.press((await client.ask(_START_KYC))["startKyc"]["accessToken"]["url"], "")
        tell("Started KYC: the form was handed in on the vendor's page")
        async for item in items:
            if item["kyc"]["retryRequired"]:
                await client.press((await client.ask(_RETRY_KYC))["retryKyc"]["accessToken"]["url"], "")
                tell("KYC wants another document: submitted again")
            elif item["kyc"]["status"] in ("APPROVED", "REJECTED"):
                tell(f"KYC is {item['kyc']['status']}, pushed live")
                return


async def _pay_by_card(client: Client, tell: Any) -> None:
    order = {"amount": {"amountMinor": "10000", "currency": "NOK"}, "idempotencyKey": token_hex(16)}
    payment = (await client.ask(_CARD_PAYMENT, input=order))["createCardPayment"]["payment"]
    for method in ("pm_card_visa_chargeDeclined", "pm_card_threeDSecure2Required"):
        confirmation = {
            "id": payment["id"],
            "paymentMethod": method,
            "idempotencyKey": token_hex(16),
            "returnTo": "/api/health/live",
        }
        tried = (await client.ask(_CONFIRM, input=confirmation))["confirmCardPayment"]["payment"]
        if tried["failure"]:
            tell(f"A card was declined ({tried['failure']['code']}): the payment stays open for another")
    async with client.follow(_PAYMENT, id=payment["id"]) as items:
        await client.press(tried["authorisationUrl"], "approve")
        async for item in items:
            if item["payment"]["status"] in _DONE:
                tell(f"Another card passed 3-D Secure: the payment is {item['payment']['status']}, pushed live")
                break
    refund = {
        "id": payment["id"],
        "amount": {"amountMinor": "2500", "currency": "NOK"},
        "idempotencyKey": token_hex(16),
    }
    refunded = (await client.ask(_REFUND, input=refund))["refundPayment"]["payment"]
    tell(f"Gave {refunded['refundedAmount']['formatted']} back: the refund is {refunded['refundStatus']}")
    timeline = await client.timeline(payment["id"])
    tell(f"Its timeline has {len(timeline)} lines: gateway events show {payment['id']}")


async def _subscribe(client: Client, tell: Any) -> None:
    order = {"planId": "plan_plus", "paymentMethod": "pm_card_visa", "idempotencyKey": token_hex(16)}
    plan = (await client.ask(_SUBSCRIBE, input=order))["createPlanSubscription"]["planSubscription"]
    tell(f"Subscribed to Drop Plus: {plan['status']}, invoice {plan['invoices']['edges'][0]['node']['number']}")
    ended = (await client.ask(_CANCEL_PLAN))["cancelPlanSubscription"]["planSubscription"]
    tell(f"Ended the plan: {ended['status']}")


async def _upload(client: Client, tell: Any) -> None:
    declared = {
        "purpose": "RECEIPT",
        "fileName": "receipt.pdf",
        "contentType": "application/pdf",
        "sizeBytes": len(_FILE),
        "sha256": hashlib.sha256(_FILE).hexdigest(),
    }
    created = (await client.ask(_UPLOAD, input=declared))["createUpload"]
    await client.put(created["target"], _FILE)
    upload = (await client.ask(_COMPLETE, id=created["upload"]["id"]))["completeUpload"]["upload"]
    if (await client.get(upload["downloadUrl"])).content != _FILE:
        raise DemoFailed("The file that was downloaded is another.")
    tell(f"Uploaded a receipt and downloaded it again: {upload['status']}")


async def _issue_a_card(client: Client, tell: Any) -> None:
    profile = (await client.ask(_PROFILE))["updateProfile"]["user"]
    tell(f"The address on the map is {profile['address']['formatted']}")
    features = {feature["name"]: feature["enabled"] for feature in (await client.ask(_FEATURES))["features"]}
    if not (features["CARDHOLDERS"] and features["VIRTUAL_CARDS"]):
        tell("Cards are switched off, as by default")
        return
    await client.ask(_CARDHOLDER)
    card = (await client.ask(_ISSUE, key=token_hex(16)))["issueCard"]["card"]
    tell(f"Issued a card •••• {card['last4']}: {card['status']}")


async def _export(client: Client, tell: Any) -> None:
    async with client.follow(_EVENTS) as items:
        await client.ask(_EXPORT)
        async for item in items:
            if item["dataExport"] == {"status": "READY"}:
                tell("All that is kept about the user is ready as a ZIP, pushed live")
                return


async def _account(client: Client, tell: Any) -> Any:
    account = (await client.ask(_ACCOUNTS))["viewer"]["bankAccounts"]["edges"][0]["node"]
    available = next(
        balance["amount"]["formatted"] for balance in account["balances"] if balance["type"] == "AVAILABLE"
    )
    tell(f"{account['name']} {account['maskedNumber']} has {available} available")
    return account


async def _pay(client: Client, account_id: str, tell: Any) -> None:
    payment_input = {
        "debtorAccountId": account_id,
        "creditorName": "Ola Hansen",
        "creditorAccount": "3201 00 20009",
        "amount": {"amountMinor": "12500", "currency": "NOK"},
        "message": "Takk for kaffen",
        "idempotencyKey": token_hex(16),
    }
    payment = (await client.ask(_PAY, input=payment_input))["initiatePayment"]["payment"]
    tell(f"Asked to pay NOK 125.00: {payment['status']}")
    async with client.follow(_PAYMENT, id=payment["id"]) as items:
        await client.press(payment["authorisationUrl"], "approve")
        async for item in items:
            tell(f"The payment is {item['payment']['status']}, pushed live")
            if item["payment"]["status"] in _DONE:
                if item["payment"]["status"] != "SETTLED":
                    raise DemoFailed(str(item["payment"]["failure"]))
                return


def demo(
    url: Url = LOCAL,
    persona: Annotated[str, typer.Option(help="Who plays it.")] = "new",
    token: Token = None,
) -> None:
    """Play the whole product against a running gateway in mock mode, as a client would, and time each step."""
    try:
        asyncio.run(play(url.rstrip("/"), persona, token, OUT))
    except DemoFailed as error:
        fail(str(error))
