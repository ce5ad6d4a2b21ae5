"""What a fault of ours gives a client over HTTP: an answer like every other, on a connection that lives."""

import asyncio

import pytest
from anyio import fail_after

from tests.builders.gateway import Play


async def broken(play: Play) -> None:
    async with play.gateway.infrastructure.database.write_engine.begin() as connection:
        await connection.exec_driver_sql("DROP TABLE webhook_event")


async def test_an_answer_about_a_fault_of_ours_carries_what_every_answer_carries(play: Play) -> None:
    await broken(play)

    response = await play.browser().http.get("/api/operator/webhooks")

    assert (response.status_code, response.json()["code"]) == (500, "INTERNAL")
    assert response.headers["x-content-type-options"] == "nosniff"
    assert "frame-ancestors 'none'" in response.headers["content-security-policy"]
    assert response.headers["x-request-id"]


async def test_a_connection_lives_on_after_a_fault_of_ours(play: Play) -> None:
    await broken(play)
    reader, writer = await asyncio.open_connection("127.0.0.1", await play.port())

    with fail_after(10):
        statuses = [await status_of(path, reader, writer) for path in ("/api/operator/webhooks", "/api/health/live")]

    writer.close()
    assert statuses == [500, 200]


async def test_a_body_that_does_not_come_is_not_waited_for(play: Play, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("routes.intake._WITHIN_S", 0.1)
    reader, writer = await asyncio.open_connection("127.0.0.1", await play.port())
    head = b"POST /graphql HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 99\r\n\r\n{"
    writer.write(head)

    with fail_after(10):
        answer = (await reader.read()).decode().lower()

    writer.close()
    assert answer.startswith("http/1.1 408")
    assert "connection: close" in answer


async def status_of(path: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> int:
    """Of one request among several on a connection."""
    writer.write(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
    head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
    length = next(line for line in head.splitlines() if line.startswith("content-length"))
    await reader.readexactly(int(length.partition(":")[2]))
    return int(head.split()[1])
