"""What was said is shown, deleted and asked again where it is kept, with a line in the audit log before."""

import json
from pathlib import Path
from typing import cast

import pytest

from fakes import FakeWire
from kept_stage import kept_one
from llm_gateway.ledger.queries import page
from llm_gateway.server.pages.kept_content import KeptContent, named_command
from llm_gateway.server.pages.page import Asked
from request_desk import HTML, JSON, Desk, at_desk
from signed_in_stage import TOKEN, Browser, signed_in

FRAGMENT = (b"hx-request", b"true")
HELLO = "Guten <script>alert(1)</script> Tag"


def actions(desk: Desk) -> list[tuple[str, str]]:
    return [(each.action, each.target) for each in desk.stage.ledger.audit.latest(9)][::-1]


async def a_kept_one(desk: Desk, said: str = HELLO) -> str:
    await desk.put_key(keep_content_days=7)
    return await desk.said(said)


def test_it_is_shown_when_somebody_asks_and_that_is_on_record(tmp_path: Path) -> None:
    async def scene(desk: Desk) -> None:
        made = await a_kept_one(desk)
        text = await desk.html(f"/requests/{made}")
        assert "It is kept, sealed" in text and "Guten" not in text
        assert "Show what was said" not in text, "the token shows nobody what was said"
        cookie = (await desk.sign_in.sessions.begin("link", "", "")).partition(b";")[0]
        text = (await desk.ask(f"/requests/{made}", HTML, (b"cookie", cookie))).body.decode()
        assert "Guten" not in text and "Show what was said" in text
        assert actions(desk)[1:] == [], "to say that it is kept shows nobody anything"
        reply = await desk.ask(f"/request-content/{made}", FRAGMENT, method="POST")
        shown = reply.body.decode()
        assert reply.status == 200 and "Guten &lt;script&gt;" in shown and "<script" not in shown
        assert "The answer" in shown and "Copy as curl, with what was said" in shown
        assert actions(desk)[1:] == [("content.read", made)]
        told = (await desk.json(f"/request-content/{made}", method="POST"))["shown"]
        shown_view = cast(dict[str, list[dict[str, object]]], told)
        assert shown_view["input"][0] == {"who": "user", "text": HELLO, "cut": 0}
        assert shown_view["output"][0]["who"] == "assistant"

    at_desk(tmp_path, scene)


def test_a_person_is_on_record_and_the_dashboards_token_opens_nothing(tmp_path: Path) -> None:
    async def scene(browser: Browser) -> None:
        await browser.sign_in(by_token=True)
        token = {"Authorization": f"Bearer {TOKEN}"}
        for method, path in (
            ("POST", "/request-content/x"),
            ("DELETE", "/request-content/x"),
            ("POST", "/request-replays/x"),
        ):
            assert (await browser.change(method, path, {"model": "demo/echo"})).status == 403
            assert (await browser.send(method, path, {"model": "demo/echo"}, token)).status == 401

    signed_in(tmp_path, scene)


def test_who_looks_is_on_record_by_name(tmp_path: Path) -> None:
    async def scene(desk: Desk) -> None:
        made = await a_kept_one(desk)
        session = await desk.sign_in.sessions.begin("oidc", "ada@example.org", "")
        exchange = FakeWire().exchange(b"POST", b"/", [(b"cookie", session.partition(b";")[0])])
        kept = KeptContent(desk.stage.gateway, desk.keys, desk.content, desk.sign_in.person)
        await kept.show(Asked(exchange, made, ""))
        await kept.erase(Asked(exchange, made, ""))
        latest = desk.stage.ledger.audit.latest(2)
        assert [(each.action, each.actor) for each in latest] == [
            ("content.delete", "ada@example.org"),
            ("content.read", "ada@example.org"),
        ]

    at_desk(tmp_path, scene)


