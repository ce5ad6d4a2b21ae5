"""Trusted documents: what was pushed is answered by its id on every transport, and in production nothing else is."""

import json
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from datetime import timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import httpx
import pytest
from anyio import to_thread
from prometheus_client import REGISTRY
from sqlalchemy import event
from structlog.testing import capture_logs
from typer.testing import CliRunner, Result

from domain.clock import Clock
from gateway.commands.documents import app
from gateway.observability.log import configure_logging
from services.documents import trusted_documents
from tests.api.test_cost import IN_CIRCLES
from tests.api.test_production import production
from tests.builders.gateway import Play, StandingClock, playing
from tests.builders.own_secrets import OPERATOR_TOKEN
from tests.builders.sockets import opened, socket_of
from tests.conftest import NOON

PATH = "/api/operator/documents"
BEARER = {"authorization": f"Bearer {OPERATOR_TOKEN}"}
TOKEN = {"x-drop-operator": OPERATOR_TOKEN}
PLANS = "query Plans { plans { id } }"
KIND = "query Kind($is: Boolean!) { __typename @include(if: $is) }"
STREAM = "subscription Updates { kycUpdated { cursor } }"


def hash_of(text: str) -> str:
    return sha256(text.encode()).hexdigest()


def manifest(*texts: str) -> dict[str, str]:
    return {hash_of(text): text for text in texts}


async def push(play: Play, body: object, **params: str) -> httpx.Response:
    return await play.browser(**BEARER).http.post(PATH, json=body, params=params)


@pytest.fixture
async def enforcing(database_url: str, tmp_path: Path) -> AsyncIterator[Play]:
    settings: dict[str, Any] = {"graphql_documents": "enforce", "operator_token": OPERATOR_TOKEN}
    async with playing(database_url, tmp_path, NOON, **settings) as play:
        assert (await push(play, manifest(PLANS, KIND, STREAM))).json() == {"documents": 3, "new": 3}
        yield play


def code_in(answer: Any) -> str | None:
    errors = answer.json().get("errors") if isinstance(answer, httpx.Response) else answer
    return errors[0]["extensions"]["code"] if errors else None


async def test_a_pushed_document_is_answered_by_its_id_over_http(enforcing: Play) -> None:
    http = enforcing.browser().http
    by_hash = {"persistedQuery": {"version": 1, "sha256Hash": hash_of(PLANS)}}
    plans = (await http.post("/graphql", json={"query": PLANS})).json()["data"]["plans"]

    answers = [
        await http.post("/graphql", json={"documentId": f"sha256:{hash_of(PLANS)}"}),
        await http.post("/graphql", json={"documentId": f"sha256:{hash_of(PLANS)}", "query": PLANS}),
        await http.post("/graphql", json={"extensions": by_hash}),
        await http.get("/graphql", params={"documentId": f"sha256:{hash_of(PLANS)}"}, headers={"accept": "*/*"}),
        await http.get("/graphql", params={"extensions": json.dumps(by_hash)}),
    ]
    typed = await http.post("/graphql", json={"documentId": f"sha256:{hash_of(KIND)}", "variables": {"is": True}})

    assert [answer.json() for answer in answers] == [{"data": {"plans": plans}}] * 5
    assert typed.json() == {"data": {"__typename": "Query"}}


async def test_a_pushed_document_is_answered_by_its_id_over_a_socket_and_an_event_stream(enforcing: Play) -> None:
    events = {"accept": "text/event-stream"}
    http = enforcing.browser(**events).http
    known, by_text = {"documentId": f"sha256:{hash_of(PLANS)}"}, {"query": "{ plans { id name } }"}

    stream = (await http.post("/graphql", json=known)).text
    refused = await http.post("/graphql", json=by_text)
    async with socket_of(enforcing) as socket:
        await opened(socket)
        await socket.send(id="1", type="subscribe", payload=known)
        answered = await socket.receive()
        await socket.receive()
        hashed = {"query": "", "extensions": {"persistedQuery": {"version": 1, "sha256Hash": hash_of(PLANS)}}}
        await socket.send(id="2", type="subscribe", payload=hashed)
        again = await socket.receive()
        await socket.receive()
        await socket.send(id="3", type="subscribe", payload=by_text)
        error = await socket.receive()

    assert '"plans"' in stream
    assert "plans" in answered["payload"]["data"]
    assert again["payload"] == answered["payload"]
    assert (refused.status_code, code_in(refused)) == (400, "DOCUMENT_NOT_TRUSTED")
    assert (error["type"], code_in(error["payload"])) == ("error", "DOCUMENT_NOT_TRUSTED")


