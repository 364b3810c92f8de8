"""The bridge to GitHub Copilot with its real CLI, before a GitHub on loopback: login, account, turns."""

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from bridges.copilot.github import BLIND, MODEL, USER_CODE, GitHub, github
from bridges_e2e.stage import SILENT, Stage, asks, environ, failing, heard, picture, played
from clients_e2e.running import RefusingProxy
from llm_gateway.bridges.health import Health
from llm_gateway.canonical.events import Finished
from llm_gateway.canonical.parts import Text, Thinking, ToolCall, ToolResult
from llm_gateway.canonical.request import Format, FunctionTool, Message, Request
from llm_gateway.canonical.usage import Usage
from llm_gateway.config.bridges import BridgeSettings
from real_clients import Installation
from scripted import Gate, Send, chat
from scripted.wording import chunk, stream_head

pytestmark = pytest.mark.real_clients

SETTINGS = BridgeSettings("github-copilot", first_timeout=120)
"""A first turn may wait for a first start, which unpacks 190 MB: on a machine that is busy, for a minute."""
SOON = BridgeSettings("github-copilot", first_timeout=10)
USAGE = Usage(uncached=32, cache_read=8, output=12, reasoning=2)
"""What the scripted provider says that it counted, chat.USAGE."""
TOOLS = (FunctionTool("lookup", "Looks a city up."), FunctionTool("bash", "The client's own."))
SECRET = "Nobody else may know this."


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a HOME in which the CLI unpacks itself once, and may keep a login without a keychain."""
    home = tmp_path_factory.mktemp("copilot")
    (home / ".copilot").mkdir()
    (home / ".copilot" / "settings.json").write_text('{"storeTokenPlaintext": true}', encoding="utf-8")
    return home


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GitHub]:
    """Return GitHub on loopback."""
    with github(tmp_path_factory.mktemp("github")) as running:
        yield running


@pytest.fixture
def variables(installation: Installation, home: Path, proxy: RefusingProxy, hub: GitHub) -> dict[str, str]:
    """Return the environment of somebody who is logged in."""
    hub.upstream.forget()
    return {**environ(installation, home, proxy), **hub.environ()}


async def _settled(stage: Stage) -> Health:
    """Return how the bridge is, once its program has started, and has told what it is asked for."""
    async with asyncio.timeout(100):
        while True:
            health = await stage.engine.look(fresh=True)
            told = health.state != "ok" or (health.windows and stage.engine.models)
            if told and health.state not in ("starting", "unreachable"):  # it may say nothing within a second
                return health
            await asyncio.sleep(0.2)


def _asked(hub: GitHub, count: int) -> list[object]:
    """Return the messages of the request of this number, the date taken out that the CLI puts there."""
    messages = hub.asked(count)[count - 1]["messages"]
    assert isinstance(messages, list)
    for message in messages:
        if isinstance(message["content"], str) and message["content"].startswith("<current_datetime>"):
            message["content"] = message["content"].partition("\n\n")[2]
    return messages


def test_it_answers_as_a_plain_model(
    hub: GitHub, variables: dict[str, str], tmp_path: Path, home: Path
) -> None:
    async def scene(stage: Stage) -> None:
        health = await _settled(stage)
        assert (health.state, health.verified, health.account) == ("ok", "login_seen", "individual")
        assert [(window.name, window.used) for window in health.windows] == [("premium_interactions", 0.75)]
        assert stage.engine.models == ("auto", MODEL, BLIND)
        system = {"role": "system", "content": "Be brief."}
        first = await stage.hear(asks(SECRET, system="Be brief."), MODEL)
        assert (first.text.strip(), first.response.usage) == (chat.TEXT, USAGE)
        assert len([event for event in first.events if event == Finished("stop")]) == 1
        assert _asked(hub, 1) == [system, {"role": "user", "content": SECRET}]
        assert "tools" not in hub.asked()[0]
        await stage.hear(asks(SECRET, first.text, "And?", system="Be brief."), MODEL)
        roles = [message["role"] for message in _asked(hub, 2)]  # type: ignore[index]
        assert roles == ["system", "user", "assistant", "user"]
        form = Format("schema", "n")
        thought = (Thinking("t"), Text("a1"))
        asked = asks("u1", thought, ("u2", picture())[1:], system="Be brief.")
        await stage.hear(Request(asked.messages, format=form), MODEL)
        told = _asked(hub, 3)
        assert told[:3] == [system, {"role": "user", "content": "u1"}, {"role": "assistant", "content": "a1"}]
        assert "data:image/png;base64," in str(told[3])
        assert hub.asked(3)[2]["response_format"]
        blind = await stage.hear(asks((picture(),)), BLIND)
        assert (blind.status, blind.kind) == (400, "refused")

    played(SETTINGS, variables, tmp_path, scene)
    words = SECRET.encode()
    kept = [file for file in home.rglob("*") if file.is_file() and words in file.read_bytes()]
    assert not kept, "the CLI keeps no word of a conversation"


def test_calls_go_to_the_client_and_their_results_come_back(
    hub: GitHub, variables: dict[str, str], tmp_path: Path
) -> None:
    begun = Request((Message("user", (Text("go"),)),), tools=TOOLS)
    results = (
        Message("user", (ToolResult("c1", (Text("sunny"),)),)),
        Message("user", (ToolResult("c2", (Text("it failed"),), is_error=True),)),
    )

    async def scene(stage: Stage) -> None:
        calls = [chat.tool_call("lookup", {"city": "K"}, "c1"), chat.tool_call("bash", {"x": 1}, "c2")]
        hub.upstream.queue(chat.stream(chat.events(MODEL, tool_calls=calls)))
        called = await stage.hear(begun, MODEL)
        parts = called.response.parts
        assert called.response.finish == "tool_calls"
        assert [(part.id, part.name) for part in parts if isinstance(part, ToolCall)] == [
            ("c1", "lookup"),
            ("c2", "bash"),
        ]
        whole = Request((*begun.messages, Message("assistant", parts), *results), tools=TOOLS)
        for count in (2, 3):  # in the session that waits, then in one that is told of it
            answered = await stage.hear(whole, MODEL)
            assert (answered.text.strip(), answered.response.usage) == (chat.TEXT, USAGE)
            user, assistant, *told = _asked(hub, count)
            assert user == {"role": "user", "content": "go"}
            assert len(assistant["tool_calls"]) == 2  # type: ignore[index]
            assert [(each["tool_call_id"], each["content"]) for each in told] == [  # type: ignore[index]
                ("c1", "sunny"),
                ("c2", "it failed"),
            ]
        offered = str(hub.asked()[0]["tools"])
        assert offered.count("'type': 'function'") == 2, "none of the agent's own"

    played(SETTINGS, variables, tmp_path, scene)


def test_faults_are_told_as_what_they_are(hub: GitHub, variables: dict[str, str], tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        await _settled(stage)
        for status, kind, tries in ((429, "rate_limited", 1), (401, "auth_required", 3)):
            hub.upstream.queue(*[failing(status, "chat")] * 4)
            began = time.monotonic()
            refused = await stage.hear(asks("x"), MODEL)
            assert (refused.status, refused.kind) == (status, kind)
            assert len(hub.upstream.asked()) <= tries
            assert time.monotonic() - began < 15
            hub.upstream.forget()
        assert (await stage.hear(asks("x"), "no-such-model")).kind == "refused"

    played(SETTINGS, variables, tmp_path, scene)


def test_a_turn_that_does_not_come_to_its_end_is_stopped(
    hub: GitHub, variables: dict[str, str], tmp_path: Path
) -> None:
    async def scene(stage: Stage) -> None:
        await _settled(stage)
        hub.upstream.queue(SILENT)
        late = await stage.hear(asks("x"), MODEL)
        assert (late.status, late.kind) == (504, "upstream_timeout")
        await asyncio.to_thread(hub.upstream.wait_closed, hub.upstream.asked()[-1].connection)
        begin = stream_head() + b"".join(map(chunk, chat.events(MODEL, ["one ", "two "])[:2]))
        hub.upstream.forget()
        hub.upstream.queue((Send(begin), Gate("never")))
        answer = await stage.begin(asks("x"), MODEL)
        await answer.arrive()
        connection = hub.upstream.asked()[-1].connection
        stopped = time.monotonic()
        answer.release()
        closed = await asyncio.to_thread(hub.upstream.wait_closed, connection)
        assert closed - stopped < 0.5
        hub.upstream.open("never")
        assert (await stage.hear(asks("x"), MODEL)).status == 200, "it answers the next"

    played(SOON, variables, tmp_path, scene)


def test_nobody_is_logged_in_until_somebody_is(variables: dict[str, str], tmp_path: Path, home: Path) -> None:
    async def scene(stage: Stage) -> None:
        health = await _settled(stage)
        assert (health.state, health.verified) == ("auth_required", "none")
        assert health.action is not None
        assert health.action.command == "llm-gateway login github-copilot"
        refused = await heard(await stage.begin(asks("x"), MODEL))
        assert (refused.status, refused.kind) == (401, "auth_required")
        code, done = [step async for step in stage.engine.bridge.login()]
        stage.engine.renewed()
        assert (code.kind, code.code, code.url) == ("code", USER_CODE, "https://github.com/login/device")
        assert done.kind == "done"
        assert (await _settled(stage)).state == "ok"
        await stage.engine.bridge.logout()
        assert "gho_" not in (home / ".copilot" / "config.json").read_text(encoding="utf-8")

    variables.pop("COPILOT_GITHUB_TOKEN")
    played(SETTINGS, variables, tmp_path, scene)
