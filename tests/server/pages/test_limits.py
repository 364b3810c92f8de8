"""The page of keys and limits: what it shows, who may change what, and that a key is shown once."""

from pathlib import Path

import msgspec
import pytest

from llm_gateway.ledger.audit import Entry
from llm_gateway.server.limit_terms import StandingView
from rawhttp import Reply
from server_stage import home_files
from signed_in_stage import TOKEN, Browser, signed_in

LIMITED = """
[[limits]]
scope = "key"
name = "laptop"
requests_per_minute = 1
models = ["demo/*", "<b>bold</b>"]

[[limits]]
scope = "global"
usd_per_month = 50
"""


def made(reply: Reply) -> tuple[str, str]:
    """Return a key that was made, and its id."""
    assert reply.status == 201, reply
    assert reply.header("cache-control") == "no-store"
    key, row = reply.json()["key"], reply.json()["row"]
    assert isinstance(key, str) and isinstance(row, dict)
    return key, str(row["id"])


def lines(told: dict[str, object]) -> dict[str, dict[str, object]]:
    """Return the keys of the page by their names."""
    found = msgspec.convert(told["keys"], list[dict[str, object]])
    return {str(msgspec.convert(each["key"], dict[str, object])["name"]): each for each in found}


def test_a_key_is_shown_once_and_is_nowhere_else(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    shown: list[str] = []

    async def scene(browser: Browser) -> None:
        limits = {"usd_per_day": 2.5, "models": ["demo/*"]}
        asked = {"name": "laptop", "client": "codex-cli", "limits": limits}
        key, key_id = made(await browser.change("POST", "/api/keys", asked))
        after, _ = made(await browser.change("POST", f"/api/key-rotations/{key_id}", {"overlap_seconds": 60}))
        shown.extend((key, after))
        for path in ("/limits", "/limits?ended=1", "/settings"):
            page = await browser.page(path) + str(await browser.json(path))
            assert "laptop" in page
            assert not [each for each in shown if each in page]
        line = lines(await browser.json("/limits"))["laptop"]
        assert line["told"] == "$2.5 per day, models demo/*"
        chat = {"model": "demo/echo", "messages": [{"role": "user", "content": "x"}]}
        opens = await browser.send("POST", "/v1/chat/completions", chat, {"Authorization": f"Bearer {key}"})
        assert opens.status == 200, "the old one is accepted for a minute"

    signed_in(tmp_path / "home", scene)
    written = home_files(tmp_path) + "".join(capfd.readouterr()).encode()
    assert len(shown) == 2 and not [key for key in shown if key.encode() in written]


def test_what_was_done_is_on_record_under_who_did_it(tmp_path: Path) -> None:
    async def scene(browser: Browser) -> None:
        _, key_id = made(await browser.change("POST", "/api/keys", {"name": "laptop"}))
        await browser.change("PUT", f"/api/key-limits/{key_id}", {"parallel": 2})
        assert (await browser.change("DELETE", f"/api/keys/{key_id}")).status == 200
        made(await browser.send("POST", "/api/keys", {"name": "terminal"}, browser.owner))

    signed_in(tmp_path, scene)
    text = (tmp_path / "audit.jsonl").read_text()
    entries = [msgspec.json.decode(line, type=Entry) for line in text.splitlines()]
    done = {(each.action, each.actor.partition(" ")[0]) for each in entries if each.action.startswith("key.")}
    assert done == {
        ("key.create", "owner"),
        ("key.create", "session"),
        ("key.limit", "session"),
        ("key.revoke", "session"),
    }


def test_only_a_person_may_change_keys_and_only_from_our_pages(tmp_path: Path) -> None:
    async def scene(browser: Browser) -> None:
        asked = {"name": "laptop"}
        assert (await browser.send("POST", "/api/keys", asked)).status == 403, "without the CSRF token"
        bearer = {"Authorization": f"Bearer {TOKEN}"}
        assert (await browser.send("POST", "/api/keys", asked, bearer)).status == 401
        assert 'data-dialog="make-key"' in await browser.page("/limits")
        await browser.sign_in(by_token=True)
        refused = await browser.change("POST", "/api/keys", asked)
        assert refused.status == 403 and b"llm-gateway open" in refused.body
        page = await browser.page("/limits")
        assert 'data-dialog="make-key"' not in page and "llm-gateway open" in page
        assert (await browser.json("/limits"))["may_change"] is False

    signed_in(tmp_path, scene)


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ({"name": "<script>alert(1)</script>"}, "is not a name for a key"),
        ({"name": ""}, "is not a name for a key"),
        ({"name": "a", "client": 'x"y'}, "no name of an application"),
        ({"name": "a", "keep_content_days": 9999}, "0 to 90 days"),
        ({"name": "a", "limits": {"parallel": 0}}, "$.limits.parallel"),
        ({"name": "a", "limits": {"usd_per_day": -1}}, "$.limits.usd_per_day"),
        ({"name": "a", "limits": {"wishes": 3}}, "wishes"),
        ({"name": 7}, "$.name"),
        ([], "not what this path takes"),
    ],
)
def test_what_is_wrong_is_told(tmp_path: Path, asked: object, told: str) -> None:
    async def scene(browser: Browser) -> None:
        reply = await browser.change("POST", "/api/keys", asked)
        assert reply.status == 400 and told in reply.body.decode().replace('\\"', '"')
        assert list(lines(await browser.json("/limits"))) == ["first"]

    signed_in(tmp_path, scene)


def test_limits_stand_with_who_says_them_and_how_they_are_written(tmp_path: Path) -> None:
    async def scene(browser: Browser) -> None:
        key, key_id = made(await browser.change("POST", "/api/keys", {"name": "laptop"}))
        await browser.change("PUT", f"/api/key-limits/{key_id}", {"requests_per_minute": 9})
        chat = {"model": "demo/echo", "messages": [{"role": "user", "content": "x"}]}
        await browser.send("POST", "/v1/chat/completions", chat, {"Authorization": f"Bearer {key}"})
        told = await browser.json("/limits")
        found = msgspec.convert(told["limits"], list[StandingView])
        standing = {each.limit.limit: each for each in found}
        minute, month = standing["requests_per_minute"], standing["usd_per_month"]
        assert (minute.mark, minute.said) == ("reached", ["line 3 of gateway.toml", "the key itself"])
        assert month.mark == "ok" and (month.since or "").endswith("-01T00:00:00.000Z")
        page = await browser.page("/limits")
        assert "&lt;b&gt;bold&lt;/b&gt;" in page and "<b>bold" not in page
        assert "<meter" in page and "reached" in page
        line = lines(told)["laptop"]
        assert line["last_used_at"] is not None

    signed_in(tmp_path, scene, LIMITED)


def test_ended_keys_are_shown_when_they_are_asked_for(tmp_path: Path) -> None:
    async def scene(browser: Browser) -> None:
        _, key_id = made(await browser.change("POST", "/api/keys", {"name": "gone"}))
        await browser.change("DELETE", f"/api/keys/{key_id}")
        assert "gone" not in lines(await browser.json("/limits"))
        assert "gone" in lines(await browser.json("/limits?ended=1"))
        page = await browser.page("/limits?ended=1")
        assert "revoked" in page and f"/api/keys/{key_id}" not in page

    signed_in(tmp_path, scene)