async def test_what_was_not_pushed_is_refused_whatever_a_client_calls_itself(enforcing: Play) -> None:
    query = {"query": "{ plans { id name } }"}
    names = {"user-agent": "GraphiQL", "apollographql-client-name": "drop-operator", "referer": "/graphql"}
    http = enforcing.browser().http

    refused = [await http.post("/graphql", json=query), await http.post("/graphql", json=query, headers=names)]
    wrong = await http.post("/graphql", json=query, headers={"x-drop-operator": "guess"})
    operator = await http.post("/graphql", json=query, headers=TOKEN)

    assert [code_in(answer) for answer in refused] == ["DOCUMENT_NOT_TRUSTED"] * 2
    assert "gateway documents push" in refused[0].json()["errors"][0]["message"]
    assert wrong.status_code == 401
    assert "errors" not in operator.json()


async def test_ids_that_are_not_known_or_odd_are_refused_with_what_to_do(enforcing: Play) -> None:
    http, known = enforcing.browser().http, f"sha256:{hash_of(PLANS)}"
    unknown = hash_of("{ plans { name } }")
    bodies: list[dict[str, Any]] = [
        {"documentId": f"sha256:{unknown}"},
        {"extensions": {"persistedQuery": {"version": 1, "sha256Hash": unknown}}},
        {"documentId": known, "query": "{ __typename }"},
        *({"documentId": odd} for odd in ("", "md5:abc", 5, [known], f"sha256:{'0' * 63}", "\u0000")),
    ]

    answers = [await http.post("/graphql", json=body) for body in bodies]

    codes = [code_in(answer) for answer in answers]
    assert codes[:2] == ["DOCUMENT_NOT_FOUND", "PERSISTED_QUERY_NOT_SUPPORTED"]
    assert codes[2:] == ["BAD_USER_INPUT"] * 7
    assert "gateway documents push" in answers[0].json()["errors"][0]["message"]


async def test_manifests_of_all_three_builds_are_read_and_pushed_again_without_harm(enforcing: Play) -> None:
    apollo = {
        "format": "apollo-persisted-query-manifest",
        "version": 1,
        "operations": [{"id": hash_of(PLANS), "name": "Plans", "type": "query", "body": PLANS}],
    }
    more = "query More { plans { name } }"

    dry = await push(enforcing, manifest(more), dry_run="true")
    pushed = [await push(enforcing, apollo), await push(enforcing, manifest(PLANS, more))]
    listed = (await enforcing.browser(**BEARER).http.get(PATH)).json()

    assert [answer.json() for answer in (dry, *pushed)] == [
        {"documents": 1, "new": 0},
        {"documents": 1, "new": 0},
        {"documents": 2, "new": 1},
    ]
    assert listed["mode"] == "enforce"
    assert [one["name"] for one in listed["documents"]] == ["Kind", "More", "Plans", "Updates"]


async def test_a_push_takes_all_or_nothing_and_says_what_is_wrong(enforcing: Play) -> None:
    good = "query Good { plans { id interval } }"
    wrong = {"misspelt": "query A { planz { id } }", "introspection": "{ __schema { queryType { name } } }"}
    bad: dict[str, Any] = {
        "planz": manifest(good, wrong["misspelt"]),
        "The schema is for operators alone": manifest(wrong["introspection"]),
        "may cost 10000": manifest(IN_CIRCLES),
        "Syntax Error": manifest("query {"),
        'hashAlgorithm "sha256"': {"d41d8cd98f00b204e9800998ecf8427e": PLANS},
        "NUL": manifest('{ node(id: "\u0000") { id } }'),
        "too many tokens": manifest("{" + " a" * 3_000 + " }"),
        "GraphQL Code Generator": [PLANS],
        "is no text": {"1": {"query": PLANS}},
        "no document": {},
        "format or version": {"format": "other", "version": 1},
    }

    refused = {said: await push(enforcing, body) for said, body in bad.items()}
    listed = (await enforcing.browser(**BEARER).http.get(PATH)).json()["documents"]

    for said, answer in refused.items():
        assert answer.status_code == 400, said
        assert answer.json()["code"] == "DOCUMENTS_REFUSED", said
        assert said in answer.json()["detail"], answer.json()["detail"]
    assert hash_of(wrong["misspelt"]) in refused["planz"].json()["detail"]
    assert "Good" not in [one["name"] for one in listed]


