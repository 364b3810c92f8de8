"""Codex's login and its person's own settings, as its app server tells of them; nobody's account is used."""

import json
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from bridges_e2e.stage import Stage, asks, environ, played
from clients_e2e.rows import CODEX_LOGIN
from clients_e2e.running import RefusingProxy
from llm_gateway.bridges.faults import BridgeFault
from llm_gateway.config.bridges import BridgeSettings
from real_clients import Installation
from scripted import Received, Script, ScriptedUpstream, Send, chat, responses
from scripted.wording import response

pytestmark = pytest.mark.real_clients

MODEL = "gpt-5.5"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder of the bridges that remembers what it found out of the program."""
    return tmp_path_factory.mktemp("bridges")


def json_of(status: int, body: object) -> Script:
    return (Send(response(status, json.dumps(body).encode())),)


def vendor(request: Received, names: Sequence[str]) -> Script | None:
    """Answer as the vendor's service does for an account, and for a turn whose body is packed."""
    path = request.target.partition("?")[0]
    if path.endswith("/wham/accounts/check"):
        entry = {"id": "account-of-nobody", "account_id": "account-of-nobody", "structure": "personal"}
        routing = {"workspace_backend_origin": "https://chatgpt.com", "account_routing_override": "us"}
        return json_of(200, {"accounts": [{**entry, **routing}], "account_ordering": ["account-of-nobody"]})
    if path.endswith("/wham/usage"):
        short = {"used_percent": 42, "limit_window_seconds": 18_000, "reset_after_seconds": 9}
        long = {"used_percent": 5, "limit_window_seconds": 604_800, "reset_after_seconds": 9}
        limits = {
            "allowed": True,
            "limit_reached": False,
            "primary_window": {**short, "reset_at": 2_000_000_000},
            "secondary_window": {**long, "reset_at": 2_000_000_001},
        }
        return json_of(200, {"plan_type": "plus", "rate_limit": limits, "credits": None})
    if path == "/v1/responses" and request.method == "POST":
        return responses.stream(responses.events(MODEL))
    return None


@pytest.fixture
def service() -> Iterator[ScriptedUpstream]:
    """Return the vendor's service."""
    with ScriptedUpstream((MODEL,), (vendor, chat.respond)) as upstream:
        yield upstream


def logged_in(home: Path, url: str) -> BridgeSettings:
    """Leave a login as `codex login` does, of nobody, to a service on loopback."""
    home.mkdir()
    login = json.loads(CODEX_LOGIN.files[".codex/auth.json"])
    login["tokens"]["access_token"] = login["tokens"]["id_token"]
    (home / "auth.json").write_text(json.dumps(login))
    told = f'openai_base_url = "{url}/v1"\nchatgpt_base_url = "{url}/backend-api/"\n'
    (home / "config.toml").write_text(told)
    return BridgeSettings("codex", home=str(home))


def test_without_a_login(
    tmp_path: Path, folder: Path, installation: Installation, proxy: RefusingProxy
) -> None:
    async def scene(stage: Stage) -> None:
        began = time.monotonic()
        health = await stage.engine.look()
        assert time.monotonic() - began < 2
        if health.state == "starting":
            health = await stage.engine.look(fresh=True)
        assert (health.state, health.verified) == ("auth_required", "none")
        assert health.action is not None
        assert health.action.command == "llm-gateway login codex"
        assert health.version == installation.wanted("npm")["@openai/codex"]
        answer = await stage.hear(asks("Hello"), MODEL)
        assert (answer.kind, answer.status) == ("auth_required", 401)
        with pytest.raises(BridgeFault) as fault:
            [step async for step in stage.engine.bridge.login()]
        assert fault.value.kind == "bridge_unreachable", "no code without the vendor"
        await stage.engine.bridge.logout()

    settings = BridgeSettings("codex", home=str(tmp_path / "codex"))
    played(settings, environ(installation, tmp_path, proxy), folder, scene)