def test_it_is_asked_again_of_another_model(tmp_path: Path) -> None:
    async def scene(desk: Desk) -> None:
        made = await a_kept_one(desk, "Guten Tag")
        body = json.dumps({"model": "first/other"}).encode()
        reply = await desk.ask(f"/request-replays/{made}", FRAGMENT, method="POST", body=body)
        shown = reply.body.decode()
        assert reply.status == 200 and "first/other said" in shown and "<blockquote>" in shown
        again = (await desk.stage.ledger.read(page, limit=1))[0].intent
        assert f'href="/requests/{again.id}"' in shown and again.id != made
        assert (again.caller, again.purpose, again.label) == ("dashboard", "playground", "replay")
        assert not again.counts and again.dialect == "responses"
        assert actions(desk) == [("request.replay", made)]

    at_desk(tmp_path, scene)


def test_a_model_that_nobody_serves_is_an_answer_too(tmp_path: Path) -> None:
    async def scene(desk: Desk) -> None:
        made = await a_kept_one(desk)
        body = json.dumps({"model": "<b>none</b>"}).encode()
        reply = await desk.ask(f"/request-replays/{made}", FRAGMENT, method="POST", body=body)
        assert reply.status == 200 and b"failed" in reply.body and b"<b>none" not in reply.body

    at_desk(tmp_path, scene)


def test_it_is_deleted_for_good(tmp_path: Path) -> None:
    async def scene(desk: Desk) -> None:
        made = await a_kept_one(desk)
        assert await desk.json(f"/request-content/{made}", method="DELETE") == {"erased": True}
        assert actions(desk) == [("content.delete", made)]
        assert (await desk.ask(f"/request-content/{made}", JSON, method="POST")).status == 404
        assert "it never was, was deleted, or its time is over" in await desk.html(f"/requests/{made}")
        assert await desk.json(f"/request-content/{made}", method="DELETE") == {"erased": False}

    at_desk(tmp_path, scene)


@pytest.mark.parametrize("body", [b"", b"{}", b'{"model":1}', b'{"model":"m","more":1}'])
def test_a_wrong_question_is_refused(tmp_path: Path, body: bytes) -> None:
    async def scene(desk: Desk) -> None:
        made = await a_kept_one(desk)
        assert (await desk.ask(f"/request-replays/{made}", JSON, method="POST", body=body)).status == 400
        assert actions(desk) == []

    at_desk(tmp_path, scene)


def test_what_other_dialects_say_is_not_kept(tmp_path: Path) -> None:
    async def scene(desk: Desk) -> None:
        await desk.put_key(keep_content_days=7)
        await kept_one(desk.content)
        made = await desk.put_turn({"outcome": "ok", "response_id": "resp_1"})
        assert "only answers to /v1/responses" in await desk.html(f"/requests/{made}")
        for method in ("POST", "DELETE"):
            assert (await desk.ask(f"/request-content/{made}", JSON, method=method)).status == 404
        assert (await desk.ask("/request-content/nobody", JSON, method="POST")).status == 404

    at_desk(tmp_path, scene)


def test_another_keys_answer_is_nobodys_business(tmp_path: Path) -> None:
    async def scene(desk: Desk) -> None:
        await desk.put_key(id="key_2", name="bob", keep_content_days=7)
        await kept_one(desk.content)
        made = await desk.put_turn(
            {"outcome": "ok", "response_id": "resp_1"}, key_id="key_2", dialect="responses"
        )
        assert "It is kept" not in await desk.html(f"/requests/{made}")
        assert (await desk.ask(f"/request-content/{made}", HTML, method="POST")).status == 404

    at_desk(tmp_path, scene)


def test_anything_that_was_kept_can_be_shown(tmp_path: Path) -> None:
    async def scene(desk: Desk) -> None:
        await desk.put_key(keep_content_days=7)
        await kept_one(desk.content, said="x" * 30_000)
        made = await desk.put_turn({"outcome": "ok", "response_id": "resp_1"}, dialect="responses")
        shown = await desk.html(f"/request-content/{made}", method="POST")
        assert "10,000 more characters are not shown" in shown and "answer" in shown

    at_desk(tmp_path, scene)


def test_a_name_with_a_space_is_one_word_of_a_command() -> None:
    assert named_command("keep", "ada", " 30") == "keep ada 30"
    assert named_command("keep", "a b", " 30") == "keep 'a b' 30"
    assert named_command("keep", "$(id)") == "keep '$(id)'"