async def test_a_document_is_shown_and_removed(enforcing: Play) -> None:
    operator, client = enforcing.browser(**BEARER).http, enforcing.browser().http
    address = f"{PATH}/sha256:{hash_of(PLANS)}"

    shown = (await operator.get(address)).json()
    removed = [await operator.delete(address), await operator.delete(address), await operator.get(address)]
    odd = await operator.get(f"{PATH}/other")
    asked = await client.post("/graphql", json={"documentId": f"sha256:{hash_of(PLANS)}"})
    strangers = [await client.get(PATH), await client.post(PATH, json={}), await client.delete(address)]

    assert (shown["text"], shown["name"]) == (PLANS, "Plans")
    assert [answer.status_code for answer in (*removed, odd)] == [204, 404, 404, 404]
    assert code_in(asked) == "DOCUMENT_NOT_FOUND"
    assert [answer.status_code for answer in strangers] == [401, 401, 401]


async def test_another_process_sees_a_push_and_what_was_removed(
    enforcing: Play, database_url: str, tmp_path: Path
) -> None:
    body = {"documentId": f"sha256:{hash_of(PLANS)}"}
    settings: dict[str, Any] = {"graphql_documents": "enforce", "sandbox_path": tmp_path / "other.sqlite3"}
    async with playing(database_url, tmp_path, NOON, **settings) as other:
        at_start = await other.browser().http.post("/graphql", json=body)
        await enforcing.browser(**BEARER).http.delete(f"{PATH}/sha256:{hash_of(PLANS)}")
        await other.gateway.services.documents.look()
        removed = await other.browser().http.post("/graphql", json=body)
        await push(enforcing, manifest(PLANS))
        await other.gateway.services.documents.look()
        back = await other.browser().http.post("/graphql", json=body)

    assert [code_in(answer) for answer in (at_start, removed, back)] == [None, "DOCUMENT_NOT_FOUND", None]


def counted(mode: str, reason: str) -> float:
    return REGISTRY.get_sample_value("drop_graphql_documents_total", {"mode": mode, "reason": reason}) or 0


@contextmanager
def at_info() -> Iterator[None]:
    configure_logging("INFO", is_terminal=False)
    yield
    configure_logging("WARNING", is_terminal=False)


async def test_log_names_once_what_would_be_refused(database_url: str, tmp_path: Path) -> None:
    before = counted("log", "untrusted"), counted("log", "trusted_id")
    settings: dict[str, Any] = {"graphql_documents": "log", "operator_token": OPERATOR_TOKEN}
    async with playing(database_url, tmp_path, NOON, **settings) as play:
        await push(play, manifest(PLANS))
        http = play.browser().http
        with at_info(), capture_logs() as lines:
            answers = [await http.post("/graphql", json={"query": KIND, "variables": {"is": True}}) for _ in range(2)]
            answers.append(await http.post("/graphql", json={"documentId": f"sha256:{hash_of(PLANS)}"}))

    told = [line for line in lines if line["event"] == "document_not_trusted"]
    assert [code_in(answer) for answer in answers] == [None] * 3
    assert [line["hash"] for line in told] == [hash_of(KIND)]
    assert (counted("log", "untrusted"), counted("log", "trusted_id")) == (before[0] + 2, before[1] + 1)


async def test_a_name_that_is_none_is_not_in_the_log(database_url: str, tmp_path: Path) -> None:
    names = ["Kind", "kari@example.no", "K" * 5_000, "Kind\nforged=line"]
    settings: dict[str, Any] = {"graphql_documents": "log", "operator_token": OPERATOR_TOKEN}
    async with playing(database_url, tmp_path, NOON, **settings) as play:
        await push(play, manifest(PLANS))
        with at_info(), capture_logs() as lines:
            for number, name in enumerate(names):
                body = {"query": f"query Kind {{ a{number}: __typename }}", "operationName": name}
                await play.browser().http.post("/graphql", json=body)

    told = [line["operation_name"] for line in lines if line["event"] == "document_not_trusted"]
    assert told == ["Kind", *["(no name)"] * 3]


