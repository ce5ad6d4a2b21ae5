"""Spans as a collector receives them, and what is in none of them."""

import asyncio
from pathlib import Path

import httpx
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from sandbox.people import personas
from tests.builders.counterpart import answer, counterpart
from tests.builders.gateway import CONNECT, Player, a_payment, first_account, pay
from tests.builders.server import served


def texts(attribute: KeyValue) -> list[str]:
    return [value.string_value for value in attribute.value.array_value.values]


async def pushed(http: httpx.AsyncClient, subscription: str, status: str) -> None:
    """Wait until this status is pushed."""
    sent, accept = {"query": subscription}, {"accept": "text/event-stream"}
    async with http.stream("POST", "/graphql", json=sent, headers=accept, timeout=30) as events:
        async for line in events.aiter_lines():
            if f'"status":"{status}"' in line:
                return
    raise AssertionError(f"{status} was not pushed")


async def test_a_payment_is_followed_from_the_request_to_the_bank_and_says_nothing_of_anybody(tmp_path: Path) -> None:
    trace = "4bf92f3577b34da6a3ce929d0e0e4736"
    async with counterpart(answer(200, "", content_type="application/x-protobuf")) as collector:

        def start() -> None:
            with served(tmp_path, OTEL_EXPORTER_OTLP_ENDPOINT=collector.url) as url:
                asyncio.run(play(url))

        async def play(url: str) -> None:
            async with httpx.AsyncClient(base_url=url, headers={"origin": url}, timeout=60) as http:
                kari = await Player(http).sign_in("kari")
                await kari.ask("mutation { startKyc { kyc { status } } }")
                await pushed(http, "subscription { kycUpdated { kyc { status } } }", "APPROVED")
                page = (await kari.ask(CONNECT, bank="bank_dnb"))["connectBank"]["authorisationUrl"]
                await kari.press(page, "approve")
                account = await first_account(kari)
                secrets.extend([http.cookies["drop_session"], page.rpartition("/")[2]])
                http.headers["traceparent"] = f"00-{trace}-00f067aa0ba902b7-01"
                payment = (await pay(kari, a_payment(account)))["payment"]
                payments.append(payment["id"])
                del http.headers["traceparent"]
                await kari.press(payment["authorisationUrl"], "approve")
                settled = f'subscription {{ paymentUpdated(id: "{payment["id"]}") {{ payment {{ status }} }} }}'
                await pushed(http, settled, "SETTLED")

        secrets: list[str] = []
        payments: list[str] = []
        await asyncio.to_thread(start)
        bodies = [request.body for request in collector.requests]

    spans: list[Span] = []
    for body in bodies:
        for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
            spans += [span for scope in resource.scope_spans for span in scope.spans]
    mine = [span for span in spans if span.trace_id.hex() == trace]
    names = {span.name for span in mine}
    by_id = {span.span_id: span for span in mine}
    (call,) = [span for span in mine if span.name == "open_banking initiate"]
    above = [by_id[call.parent_span_id].name, by_id[by_id[call.parent_span_id].parent_span_id].name]
    assert above == ["mutation initiatePayment", "POST /graphql"]
    assert any(name.startswith("INSERT") for name in names), names
    request = by_id[by_id[call.parent_span_id].parent_span_id]
    for span in (request, call):
        assert payments == [of for one in span.attributes for of in texts(one) if one.key == "drop.payment_id"]
    # A job leads back to the request in which it was queued, and says which payment it was about.
    named = {span.span_id: span.name for span in spans}
    jobs = [span for span in spans if span.name.startswith("job ")]
    led = {(job.name, named[link.span_id]) for job in jobs for link in job.links}
    assert ("job create_card_customer", "GET /auth/bankid/callback") in led
    assert ("job process_money_webhook", "POST /api/webhooks/{provider}") in led
    of_webhooks = [job for job in jobs if job.name == "job process_money_webhook"]
    assert payments[0] in {of for job in of_webhooks for one in job.attributes for of in texts(one)}
    raw = b"".join(bodies)
    kari = personas()["kari"]
    for secret in (kari.identity_number, kari.name, "Takk for kaffen", "Ola Hansen", *secrets):
        assert secret.encode() not in raw, secret
