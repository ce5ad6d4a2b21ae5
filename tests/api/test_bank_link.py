"""Bank links: consents from the bank's page to their end, and what is read by them."""

import pytest

from tests.builders.gateway import CONNECT, Play, Player, connect, nodes, query_of

BANK_LINKS = """{ viewer { bankLinks { edges { node { id status expiresAt endedBecause scopes unattendedReadsLeftToday
  lastReads { attended } bank { name } accounts { id name available } } } } } }"""
RENEW = """mutation($id: ID!) { renewConsent(input: {bankLinkId: $id, returnTo: "/api/health/live"}) {
  bankLink { status } authorisationUrl userErrors { code field } } }"""
DISCONNECT = """mutation($id: ID!) { disconnectBank(input: {bankLinkId: $id}) {
  bankLink { status endedBecause } userErrors { code } } }"""
REFRESH = """mutation($id: ID!) { refreshBalances(input: {bankLinkId: $id}) {
  accounts { id balances { type } } userErrors { code } } }"""


async def bank_links(player: Player) -> list[dict[str, object]]:
    listed: list[dict[str, object]] = nodes((await player.ask(BANK_LINKS))["viewer"]["bankLinks"])
    return listed


async def consent_page(player: Player, bank: str = "bank_dnb") -> str:
    page: str = (await player.ask(CONNECT, bank=bank))["connectBank"]["authorisationUrl"]
    return page


async def test_the_five_banks_are_listed_and_sbanken_is_part_of_dnb(play: Play) -> None:
    banks = (await play.browser().ask("{ banks { id name bic country partOf { name } } }"))["banks"]

    assert [bank["name"] for bank in banks] == ["DNB", "Nordea", "Handelsbanken", "SpareBank 1", "Sbanken"]
    assert [bank["partOf"] for bank in banks] == [None, None, None, None, {"name": "DNB"}]


async def test_an_approved_consent_brings_the_chosen_accounts(play: Play) -> None:
    silje = await play.person("silje")
    await connect(silje, "bank_nordea")

    (bank_link,) = await bank_links(silje)

    assert bank_link["status"] == "ACTIVE"
    assert bank_link["expiresAt"] == "2027-05-22T22:00:00.000Z"
    assert [account["name"] for account in bank_link["accounts"]] == ["Felleskonto", "Bufferkonto"]  # type: ignore[attr-defined]
    assert bank_link["unattendedReadsLeftToday"] == 4


async def test_a_user_has_accounts_at_two_banks(play: Play) -> None:
    silje = await play.person("silje")
    await connect(silje, "bank_nordea")
    await connect(silje, "bank_sbanken")

    answer = await silje.ask("{ viewer { bankAccounts { edges { node { name bank { name } } } } } }")

    banks = [edge["node"]["bank"]["name"] for edge in answer["viewer"]["bankAccounts"]["edges"]]
    assert banks == ["Nordea", "Nordea", "DNB"]


async def test_a_refused_consent_is_rejected(play: Play) -> None:
    kari = await play.person()
    await connect(kari, decision="refuse")

    (bank_link,) = await bank_links(kari)

    assert (bank_link["status"], bank_link["accounts"]) == ("REJECTED", [])
    assert bank_link["endedBecause"] == "REFUSED"


async def test_who_walks_away_finds_the_consent_expired(play: Play) -> None:
    kari = await play.person()
    page = await consent_page(kari)

    await play.advance(minutes=15)

    assert [one["status"] for one in await bank_links(kari)] == ["EXPIRED"]
    assert "done its work" in (await kari.http.get(page)).text


async def test_who_approved_but_never_came_back_is_not_connected_and_the_bank_is_told(play: Play) -> None:
    kari = await play.person()
    page = await consent_page(kari)
    shown = (await kari.http.get(page)).text
    account = shown.split('name="account" value="')[1].split('"')[0]
    await kari.http.post(page, data={"decision": "approve", "account": account})

    await play.advance(minutes=17)

    (bank_link,) = await bank_links(kari)
    assert (bank_link["status"], bank_link["accounts"]) == ("EXPIRED", [])
    consent = (await play.gateway.sandbox.get("/bank/consents/cons-000001")).json()
    assert consent["consentStatus"] in ("revokedByPsu", "terminatedByTpp")


