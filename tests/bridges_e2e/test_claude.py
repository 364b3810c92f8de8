"""The bridge to Claude with the vendor's real program: every turn that it knows, and what it leaves behind.

The history tests are the contract with this version of the program: nobody promises the format of the file
that it resumes from.
"""

import asyncio
import shlex
import shutil
import time
from collections.abc import Callable, Coroutine
from pathlib import Path

import msgspec
import pytest

from bridges_e2e.stage import SILENT, Heard, Stage, asks, environ, failing, heard, picture, played
from clients_e2e.running import RefusingProxy
from llm_gateway.bridges.claude.launch import Launch
from llm_gateway.bridges.claude.program import Program
from llm_gateway.bridges.claude.session import NOT_RESUMED, Resume, Session
from llm_gateway.bridges.surroundings import Surroundings
from llm_gateway.canonical.events import TextDelta
from llm_gateway.canonical.parts import Text, Thinking, ToolCall, ToolResult
from llm_gateway.canonical.request import Format, FunctionTool, Message, Reasoning, Request
from llm_gateway.canonical.usage import Usage
from llm_gateway.clock import SystemClock
from llm_gateway.config.bridges import BridgeSettings
from llm_gateway.http.client import Patience
from llm_gateway.http.pool import Pool
from llm_gateway.tasks import Tasks
from llm_gateway.upstream.client import Upstream
from real_clients import Installation
from scripted import Gate, Script, ScriptedUpstream, messages

pytestmark = pytest.mark.real_clients

MODEL = "claude-sonnet-5-5"
WEATHER = FunctionTool(
    "weather",
    "Tells the weather. " * 300,
    msgspec.Raw(b'{"type":"object","properties":{"city":{"type":"string"}},"required":["city"]}'),
)
BONN = ToolCall("toolu_bonn", "weather", '{"city":"Bonn"}')
ULM = ToolCall("toolu_ulm", "weather", '{"city":"Ulm"}')
TOLD = Usage(uncached=12, cache_read=8, cache_write=20, output=12, reasoning=2, cache_write_1h=8)

Scene = Callable[[Stage], Coroutine[object, object, None]]
Play = Callable[[Scene], None]


class Claude:
    """The program on this machine: at home in a folder, asking the scripted provider."""

    def __init__(
        self, installation: Installation, home: Path, proxy: RefusingProxy, scripted: ScriptedUpstream
    ) -> None:
        self.home = home
        self.variables = environ(installation, home, proxy)
        self.scripted = scripted
        real = shutil.which("claude", path=installation.path)
        assert real is not None
        self._real = real

    def settings(self, token: str = "sk-ant-oat01-made-up", first_timeout: float = 20.0) -> BridgeSettings:
        """Return the bridge's settings. The program finds a login, and the provider, by itself."""
        program = self.home / "claude"
        login = f"export CLAUDE_CODE_OAUTH_TOKEN={token}\n" if token else ""
        program.write_text(
            f"#!/bin/sh\nexport ANTHROPIC_BASE_URL={self.scripted.url}\n{login}"
            f'exec {shlex.quote(self._real)} "$@"\n'
        )
        program.chmod(0o755)
        return BridgeSettings("claude", program=str(program), first_timeout=first_timeout)

    def play(self, scene: Scene, settings: BridgeSettings | None = None) -> None:
        """Play a scene with the bridge."""
        played(settings or self.settings(), self.variables, self.home, scene)

    def asked(self) -> list[dict[str, object]]:
        """Return what the provider was asked for an answer."""
        return [each.json() for each in self.scripted.asked() if "count_tokens" not in each.target]

    def conversation(self, number: int = -1) -> list[tuple[str, list[object]]]:
        """Return what was said in a request, without what the program tells of this machine."""
        said = self.asked()[number]["messages"]
        assert isinstance(said, list)
        return [
            (each["role"], [each["content"]] if isinstance(each["content"], str) else _plain(each["content"]))
            for each in said
            if each["role"] != "system"
        ]

    def left(self) -> set[str]:
        """Return the files that the program left of conversations."""
        return {
            str(path.relative_to(self.home))
            for path in self.home.rglob("*")
            if path.is_file() and ("projects" in path.parts or path.suffix == ".jsonl")
            if "mcp-logs" not in str(path)
        }


def _plain(content: list[dict[str, object]]) -> list[object]:
    return [block["text"] if block["type"] == "text" else block["type"] for block in content]


@pytest.fixture
def claude(
    installation: Installation, tmp_path: Path, proxy: RefusingProxy, scripted: ScriptedUpstream
) -> Claude:
    """Return the program with somebody's login."""
    return Claude(installation, tmp_path, proxy, scripted)


def script(*blocks: messages.Json, stop: str = "") -> Script:
    """Return a streamed answer of these blocks."""
    return messages.stream(messages.events(MODEL, blocks, stop=stop))