async def test_what_is_kept_has_a_size_and_a_manifest_a_number(play: Play, monkeypatch: pytest.MonkeyPatch) -> None:
    http = play.browser(authorization=f"Bearer {OPERATOR_TOKEN}").http
    many = await http.post("/api/operator/documents", json={f"{number}": "{ a }" for number in range(40_000)})
    await push(play, manifest(PLANS))
    monkeypatch.setattr(trusted_documents, "MAX_CHARACTERS", len(PLANS) + 10)
    large = await http.post("/api/operator/documents", json=manifest(KIND))
    again = await http.post("/api/operator/documents", json=manifest(PLANS))

    assert [(one.status_code, one.json()["code"]) for one in (many, large)] == [(400, "TOO_MANY_DOCUMENTS")] * 2
    assert again.json() == {"documents": 1, "new": 0}


async def test_production_enforces_by_default_once_anything_was_pushed(
    database_url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async with playing(database_url, tmp_path, NOON, **production()) as live:
        http, incidents = live.browser().http, live.gateway.services.incidents
        open_yet = await http.post("/graphql", json={"query": KIND, "variables": {"is": True}})
        awaited = REGISTRY.get_sample_value("drop_trusted_documents_awaited")
        live.gateway.services.documents.alert_if_awaited()
        await incidents.drain()
        await push(live, manifest(PLANS))
        refused = await http.post("/graphql", json={"query": KIND, "variables": {"is": True}})
        answered = await http.post("/graphql", json={"documentId": f"sha256:{hash_of(PLANS)}"})
        awaited_then = REGISTRY.get_sample_value("drop_trusted_documents_awaited")

    assert "errors" not in open_yet.json()
    assert "Title: Any GraphQL document is answered" in capsys.readouterr().err
    assert (code_in(refused), code_in(answered)) == ("DOCUMENT_NOT_TRUSTED", None)
    assert (awaited, awaited_then) == (1, 0)


async def test_the_command_pushes_lists_shows_and_removes(enforcing: Play, tmp_path: Path) -> None:
    file, wrong, more = tmp_path / "persisted.json", tmp_path / "wrong.json", "query More { plans { name } }"
    file.write_text(json.dumps(manifest(PLANS, more)))
    wrong.write_text("{")
    there = ["--url", f"http://127.0.0.1:{await enforcing.port()}", "--token", OPERATOR_TOKEN]

    async def run(*given: str) -> Result:
        return await to_thread.run_sync(lambda: CliRunner().invoke(app, [*given, *there]))

    known = f"sha256:{hash_of(more)}"
    checked, pushed = await run("push", str(file), "--dry-run"), await run("push", str(file))
    listed, shown = await run("list"), await run("show", known)
    removed, gone, unread = await run("remove", known), await run("show", known), await run("push", str(wrong))

    assert "2 documents are valid. None was let in." in checked.stdout
    assert "2 documents: 1 new, 1 known." in pushed.stdout
    assert known in listed.stdout
    assert "4 documents; others: are refused." in listed.stdout
    assert shown.stdout == f"{more}\n"
    assert (removed.exit_code, gone.exit_code, unread.exit_code) == (0, 1, 1)


class MovingClock(Clock):
    def __init__(self) -> None:
        self.at = NOON

    def now(self) -> Any:
        return self.at


async def test_what_no_client_has_sent_for_ninety_days_is_retired(database_url: str, tmp_path: Path) -> None:
    clock = MovingClock()
    settings: dict[str, Any] = {"graphql_documents": "enforce", "operator_token": OPERATOR_TOKEN}
    async with playing(
        database_url, tmp_path, NOON, machine_clock=clock, base_clock=StandingClock(NOON), **settings
    ) as play:
        documents, retention = play.gateway.services.documents, play.gateway.services.retention
        await push(play, manifest(PLANS, KIND))
        clock.at += timedelta(days=60)
        await play.browser().http.post("/graphql", json={"documentId": f"sha256:{hash_of(PLANS)}"})
        await documents.note_uses()
        clock.at += timedelta(days=31)
        await retention.purge()
        await documents.look()
        kept = [one.document.name for one in await documents.all()]
        clock.at += timedelta(days=60)
        await retention.purge()
        await documents.look()
        at_last = await documents.all()

    assert kept == ["Plans"]
    assert at_last == []


async def test_a_use_is_written_once_an_hour(enforcing: Play) -> None:
    documents, engine = enforcing.gateway.services.documents, enforcing.gateway.infrastructure.database.write_engine
    body = {"documentId": f"sha256:{hash_of(PLANS)}"}
    statements: list[str] = []
    event.listen(engine.sync_engine, "before_cursor_execute", lambda *args: statements.append(args[2]))
    for _ in range(3):
        await enforcing.browser().http.post("/graphql", json=body)
        await documents.note_uses()

    assert [one for one in statements if "trusted_document" in one] == []
