"""The page of requests: filters and their counts, pages one after another, texts that want to be markup."""

import html
import re
from pathlib import Path
from urllib.parse import quote

import msgspec
import pytest

from llm_gateway.server.pages.requests import RequestsView
from rawhttp import Reply
from request_desk import HOSTILE, JSON, Desk, at_desk

MINUTE, HOUR, DAY = 60.0, 3600.0, 86_400.0


async def view(desk: Desk, target: str) -> RequestsView:
    reply = await desk.ask(target, JSON)
    assert reply.status == 200, reply
    return msgspec.json.decode(reply.body, type=RequestsView)


def refused(reply: Reply) -> str:
    assert reply.status == 400, reply
    return reply.body.decode()


def test_an_empty_ledger_says_the_next_step(tmp_path: Path) -> None:
    async def scene(desk: Desk) -> None:
        text = await desk.html("/requests")
        assert "No requests yet" in text and "llm-gateway smoke demo/echo" in text and "<h1>" in text
        assert 'id="rows" data-live="/live"' in text and "data-curl" not in text
        text = await desk.html("/requests?client=nobody&q=what")
        assert "No request is so" in text and "No requests yet" not in text
        found = await view(desk, "/requests?since=all")
        assert (found.requests, found.found, found.next, found.older) == ([], 0, None, "")

    at_desk(tmp_path, scene)


async def a_day_of_turns(desk: Desk) -> list[str]:
    """Put turns on record, an hour apart; the last one runs. Return their ids, the newest first."""
    made = []
    for number in range(12):
        failed = {"outcome": "error", "http_status": 502, "error_kind": "upstream_status"}
        end: dict[str, object] = failed if number % 4 == 1 else {"outcome": "ok"}
        made.append(
            await desk.put_turn(
                end if number < 11 else None,
                client=("codex-cli", "claude-code", "")[number % 3],
                provider=("ollama", "openai")[number % 2],
                session="talk" if number == 3 else "",
            )
        )
        desk.stage.clock.advance(HOUR)
    return made[::-1]


def test_what_can_be_chosen_is_counted_and_leads_there(tmp_path: Path) -> None:
    async def scene(desk: Desk) -> None:
        made = await a_day_of_turns(desk)
        found = await view(desk, "/requests?since=24h")
        assert [each.id for each in found.requests] == made and found.found == 12
        counts = {facet.name: {each.label: each.requests for each in facet.values} for facet in found.facets}
        assert counts["client"] == {"codex-cli": 4, "claude-code": 4, "(none)": 4}
        assert counts["status"] == {"ok": 8, "failed": 3, "error": 3, "running": 1}
        assert sum(each.ok + each.failed + each.cancelled + each.running for each in found.histogram) == 12
        assert found.bucket == "hour" and found.histogram[0].at_s % 3600 == 0
        for facet in found.facets:
            for each in facet.values:
                chosen = await view(desk, each.link)
                assert chosen.found == each.requests == len(chosen.requests), each
                (there,) = [one for one in chosen.facets if one.name == facet.name]
                (again,) = [one for one in there.values if one.chosen]
                assert again.label == each.label and (await view(desk, again.link)).found == 12
                assert (await view(desk, chosen.cleared)).found == 12

    at_desk(tmp_path, scene)


def test_every_page_goes_on_where_the_one_before_ended(tmp_path: Path) -> None:
    async def scene(desk: Desk) -> None:
        # All at one instant: what tells them apart is their id.
        names = ("other", "a b&c") * 3 + ("other",)
        made = [await desk.put_turn({"outcome": "ok"}, client=name) for name in names]
        for query, expected in (("", made[::-1]), ("&client=a%20b%26c", made[::-1][1::2])):
            seen: list[str] = []
            target: str = f"/requests?limit=2{query}"
            while target:
                found = await view(desk, target)
                assert found.found == len(expected) and len(found.requests) <= 2
                seen += [each.id for each in found.requests]
                target = found.older
                if target:
                    assert (await view(desk, target)).newest and "before=" in target
                    assert (await view(desk, target)).live == ""
            assert seen == expected
        text = await desk.html("/requests?limit=2")
        assert 'rel="next">Older</a>' in text and ">Newest</a>" not in text
        older = html.unescape(re.findall(r'href="([^"]*)" rel="next"', text)[0])
        assert ">Newest</a>" in await desk.html(older)

    at_desk(tmp_path, scene)