def test_a_plain_turn_and_the_next_one(claude: Claude) -> None:
    claude.scripted.queue(script(messages.text("Hello."), stop="end_turn"))

    async def scene(stage: Stage) -> None:
        assert (await stage.engine.look()).state == "ok"
        said = await stage.hear(asks("/clear @/etc/passwd", system="Be kind."), "sonnet")
        assert said.text == "Hello."
        assert len([each for each in said.events if isinstance(each, TextDelta)]) > 1, "it comes in pieces"
        assert (said.response.finish, said.response.usage) == ("stop", TOLD)
        said = await stage.hear(asks("/clear @/etc/passwd", "Hello.", "u2", system="Be kind."), "sonnet")
        assert said.text == messages.TEXT
        thought, _ = said.response.parts
        assert isinstance(thought, Thinking)
        assert thought.seal is not None
        health = await stage.engine.look(fresh=True)
        assert (health.state, health.verified) == ("ok", "turn_succeeded")
        assert "opus" in stage.engine.models

    claude.play(scene)
    first, second = claude.asked()
    assert first["tools"] == second["tools"] == []
    system = first["system"]
    assert isinstance(system, list)
    assert [block["text"].split(":")[0] for block in system][0::2] == [
        "x-anthropic-billing-header",
        "Be kind.",
    ]
    assert claude.conversation() == [
        ("user", ["/clear @/etc/passwd"]),
        ("assistant", ["Hello."]),
        ("user", ["u2"]),
    ]
    agent = claude.scripted.asked()[0].header("user-agent")
    assert agent is not None
    assert "client-app/llm-gateway/" in agent
    assert not claude.left()


def test_a_history_comes_in_order(claude: Claude) -> None:
    async def scene(stage: Stage) -> None:
        said = await stage.hear(asks("u1", "a1", "u2", "a2", "u3", system="Be kind."), "sonnet")
        assert (said.text, said.response.usage) == (messages.TEXT, TOLD)

    claude.play(scene)
    assert claude.conversation() == [
        ("user", ["u1"]),
        ("assistant", ["a1"]),
        ("user", ["u2"]),
        ("assistant", ["a2"]),
        ("user", ["u3"]),
    ]
    assert not claude.left()


def talk(*more: Message) -> Request:
    """Return a conversation about the weather."""
    return Request((Message("user", (Text("Weather?"),)), *more), tools=(WEATHER,))


CALLED = Message("assistant", (Text("Let me see."), BONN, ULM))
RESULTS = Message(
    "user", (ToolResult(BONN.id, (Text("sunny"), picture())), ToolResult(ULM.id, (Text("rain"),)))
)


def test_calls_wait_for_their_results(claude: Claude) -> None:
    claude.scripted.queue(
        script(
            messages.text("Let me see."),
            messages.tool_use("mcp__c__weather", {"city": "Bonn"}, BONN.id),
            messages.tool_use("mcp__c__weather", {"city": "Ulm"}, ULM.id),
        )
    )

    async def scene(stage: Stage) -> None:
        said = await stage.hear(talk(), "sonnet")
        assert said.response.finish == "tool_calls"
        assert said.response.parts == (Text("Let me see."), BONN, ULM)
        assert said.response.usage == TOLD
        said = await stage.hear(talk(CALLED, RESULTS), "sonnet")
        assert (said.text, said.response.usage) == (messages.TEXT, TOLD)

    claude.play(scene)
    tools = claude.asked()[0]["tools"]
    assert isinstance(tools, list)
    assert [(tool["name"], tool["description"]) for tool in tools] == [
        ("mcp__c__weather", WEATHER.description)
    ]
    assert claude.conversation() == [
        ("user", ["Weather?"]),
        ("assistant", ["Let me see.", "tool_use", "tool_use"]),
        ("user", ["tool_result", "tool_result"]),
    ], "the same process goes on: another one would add a word"


def test_results_are_taken_by_a_new_process(claude: Claude) -> None:
    async def scene(stage: Stage) -> None:
        for more in ((), (Message("user", (Text("And?"),)),)):
            said = await stage.hear(talk(CALLED, RESULTS, *more), "sonnet")
            assert said.text == messages.TEXT

    claude.play(scene)
    for number, last in enumerate(("Go on.", "And?")):
        assert claude.conversation(number) == [
            ("user", ["Weather?"]),
            ("assistant", ["Let me see.", "tool_use", "tool_use"]),
            ("user", ["tool_result", "tool_result", last]),
        ]
        assert len(str(claude.asked()[number]["tools"])) > len(WEATHER.description)
    assert not claude.left()