async def test_a_way_back_that_is_opened_again_leads_on_again(play: Play) -> None:
    kari = await play.person()
    page = await consent_page(kari)
    back = await kari.http.post(page, data={"decision": "refuse"})

    first = await kari.http.get(back.headers["location"])
    second = await kari.http.get(back.headers["location"])

    query = query_of(first.headers["location"])
    assert (query["bankLink"][:4], query["outcome"]) == ("con_", "refused")
    assert (second.status_code, second.headers["location"]) == (303, first.headers["location"])


@pytest.mark.parametrize("query", ["", "?state=", "?state=unknown", "?state=" + "x" * 1000])
async def test_an_unknown_way_back_is_a_problem(play: Play, query: str) -> None:
    response = await play.browser().http.get(f"/api/openbanking/callback{query}")

    assert (response.status_code, response.json()["code"]) == (404, "NOT_FOUND")


async def test_a_consent_runs_out_and_its_accounts_stay_but_are_not_available(play: Play) -> None:
    kari = await play.person()
    await connect(kari)

    await play.advance(days=181)

    (bank_link,) = await bank_links(kari)
    assert (bank_link["status"], bank_link["endedBecause"]) == ("EXPIRED", "EXPIRED")
    assert [account["available"] for account in bank_link["accounts"]] == [False, False]  # type: ignore[attr-defined]


async def test_a_renewal_replaces_the_consent_only_when_given(play: Play) -> None:
    kari = await play.person()
    bank_link = await connect(kari)
    await play.advance(days=170)
    page = (await kari.ask(RENEW, id=bank_link))["renewConsent"]["authorisationUrl"]
    assert [one["status"] for one in await bank_links(kari)] == ["ACTIVE"]

    await kari.press(page, "approve")
    await play.advance(days=20)

    (renewed,) = await bank_links(kari)
    assert renewed["status"] == "ACTIVE"
    assert renewed["expiresAt"] == "2027-11-08T23:00:00.000Z"
    assert [account["available"] for account in renewed["accounts"]] == [True, True]  # type: ignore[attr-defined]


async def test_a_renewal_that_is_refused_leaves_the_old_consent(play: Play) -> None:
    kari = await play.person()
    bank_link = await connect(kari)
    page = (await kari.ask(RENEW, id=bank_link))["renewConsent"]["authorisationUrl"]

    await kari.press(page, "refuse")

    assert [one["status"] for one in await bank_links(kari)] == ["ACTIVE"]


async def test_a_disconnected_bank_is_revoked_there_too(play: Play) -> None:
    kari = await play.person()
    bank_link = await connect(kari)

    ended = (await kari.ask(DISCONNECT, id=bank_link))["disconnectBank"]
    await play.settle()

    assert ended["bankLink"] == {"status": "REVOKED", "endedBecause": "DISCONNECTED"}
    consent = (await play.gateway.sandbox.get("/bank/consents/cons-000001")).json()
    assert consent["consentStatus"] == "terminatedByTpp"
    assert (await kari.ask(DISCONNECT, id=bank_link))["disconnectBank"]["userErrors"] == [{"code": "INVALID_STATE"}]
    assert (await kari.ask(REFRESH, id=bank_link))["refreshBalances"]["userErrors"] == [{"code": "CONSENT_REQUIRED"}]


async def test_a_disconnected_bank_can_be_connected_again(play: Play) -> None:
    kari = await play.person()
    first = await connect(kari)
    await kari.ask(DISCONNECT, id=first)

    again = await connect(kari)

    (bank_link,) = await bank_links(kari)
    assert (again, bank_link["status"], bank_link["endedBecause"]) == (first, "ACTIVE", None)


async def test_a_consent_revoked_at_the_bank_is_found_at_the_next_reading(play: Play) -> None:
    kari = await play.person()
    bank_link = await connect(kari)
    await play.gateway.sandbox.delete("/bank/consents/cons-000001")

    refused = (await kari.ask(REFRESH, id=bank_link))["refreshBalances"]["userErrors"]

    assert refused == [{"code": "CONSENT_REQUIRED"}]
    assert [one["status"] for one in await bank_links(kari)] == ["REVOKED"]