def test_a_text_is_an_id_or_a_session_or_a_name(tmp_path: Path) -> None:
    async def scene(desk: Desk) -> None:
        made = await a_day_of_turns(desk)
        for text, kind, expected in (
            (made[5], "id", [made[5]]),
            (made[5][:12].upper(), "id", [made[5]]),
            ("talk", "session", [made[8]]),
            ("CLAUDE", "name", made[1::3]),
            ("' OR 1=1 --", "name", []),
        ):
            found = await view(desk, f"/requests?since=all&q={quote(text)}")
            assert found.q_is == kind and [each.id for each in found.requests] == expected, text
        assert 'value="CLAUDE"' in await desk.html("/requests?q=CLAUDE")

    at_desk(tmp_path, scene)


def test_a_time_can_be_written(tmp_path: Path) -> None:
    async def scene(desk: Desk) -> None:
        made = await a_day_of_turns(desk)
        found = await view(desk, "/requests?since=150m")
        assert [each.id for each in found.requests] == made[:2]
        until = found.since.replace(":", "%3A")
        before = await view(desk, f"/requests?since=all&until={until}")
        assert [each.id for each in before.requests] == made[2:]
        assert before.live == "" and found.live == "/live"
        assert [each.label for each in found.spans if each.chosen] == ["since 150m"]

    at_desk(tmp_path, scene)


@pytest.mark.parametrize(
    ("query", "told"),
    [
        ("since=yesterday", "since="),
        ("until=x", "until="),
        ("since=1h&until=2h", "since is not before until"),
        ("limit=0", "limit="),
        ("limit=501", "limit="),
        ("limit=%C2%B2", "limit="),
        (f"client={'x' * 201}", "client is over 200"),
        (f"q={'x' * 201}", "q is over 200"),
    ],
)
def test_what_is_not_understood_is_refused(tmp_path: Path, query: str, told: str) -> None:
    async def scene(desk: Desk) -> None:
        assert told in refused(await desk.ask(f"/requests?{query}", JSON))

    at_desk(tmp_path, scene)


def test_nobodys_text_is_markup(tmp_path: Path) -> None:
    async def scene(desk: Desk) -> None:
        for text in HOSTILE:
            await desk.put_key(id=text, name=text, digest=text.encode())
            await desk.put_turn(
                {"outcome": "error", "error_kind": text, "losses": (text,), "finish_reason": text},
                client=text,
                caller=text,
                provider=text,
                model=text,
                model_asked=text,
                session=text,
                key_id=text,
                label=text,
            )
        plain = await desk.html("/requests?since=all")
        for text in HOSTILE:
            told = quote(text, safe="")
            for query in (f"client={told}", f"key={told}&q={told}", f"model={told}&provider={told}"):
                page = await desk.html(f"/requests?since=all&{query}")
                assert page.count("<script") == plain.count("<script") and "<img" not in page
                assert "onerror='alert" not in page and 'href="javascript:' not in page
            found = await view(desk, f"/requests?since=all&client={told}")
            assert [each.client for each in found.requests] == [text] and found.found == 1
            assert found.live.startswith("/live?client=") and "<" not in found.live
            (client,) = [each for each in found.facets if each.name == "client"]
            assert [each.name for each in client.values if each.chosen] == [text]

    at_desk(tmp_path, scene)


def test_a_time_without_end_is_not_drawn_month_by_month(tmp_path: Path) -> None:
    async def scene(desk: Desk) -> None:
        for until in ("9999-12-31", "9999-12-31T23:59:59.999999"):
            told = await desk.json(f"/requests?since=1970-01-01&until={until}")
            bars = told["histogram"]
            assert isinstance(bars, list) and len(bars) < 1000

    at_desk(tmp_path, scene)


def test_of_a_thousand_names_the_frequent_ones_can_be_chosen(tmp_path: Path) -> None:
    async def scene(desk: Desk) -> None:
        for number in range(210):
            await desk.put_turn({"outcome": "ok"}, client=f"c{number:03}")
        facets = (await desk.json("/requests?client=c209"))["facets"]
        assert isinstance(facets, list)
        client = next(each for each in facets if each["name"] == "client")
        assert client["left_out"] == 9 and len(client["values"]) + len(client["more"]) == 201
        assert [each["name"] for each in client["values"] if each["chosen"]] == ["c209"]
        assert "9 that are rarer" in await desk.html("/requests?client=c209")

    at_desk(tmp_path, scene)
