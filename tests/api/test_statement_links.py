"""A statement's line leads to the payment that it shows and to its account, and the payment to its lines."""

from typing import Any

from tests.builders.gateway import Play, Player, a_payment, nodes, pay

LINES = """{ viewer { transactions(first: 100) { edges { node { id bookingDate valueDate counterpartyName
  amount { amountMinor } account { id } payment { id } } } } } }"""
PAYMENT = """query($id: ID!) { node(id: $id) { ... on Payment { status
  transactions { id amount { amountMinor } payment { id } account { id } } } } }"""
LINKS = "{ viewer { bankLinks { edges { node { id } } } } }"
REFRESH = """mutation($input: RefreshBalancesInput!) { refreshBalances(input: $input) {
  accounts { id } userErrors { code } } }"""


async def lines_of(player: Player) -> list[dict[str, Any]]:
    return nodes((await player.ask(LINES))["viewer"]["transactions"])


async def read(play: Play, player: Player) -> None:
    for link in nodes((await player.ask(LINKS))["viewer"]["bankLinks"]):
        answer = await player.ask(REFRESH, input={"bankLinkId": link["id"]})
        assert answer["refreshBalances"]["userErrors"] == []
    await play.settle()


async def test_a_line_and_its_payment_lead_to_each_other(play: Play) -> None:
    kari, account = await play.banked()
    payment = (await pay(kari, a_payment(account)))["payment"]
    await kari.press(payment["authorisationUrl"], "approve")
    before = (await kari.ask(PAYMENT, id=payment["id"]))["node"]
    await play.advance(minutes=5)
    await read(play, kari)

    [line] = [line for line in await lines_of(kari) if line["payment"] is not None]
    assert line["payment"] == {"id": payment["id"]}
    assert line["account"] == {"id": account}
    assert line["valueDate"] == line["bookingDate"]
    after = (await kari.ask(PAYMENT, id=payment["id"]))["node"]
    assert before["transactions"] == []
    assert after["transactions"] == [{key: line[key] for key in ("id", "amount", "payment", "account")}]


async def test_what_another_user_paid_is_no_payment_of_the_payees(play: Play) -> None:
    kari, account = await play.banked()
    ola = play.browser()
    await ola.http.post("/api/mock/users", json={"banks": [{"id": "bank_dnb"}]})
    number = "{ viewer { bankAccounts { edges { node { bban } } } } }"
    payee = nodes((await ola.ask(number))["viewer"]["bankAccounts"])[0]["bban"]
    payment = (await pay(kari, {**a_payment(account), "creditorAccount": payee}))["payment"]
    await kari.press(payment["authorisationUrl"], "approve")
    await play.advance(minutes=5)
    await read(play, ola)

    came = [line for line in await lines_of(ola) if line["amount"]["amountMinor"] == "12500"]
    assert came
    assert all(line["payment"] is None for line in await lines_of(ola))
    assert (await ola.ask(PAYMENT, id=payment["id"]))["node"] is None