async def test_attended_readings_are_not_limited(play: Play) -> None:
    kari = await play.person()
    bank_link = await connect(kari)

    for _ in range(6):
        assert (await kari.ask(REFRESH, id=bank_link))["refreshBalances"]["userErrors"] == []

    (shown,) = await bank_links(kari)
    assert shown["unattendedReadsLeftToday"] == 4
    assert shown["lastReads"] == [{"attended": True}] * 7


@pytest.mark.parametrize("bank", ["bank_unknown", "", "con_1", "x" * 500])
async def test_an_unknown_bank_is_not_found(play: Play, bank: str) -> None:
    kari = await play.person()

    payload = (await kari.ask(CONNECT, bank=bank))["connectBank"]

    assert [(error["code"], error["field"]) for error in payload["userErrors"]] == [("NOT_FOUND", ["input", "bankId"])]


async def test_somebody_elses_connection_is_not_found(play: Play) -> None:
    kari, ola = await play.person(), await play.person("ola")
    bank_link = await connect(kari)

    for mutation, field in ((RENEW, "renewConsent"), (DISCONNECT, "disconnectBank"), (REFRESH, "refreshBalances")):
        assert (await ola.ask(mutation, id=bank_link))[field]["userErrors"][0]["code"] == "NOT_FOUND"
    assert await ola.ask("query($id: ID!) { node(id: $id) { id } }", id=bank_link) == {"node": None}


async def test_a_return_address_elsewhere_is_refused(play: Play) -> None:
    kari = await play.person()

    answer = await kari.ask(
        """mutation { connectBank(input: {bankId: "bank_dnb", returnTo: "https://evil.example"}) {
        userErrors { code field } } }"""
    )

    assert answer["connectBank"]["userErrors"] == [{"code": "INVALID_RETURN_TO", "field": ["input", "returnTo"]}]


async def test_transactions_come_in_pages_that_fit_together(play: Play) -> None:
    kari = await play.person()
    await connect(kari)
    query = """query($after: String, $first: Int) { viewer { bankAccounts(first: 1) { edges { node {
      transactions(first: $first, after: $after) {
        edges { node { id bookingDate } } pageInfo { hasNextPage endCursor } } } } } } }"""
    seen: list[tuple[str, str]] = []
    after = None
    while True:
        page = (await kari.ask(query, after=after, first=40))["viewer"]["bankAccounts"]["edges"][0]["node"][
            "transactions"
        ]
        seen += [(edge["node"]["bookingDate"], edge["node"]["id"]) for edge in page["edges"]]
        after = page["pageInfo"]["endCursor"]
        if not page["pageInfo"]["hasNextPage"]:
            break

    whole = (await kari.ask(query, first=100))["viewer"]["bankAccounts"]["edges"][0]["node"]["transactions"]
    assert seen == sorted(seen, reverse=True)
    assert len(set(seen)) == len(seen) > 80
    assert [edge["node"]["id"] for edge in whole["edges"]] == [one for _, one in seen][:100]


async def test_a_page_can_be_read_from_its_end(play: Play) -> None:
    kari = await play.person()
    await connect(kari)
    query = """query($last: Int, $before: String) { viewer { bankAccounts(first: 1) { edges { node {
      transactions(last: $last, before: $before) {
        edges { node { id } cursor } pageInfo { hasPreviousPage hasNextPage } } } } } } }"""
    whole = await kari.ask(
        query.replace("last: $last, before: $before", "first: 100").replace("($last: Int, $before: String)", "")
    )
    ids = [edge["node"]["id"] for edge in whole["viewer"]["bankAccounts"]["edges"][0]["node"]["transactions"]["edges"]]

    last = (await kari.ask(query, last=3))["viewer"]["bankAccounts"]["edges"][0]["node"]["transactions"]
    earlier = await kari.ask(query, last=3, before=last["edges"][0]["cursor"])

    found = earlier["viewer"]["bankAccounts"]["edges"][0]["node"]["transactions"]
    assert [edge["node"]["id"] for edge in last["edges"]] == ids[-3:]
    assert [edge["node"]["id"] for edge in found["edges"]] == ids[-6:-3]
    assert found["pageInfo"] == {"hasPreviousPage": True, "hasNextPage": True}
