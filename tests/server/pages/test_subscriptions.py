"""The page of the subscriptions: each account with its windows and what is to come of them."""

import asyncio
import html
from collections.abc import Sequence

import msgspec
import pytest

from fakes import FakeClock, FakeWire
from ledger_samples import NOON
from llm_gateway.server.account_views import (
    AccountsView,
    AccountView,
    AccountWindowView,
    DrawView,
    SwitchView,
)
from llm_gateway.server.pages.page import Frame
from llm_gateway.server.pages.subscriptions import Subscriptions, SubscriptionsPage, ahead
from llm_gateway.server.subscription_worth import ShareView, Worth
from llm_gateway.server.views import iso
from rawhttp import Reply

HOUR_US = 3_600_000_000
BROWSER = (b"accept", b"text/html")


def window(
    used: float | None = 0.42,
    *,
    per_hour: float | None = 0.12,
    hits_h: float | None = None,
    name: str = "5 hours",
    resets_h: float | None = 2.5,
) -> AccountWindowView:
    resets = iso(NOON + int(resets_h * HOUR_US)) if resets_h is not None else None
    hits = iso(NOON + int(hits_h * HOUR_US)) if hits_h is not None else None
    return AccountWindowView(name, used, resets, "allowed", iso(NOON), 120, per_hour, hits)


def account(
    name: str = "my-max", windows: Sequence[AccountWindowView] = (), **changes: object
) -> AccountView:
    draws = [
        DrawView("claude", "Claude bridge", "bridge", "", "mac", "ok", "", "", True, iso(NOON - HOUR_US)),
        DrawView("claude-login", "Claude Code", "login", "laptop", "", "ok", "", "", True, iso(NOON)),
    ]
    worth = Worth(
        iso(NOON - 240 * HOUR_US),
        1204,
        81_233_010,
        412.8,
        412_800_000_000,
        "high",
        (ShareView("claude-code", "laptop", "claude-login", 977, 9, 334.4, 0.81),),
    )
    made = AccountView(
        "account:x",
        name,
        True,
        "Claude",
        "Max 20x",
        "ada",
        "mac",
        "ok",
        iso(NOON),
        list(windows),
        draws,
        worth,
        200.0,
        2.064,
        [],
        [],
    )
    return msgspec.structs.replace(made, **changes)


class Api:
    """What is known, and whether bridges were looked at for it."""

    def __init__(self, *accounts: AccountView, switches: Sequence[SwitchView] = ()) -> None:
        self._view = AccountsView(list(accounts), list(switches))
        self.looked = False

    async def subscriptions_view(self, *, look: bool = True) -> AccountsView:
        self.looked = self.looked or look
        return self._view


def asked(api: Api, *headers: tuple[bytes, bytes], target: str = "/subscriptions") -> Reply:
    clock = FakeClock(NOON)
    page = Subscriptions(api, clock).pages()[0]
    wire = FakeWire()
    exchange = wire.exchange(b"GET", target.encode(), headers or (BROWSER,))
    frame = Frame(clock, lambda exchange: "", lambda: "ok")
    asyncio.run(frame.route(page).answer(exchange, ""))
    return wire.reply


def shown(api: Api) -> str:
    reply = asked(api)
    assert reply.status == 200
    return html.unescape(" ".join(reply.body.decode().split()))


def test_without_any_it_says_what_makes_one() -> None:
    text = shown(Api())
    assert "No subscription is known" in text and "llm-gateway login claude" in text
    assert "[[subscriptions]]" in text and 'href="/bridges"' in text


def test_a_card_has_all_that_is_known() -> None:
    api = Api(account(windows=[window(), window(0.97, hits_h=0.5, name="7 days")]))
    text = shown(api)
    assert "Max 20x, $200.00 a month, of ada, on mac" in text
    assert "<strong>42 %</strong> used" in text and 'value="0.42"' in text
    assert "lasts until it begins anew" in text and "Begins anew in 2 h 30 min" in text
    assert "12.0 % an hour; told 2 min ago, allowed" in text
    assert "at this rate used up in 30 min" in text
    assert (
        "<strong>$412.80</strong> at API prices" in text
        and "<strong>2.06 times</strong> what is paid" in text
    )
    assert "claude-code of laptop" in text and "81 %" in text
    assert "Last told 0 min ago by claude-login of laptop" in text and "not money saved" in text
    assert not api.looked, "a page waits for no program"