def test_with_a_login(
    tmp_path: Path, folder: Path, installation: Installation, proxy: RefusingProxy, service: ScriptedUpstream
) -> None:
    async def scene(stage: Stage) -> None:
        await stage.engine.look()
        health = await stage.engine.look(fresh=True)
        assert (health.state, health.verified, health.account) == ("ok", "login_seen", "plus")
        windows = [(window.name, window.used, window.resets_us) for window in health.windows]
        assert windows == [
            ("5 hours", 0.42, 2_000_000_000_000_000),
            ("7 days", 0.05, 2_000_000_001_000_000),
        ]
        assert "nobody" not in repr(health)
        await stage.engine.bridge.logout()
        assert (await stage.engine.look(fresh=True)).state == "auth_required"

    settings = logged_in(tmp_path / "codex", service.url)
    played(settings, environ(installation, tmp_path, proxy), folder, scene)


def test_a_login_whose_vendor_is_out_of_reach(
    tmp_path: Path, folder: Path, installation: Installation, proxy: RefusingProxy
) -> None:
    async def scene(stage: Stage) -> None:
        await stage.engine.look()
        assert (await stage.engine.look(fresh=True)).state == "unreachable", "not auth_required"
        began = time.monotonic()
        answer = await stage.hear(asks("Hello"), MODEL)
        assert (answer.kind, answer.status) == ("bridge_unreachable", 502)
        assert time.monotonic() - began < 5

    settings = logged_in(tmp_path / "codex", "http://127.0.0.1:9")
    played(settings, environ(installation, tmp_path, proxy), folder, scene)


def test_a_network_without_websockets_lets_answers_through(
    tmp_path: Path, folder: Path, installation: Installation, proxy: RefusingProxy, service: ScriptedUpstream
) -> None:
    """Codex tells five times that it tries again before it goes on without them."""

    async def scene(stage: Stage) -> None:
        assert (await stage.hear(asks("Hello"), MODEL)).text == responses.TEXT

    settings = logged_in(tmp_path / "codex", service.url)
    played(settings, environ(installation, tmp_path, proxy), folder, scene)


SPY = """
import pathlib
pathlib.Path({told!r}).write_text("it runs")
"""


def test_the_persons_own_settings_are_put_out_of_the_way(
    tmp_path: Path, folder: Path, installation: Installation, proxy: RefusingProxy, scripted: ScriptedUpstream
) -> None:
    home, told = tmp_path / "codex", tmp_path / "told"
    home.mkdir()
    (tmp_path / "spy.py").write_text(SPY.format(told=str(told)))
    spy = f'["{tmp_path / "spy.py"}"]'
    (home / "AGENTS.md").write_text("Speak like a pirate.")
    (home / "config.toml").write_text(
        f'model_provider = "scripted"\ndeveloper_instructions = "Be rude."\nnotify = ["python3", {spy[1:]}\n'
        'service_tier = "priority"\nmodel_reasoning_effort = "xhigh"\nmodel_verbosity = "high"\n'
        '[model_providers.scripted]\nname = "scripted"\nwire_api = "responses"\nsupports_websockets = false\n'
        f'base_url = "{scripted.url}/v1"\nexperimental_bearer_token = "not-a-token"\n'
        f'[mcp_servers.spy]\ncommand = "python3"\nargs = {spy}\n'
        "[features]\ncurrent_time_reminder = true\n"
    )

    async def scene(stage: Stage) -> None:
        answer = await stage.hear(asks("Hello"), MODEL)
        assert answer.text == responses.TEXT
        assert [loss.what for loss in answer.losses] == ["messages.system"]

    played(BridgeSettings("codex", home=str(home)), environ(installation, tmp_path, proxy), folder, scene)
    (asked,) = scripted.asked()
    body = asked.json()
    assert body["reasoning"] == {"effort": "medium"}
    assert not {"service_tier", "text"} & body.keys()
    assert not body.get("tools")
    talk = body["input"]
    assert isinstance(talk, list)
    assert [item["content"][0]["text"][:11] for item in talk] == ["# AGENTS.md", "Hello"]
    assert not told.exists(), "neither the MCP server nor who is to be notified was started"


def test_no_program(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        health = await stage.engine.look()
        assert health.state == "not_installed"
        assert health.action is not None
        assert health.action.command == "npm install -g @openai/codex"
        assert (await stage.hear(asks("Hello"), MODEL)).kind == "bridge_not_installed"

    played(BridgeSettings("codex"), {"PATH": str(tmp_path)}, tmp_path, scene)
