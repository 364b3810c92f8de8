"""The page of settings and the doctor, and what the bundle for support does not hold."""

import json
from pathlib import Path

import msgspec
import pytest

from llm_gateway.server.checks import Finding
from llm_gateway.server.diagnosis import Diagnosed
from llm_gateway.server.support import Bundle
from signed_in_stage import TOKEN, Browser, signed_in

CANARY = "canary-of-a-secret-0123456789"
KEY = "sk-canary-key-0123456789abcdef"
MAIL = "ada.lovelace@example.org"
SET = f"""
[server]
default_provider = "far"

[[providers]]
name = "far"
base_url = "http://127.0.0.1:9/v1?token={CANARY}"
api_key_env = "FAR_API_KEY"
models = ["m"]

[[subscriptions]]
name = "{MAIL}"
draws = ["claude"]
owner = "Ada Lovelace"

[aliases]
fast = ["demo/echo"]
"""


def checks(told: dict[str, object]) -> dict[str, Finding]:
    """Return what the doctor found, by the names of the checks."""
    found = msgspec.convert(told["found"], Diagnosed)
    return {each.check: each for each in found.checks}


def test_a_program_gets_all_checks_with_their_evidence(tmp_path: Path) -> None:
    async def scene(browser: Browser) -> None:
        told = await browser.json("/settings")
        found = checks(told)
        wanted = {"configuration", "home", "disk", "audit log", "content", "exposure", "prices", "ledger"}
        assert wanted <= found.keys() and found["ledger"].finding == "connected"
        assert msgspec.convert(told["health"], dict[str, object])["status"] == "ok"
        (tmp_path / "owner-token").chmod(0o644)
        assert checks(await browser.json("/settings"))["home"].severity == "ok", "looked at a moment ago"
        assert checks(await browser.json("/settings?fresh=1"))["home"].severity == "error"

    signed_in(tmp_path, scene)


def test_a_browser_gets_the_page_at_once_and_the_checks_after_it(tmp_path: Path) -> None:
    async def scene(browser: Browser) -> None:
        page = await browser.page("/settings")
        assert 'id="checks"' in page and "server.port" in page and "dashboard.sign-in" in page
        fields = {**browser.fields, "HX-Request": "true"}
        part = (await browser.send("GET", "/settings?part=checks", fields=fields)).body.decode()
        assert part.lstrip().startswith("<section") and "audit log" in part and "<html" not in part
        assert "hx-trigger" not in part, "what was found is not asked for again"

    signed_in(tmp_path, scene)


def test_settings_have_their_origin_and_secrets_are_named_alone(tmp_path: Path) -> None:
    async def scene(browser: Browser) -> None:
        own = await browser.page("/settings")
        assert "line 3 of gateway.toml" in own and "dashboard_token" in own and "***" in own
        assert "upstream.connect_timeout" not in own
        every = await browser.page("/settings?settings=all")
        assert "upstream.connect_timeout" in every and "demo/echo" in every
        assert TOKEN not in own + every

    signed_in(tmp_path, scene, SET.replace(f"?token={CANARY}", ""), {"FAR_API_KEY": KEY})


def test_a_file_that_cannot_be_used_is_told_with_its_line(tmp_path: Path) -> None:
    async def scene(browser: Browser) -> None:
        (tmp_path / "gateway.toml").write_text("[server]\n\nidle_timeout = 'many<b>'\n")
        assert not await browser.app.reload()
        page = await browser.page("/settings")
        assert "(line 3 of gateway.toml)" in page and "many&lt;b&gt;" in page
        assert checks(await browser.json("/settings?fresh=1"))["reload"].severity == "error"

    signed_in(tmp_path, scene, "[server]\nidle_timeout = 60\n")


def test_sessions_are_listed_and_can_be_ended(tmp_path: Path) -> None:
    async def scene(browser: Browser) -> None:
        first = dict(browser.fields)
        hostile = {"User-Agent": "<img src=x onerror=alert(1)>"}
        browser.fields = {}
        await browser.sign_in()
        opened = await browser.send("POST", "/api/open", {}, browser.owner)
        link = str(opened.json()["url"]).partition("#link=")[2]
        await browser.send("POST", "/sign-in/link", {"link": link}, hostile)
        page = await browser.page("/settings")
        assert "&lt;img src=x" in page and "<img src=x" not in page and "this one" in page
        assert (await browser.change("DELETE", "/api/dashboard/sessions")).json() == {"ended": 2}
        assert (await browser.send("GET", "/settings", fields=first)).status == 401
        assert "End all others" not in await browser.page("/settings")

    signed_in(tmp_path, scene)


@pytest.mark.parametrize("who", ["session", "token"])
def test_the_bundle_holds_no_secret_and_nobody(tmp_path: Path, who: str) -> None:
    async def scene(browser: Browser) -> None:
        asked = {"model": "far/m", "messages": [{"role": "user", "content": CANARY}]}
        made = await browser.change("POST", "/api/keys", {"name": "laptop"})
        key = str(made.json()["key"])
        await browser.send("POST", "/v1/chat/completions", asked, {"Authorization": f"Bearer {key}"})
        fields = browser.fields if who == "session" else {"Authorization": f"Bearer {TOKEN}"}
        reply = await browser.send("GET", "/settings/support.json", fields=fields)
        assert reply.status == 200 and reply.header("cache-control") == "no-store"
        assert 'filename="llm-gateway-support-' in (reply.header("content-disposition") or "")
        text = reply.body.decode()
        for secret in (CANARY, KEY, MAIL, "Lovelace", TOKEN, key, browser.owner["Authorization"][7:]):
            assert secret not in text
        assert str(tmp_path) not in text
        told = msgspec.convert(json.loads(text), Bundle)
        assert told.errors[0].provider == "far" and told.errors[0].error
        assert {"llm-gateway", "python", "sqlite"} <= told.versions.keys()
        assert [each.value for each in told.settings if each.name == "providers.far.models"] == ['["m"]']

    config = SET.replace(f"?token={CANARY}", "")
    signed_in(tmp_path, scene, config, {"FAR_API_KEY": KEY, "OTHER_TOKEN": CANARY})