@pytest.mark.parametrize(
    ("given", "outlook", "tone"),
    [
        (window(), "lasts", "good"),
        (window(0.85), "lasts", "warn"),
        (window(per_hour=None), "no_rate", "good"),
        (window(hits_h=1), "runs_out", "warn"),
        (window(1.0), "used_up", "bad"),
        (msgspec.structs.replace(window(None, resets_h=-1), status="begun anew"), "unknown", "none"),
    ],
)
def test_what_is_to_come_of_a_window(given: AccountWindowView, outlook: str, tone: str) -> None:
    card = ahead(given, NOON)
    assert (card.outlook, card.tone) == (outlook, tone)
    text = shown(Api(account(windows=[given])))
    assert {
        "lasts": "lasts until it begins anew",
        "no_rate": "too little is known",
        "runs_out": "at this rate used up in 1 h",
        "used_up": "used up",
        "unknown": "not known before the next request",
    }[outlook] in text
    assert ("Began anew at" in text) == (outlook == "unknown")


def test_a_bridge_that_does_not_answer_has_its_reason_and_a_way_out() -> None:
    draw = DrawView("codex", "Codex", "bridge", "", "", "auth_required", "", "nobody is logged in", True, "")
    bare = account(
        "codex",
        draws=[draw],
        state="auth_required",
        told_at="",
        worth=Worth(),
        paid_usd_month=None,
        worth_per_paid=None,
        configured=False,
        plan="",
        alerts=["codex: auth_required: nobody is logged in"],
        notes=["nothing that draws on it has been seen"],
    )
    text = shown(Api(bare))
    assert "nobody is logged in" in text and '<a href="/bridges">Mend it</a>' in text
    assert "No window of its quota has been told yet" in text and "price not configured" in text
    assert "<code>codex</code> and <code>price_usd</code>" in text
    assert "Nothing that draws on it has been seen" in shown(Api(account(draws=[])))


def test_an_alert_that_a_window_shows_already_is_not_said_twice() -> None:
    alerts = ["5 hours: used up at 2026-11-27T16:50:00.000Z if it goes on like this", "codex: error"]
    text = shown(Api(account(windows=[window(1.0)], alerts=alerts)))
    assert "codex: error" in text and "16:50" not in text


def test_a_window_without_a_share_is_told_in_its_vendors_words() -> None:
    credits = msgspec.structs.replace(window(None, name="credits", resets_h=None), status="12.40 USD left")
    text = shown(Api(account(windows=[credits, window(per_hour=0.0)])))
    assert "12.40 USD left" in text and "its vendor tells no share" in text and "not used lately" in text
    assert "Nobody tells when it begins anew" in text


def test_what_moved_off_a_plan_is_said_first() -> None:
    switch = SwitchView("claude-code", "ada", "claude-login", "metered", iso(NOON), 4, 8.0, "it <b>moved</b>")
    text = asked(Api(account(), switches=[switch])).body.decode()
    assert "it &lt;b&gt;moved&lt;/b&gt;" in text and "client=claude-code&amp;provider=metered" in text


@pytest.mark.parametrize("name", ["<script>alert(1)</script>\"'", "\u202egnirts", "x" * 3000, "{{ 7 * 7 }}"])
def test_nobodys_name_is_more_than_a_text(name: str) -> None:
    share = ShareView(name, name, name, 1, 1, 1.0, 1.0)
    draw = DrawView(name, name, "bridge", name, name, name, name, name, True, iso(NOON))
    hostile = account(
        name,
        [msgspec.structs.replace(window(name=name), status=name)],
        id=name,
        plan=name,
        owner=name,
        machine=name,
        state=name,
        draws=[draw],
        worth=Worth(iso(NOON), clients=(share,), notes=(name,)),
        alerts=[name],
        notes=[name],
        configured=False,
    )
    reply = asked(Api(hostile))
    assert reply.status == 200 and b"<script>alert" not in reply.body and b"49</h2>" not in reply.body
    assert name in html.unescape(reply.body.decode())


def test_a_program_gets_the_same_as_json() -> None:
    reply = asked(Api(account(windows=[window()])), (b"accept", b"application/json"))
    view = msgspec.json.decode(reply.body, type=SubscriptionsPage)
    (card,) = view.subscriptions
    assert (card.account.name, card.told_by, card.windows[0].resets_in_s) == (
        "my-max",
        "claude-login of laptop",
        9000.0,
    )
    assert (view.paid_usd_month, view.value_usd_month, card.per_day_usd) == (200.0, 412.8, 41.28)


def test_what_is_not_understood_is_a_page_that_says_so() -> None:
    reply = asked(Api(), BROWSER, target="/subscriptions?by=x")
    assert reply.status == 400 and b"there is no parameter" in reply.body