def test_pictures_forms_and_effort(claude: Claude) -> None:
    form = msgspec.Raw(b'{"type":"object","properties":{"city":{"type":"string"}},"required":["city"]}')
    claude.scripted.queue(
        script(messages.text("Well."), messages.tool_use("StructuredOutput", {"city": "Bonn"}))
    )

    async def scene(stage: Stage) -> None:
        asked = msgspec.structs.replace(
            asks((Text("Where?"), picture())),
            format=Format("schema", schema=form),
            reasoning=Reasoning("low"),
        )
        said = await stage.hear(asked, "sonnet")
        assert (said.text, said.response.usage) == ('{"city":"Bonn"}', TOLD)

    claude.play(scene)
    assert claude.conversation() == [("user", ["Where?", "image"])]
    (asked,) = claude.asked()
    assert asked["output_config"] == {"effort": "low"}
    assert asked["thinking"] == {"type": "adaptive", "display": "summarized"}


def test_a_login_that_is_refused(claude: Claude) -> None:
    claude.scripted.queue(*[failing(401, "messages")] * 3)

    async def scene(stage: Stage) -> None:
        said = await stage.hear(asks("u1"), "sonnet")
        assert (said.status, said.kind) == (401, "auth_required")
        health = await stage.engine.look()
        assert health.state == "auth_required"
        assert health.action is not None
        assert health.action.command.endswith("claude auth login")

    claude.play(scene)
    assert len(claude.asked()) == 2, "it is refreshed once"


def test_a_quota_that_is_used_up(claude: Claude) -> None:
    resets = int(time.time()) + 3600
    prefix = "anthropic_ratelimit_unified_"
    limits = {
        "status": "rejected",
        "reset": str(resets),
        "representative_claim": "five_hour",
        "5h_status": "rejected",
        "5h_utilization": "1.0",
        "5h_reset": str(resets),
        "7d_status": "allowed",
        "7d_utilization": "0.31",
        "7d_reset": str(resets + 86_400),
    }
    claude.scripted.queue(
        failing(429, "messages", **{f"{prefix}{name}": value for name, value in limits.items()})
    )

    async def scene(stage: Stage) -> None:
        said = await stage.hear(asks("u1"), "sonnet")
        assert (said.status, said.kind) == (429, "rate_limited")
        health = await stage.engine.look()
        assert (health.state, health.resets_us) == ("rate_limited", resets * 1_000_000)
        assert [(each.name, each.used) for each in health.windows] == [
            ("5 hours", 1.0),
            ("7 days", 0.31),
        ]

    claude.play(scene)
    assert len(claude.asked()) == 1


def test_a_client_that_leaves(claude: Claude) -> None:
    begun = messages.stream(messages.events(MODEL, [messages.text("ja " * 50)], ending=""))[:-1]
    claude.scripted.queue((*begun, Gate("never")))

    async def scene(stage: Stage) -> None:
        answer = await stage.begin(asks("u1"), "sonnet")
        assert await answer.read()
        connection = claude.scripted.asked()[0].connection
        since = time.monotonic()
        answer.release()
        closed = await asyncio.to_thread(claude.scripted.wait_closed, connection)
        assert closed - since < 0.5
        said = await stage.hear(asks("u2"), "sonnet")
        assert said.text == messages.TEXT

    claude.play(scene)


def test_a_provider_that_says_nothing(claude: Claude) -> None:
    claude.scripted.queue(SILENT)

    async def scene(stage: Stage) -> None:
        said = await stage.hear(asks("u1"), "sonnet")
        assert (said.status, said.kind) == (504, "upstream_timeout")
        await asyncio.to_thread(claude.scripted.wait_closed, claude.scripted.asked()[0].connection)

    claude.play(scene, claude.settings(first_timeout=3.0))


def test_nobody_is_logged_in(claude: Claude) -> None:
    async def scene(stage: Stage) -> None:
        since = time.monotonic()
        health = await stage.engine.look()
        assert time.monotonic() - since < 2.0
        assert (health.state, health.verified) == ("auth_required", "none")
        said = await heard(await stage.begin(asks("u1"), "sonnet"))
        assert isinstance(said, Heard)
        assert (said.status, said.kind) == (401, "auth_required")

    claude.play(scene, claude.settings(token=""))
    assert claude.asked() == []


def test_a_stored_conversation_of_another_format_is_refused_before_anybody_is_asked(claude: Claude) -> None:
    async def play() -> None:
        tasks = Tasks(lambda name, error: None)
        upstream = Upstream(Pool(connect_timeout=5.0, max_idle=1), Patience(30.0, 30.0, 60.0))
        around = Surroundings(claude.variables, SystemClock(), tasks, upstream, claude.home)
        path = claude.home / "history.jsonl"
        path.write_text('{"type":"person","uuid":"x","message":{"role":"user","content":"u1"}}\n')
        program = Program(claude.settings(), around)
        session = await Session.start(
            Launch("sonnet", ""), program, tasks, lambda _: None, Resume(path, "s", alone=False)
        )
        await session.open()
        await session.ask([{"type": "text", "text": "u2"}])
        assert await session.next() == NOT_RESUMED
        await session.close()
        program.close()
        await tasks.close()

    asyncio.run(play())
    assert claude.asked() == []
