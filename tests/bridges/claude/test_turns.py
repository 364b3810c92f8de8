"""Turns: which session answers, what it is told, what is kept for the next, what a client hears of faults."""

import asyncio
import stat
import time
from pathlib import Path

import msgspec
import psutil
import pytest

from bridges.claude.claude_stage import (
    END,
    Json,
    Stage,
    assistant,
    calls,
    fault_of,
    made,
    piece,
    played,
    says,
    spoken,
    system,
    user,
)
from llm_gateway.bridges.contract import Ask
from llm_gateway.canonical.events import Finished, TextDelta
from llm_gateway.canonical.parts import Image, Link, ToolCall, ToolResult
from llm_gateway.canonical.parts import Text as Words
from llm_gateway.canonical.request import Format, FunctionTool, Request, ToolChoice
from llm_gateway.canonical.usage import Usage
from llm_gateway.dialects.bridge.stream import Lost

WEATHER = FunctionTool("weather", "Tells it.", msgspec.Raw(b'{"type":"object"}'))
BONN = ("toolu_1", "mcp__c__weather", '{"city":"Bonn"}')
CALLED = assistant("Let me see.", ToolCall("toolu_1", "weather", '{"city": "Bonn"}'))
SUNNY = user(ToolResult("toolu_1", (Words("sunny"),)))
LIMITS: Json = {
    "type": "rate_limit_event",
    "rate_limit_info": {
        "status": "rejected",
        "resetsAt": 1_700_003_600,
        "unifiedWindows": {"five_hour": {"utilization": 1, "resetsAt": 1_700_003_600, "status": "rejected"}},
    },
}
FAILED = {"type": "result", "is_error": True, "num_turns": 1}


def failure(error: str, status: int | None = None) -> list[Json]:
    return [{"type": "assistant", "message": {}, "error": error, "api_error_status": status}, FAILED]


def retry(status: int | None, attempt: int = 1) -> Json:
    waits = {"attempt": attempt, "retry_delay_ms": 7000, "error_status": status}
    return {"type": "system", "subtype": "api_retry", **waits}


def looking() -> list[Json]:
    """Return an answer that calls a tool, and what follows when the result is there."""
    call: Json = {"call": "weather", "id": "toolu_1"}
    return [*says("Let me see.", ""), *calls(BONN, begins=False), call, *says("Sunny."), END]


def test_a_prompt_is_told_as_it_is_written(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        stage.sessions([[*says("Hello."), END]])
        said = await stage.turn(system("Be kind."), user("/clear @/etc/passwd"))
        assert spoken(said) == "Hello."
        assert made(said).usage == Usage(uncached=12, cache_read=8, output=5)
        assert said[-1] == Finished("stop", native="end_turn")

    stage = played(tmp_path, scene)
    opening, prompt = stage.heard(0, "told")[:2]
    assert isinstance(opening, dict)
    assert isinstance(prompt, dict)
    assert opening["request"]["systemPrompt"] == "Be kind."
    assert prompt["message"]["content"] == [{"type": "text", "text": "/clear @/etc/passwd"}]
    assert prompt["client_composed"] is True


def test_a_conversation_goes_on_in_its_session(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        stage.sessions([[*says(" one \n"), END], [*says("two"), END]])
        await stage.turn(user("u1"))
        said = await stage.turn(user("u1"), assistant("one"), user("u2"))
        assert spoken(said) == "two"

    stage = played(tmp_path, scene)
    assert stage.started == 1
    assert stage.prompts(0) == [[{"type": "text", "text": "u1"}], [{"type": "text", "text": "u2"}]]


def test_a_session_that_ended_meanwhile_is_replaced(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        stage.sessions([[*says("one"), END]])
        await stage.turn(user("u1"))
        (kept,) = psutil.Process().children()
        kept.kill()
        assert spoken(await stage.turn(user("u1"), assistant("one"), user("u2"))) == "one"

    assert played(tmp_path, scene).started == 2


def test_a_session_whose_turn_does_not_end_is_replaced(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        stage.sessions([says("one")])
        await stage.turn(user("u1"))
        assert spoken(await stage.turn(user("u1"), assistant("one"), user("u2"))) == "one"

    assert played(tmp_path, scene).started == 2


def test_another_conversation_does_not(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        stage.sessions([[*says("one"), END], [*says("two"), END]])
        await stage.turn(user("u1"))
        await stage.turn(user("u1"), assistant("another"), user("u2"))
        await stage.turn(system("Another."), user("u1"), assistant("one"), user("u2"))

    assert played(tmp_path, scene).started == 3


def test_a_conversation_of_somewhere_else_is_resumed(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        stage.sessions([[*says("a3"), END]])
        said = await stage.turn(user("u1"), assistant("a1"), user("u2"), assistant("a2"), user("u3"))
        assert spoken(said) == "a3"
        assert not list(stage.around.folder.iterdir()), "what was said is no longer on the disk"
        assert stat.S_IMODE(stage.around.folder.stat().st_mode) == 0o700

    stage = played(tmp_path, scene)
    (history,) = stage.heard(0, "history")
    assert isinstance(history, list)
    assert [(each["type"], each["message"]["content"][0]["text"]) for each in history] == [
        ("user", "u1"),
        ("assistant", "a1"),
        ("user", "u2"),
        ("assistant", "a2"),
    ]
    assert stage.prompts(0) == [[{"type": "text", "text": "u3"}]]


@pytest.mark.parametrize("aloud", [True, False])
def test_what_the_program_does_not_resume_is_told_as_text(tmp_path: Path, aloud: bool) -> None:
    async def scene(stage: Stage) -> None:
        unknown: Json = {"type": "result", "is_error": True, "num_turns": 0}
        stage.sessions([[unknown] if aloud else says("Nothing was said.")], [[*says("a2"), END]])
        stage.tell(resumes=aloud)
        for _ in range(2):
            said = await stage.turn(user("u1"), assistant("a1"), user("u2"))
            assert spoken(said) == "a2"
            assert Lost("messages", "the conversation is told as one text") in said

    stage = played(tmp_path, scene)
    assert stage.started == 3, "that version is not asked a second time"
    (content,) = stage.prompts(1)
    assert isinstance(content, list)
    assert content[0]["text"].startswith("<conversation>\n<user>\nu1\n</user>\n<assistant>\na1")


def test_a_call_waits_for_its_client(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        stage.sessions([looking()])
        said = await stage.turn(user("Weather?"), tools=(WEATHER,))
        assert made(said).finish == "tool_calls"
        assert made(said).parts[-1] == ToolCall("toolu_1", "weather", '{"city":"Bonn"}')
        said = await stage.turn(user("Weather?"), CALLED, SUNNY, tools=(WEATHER,))
        assert spoken(said) == "Sunny."
        assert made(said).usage == Usage(uncached=12, cache_read=8, output=5)

    stage = played(tmp_path, scene)
    assert stage.started == 1
    told = [each for each in stage.heard(0, "told") if isinstance(each, dict)]
    # Whatever else it was told: its turn is over before it says so, and who closes it then interrupts it.
    (answer,) = [each["response"] for each in told if each.get("response", {}).get("request_id") == "toolu_1"]
    assert answer["response"]["mcp_response"] == {
        "jsonrpc": "2.0",
        "id": 7,
        "result": {"content": [{"type": "text", "text": "sunny"}], "isError": False},
    }


def test_results_that_nobody_waits_for_go_on_from_the_stored_conversation(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        stage.sessions([[*says("Sunny."), END]])
        assert spoken(await stage.turn(user("Weather?"), CALLED, SUNNY, tools=(WEATHER,))) == "Sunny."
        said = await stage.turn(user("Weather?"), CALLED, SUNNY, user("And?"), tools=(WEATHER,))
        assert spoken(said) == "Sunny."

    stage = played(tmp_path, scene)
    for session, last in ((0, "tool_result"), (1, "text")):
        (history,) = stage.heard(session, "history")
        assert isinstance(history, list)
        assert history[1]["message"]["content"][1]["name"] == "mcp__c__weather"
        assert history[-1]["message"]["content"][0]["type"] == last
        assert stage.prompts(session) == [], "it goes on by itself"


def test_results_that_cannot_be_handed_over_are_told_anew(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        stage.sessions([looking()], [[*says("Sunny."), END]])
        await stage.turn(user("Weather?"), tools=(WEATHER,))
        seen = user(ToolResult("toolu_1", (Image(Link("https://x.example/a.png")),)))
        assert spoken(await stage.turn(user("Weather?"), CALLED, seen, tools=(WEATHER,))) == "Sunny."

    assert played(tmp_path, scene).started == 2


def test_calls_of_tools_that_are_gone_are_told_as_text(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        stage.sessions([[*says("Sunny."), END]])
        said = await stage.turn(user("Weather?"), CALLED, SUNNY, tools=(WEATHER,), choice=ToolChoice("none"))
        assert spoken(said) == "Sunny."

    stage = played(tmp_path, scene)
    (content,) = stage.prompts(0)
    assert isinstance(content, list)
    assert (
        '<call tool="weather">{"city": "Bonn"}</call>\n</assistant>\n<user>\n<result>\nsunny'
        in content[0]["text"]
    )


def test_an_answer_in_form_comes_when_the_program_has_it(tmp_path: Path) -> None:
    form = Format("schema", schema=msgspec.Raw(b'{"type":"object"}'))

    async def scene(stage: Stage) -> None:
        called = calls(("toolu_s", "StructuredOutput", '{"city":"Bonn"}'))
        stage.sessions([[*says("Well."), *called, {**END, "structured_output": {"city": "Bonn"}}]])
        said = await stage.turn(user("Where?"), form=form)
        assert [each for each in said if isinstance(each, TextDelta)] == [
            TextDelta('{"city": "Bonn"}', new=True)
        ]
        assert said[-1] == Finished("stop", native="end_turn")
        assert made(said).usage == Usage(uncached=24, cache_read=16, output=10), "of both answers of the API"

    stage = played(tmp_path, scene)
    opening = stage.heard(0, "told")[0]
    assert isinstance(opening, dict)
    assert opening["request"]["jsonSchema"] == {"type": "object"}


def test_an_answer_that_is_cut_off_ends_its_session(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        stage.sessions([[*says("one", "max_tokens"), *says("and more")]])
        said = await stage.turn(user("u1"))
        assert spoken(said) == "one"
        assert made(said).finish == "length"
        await stage.turn(user("u1"), assistant("one"), user("u2"))

    assert played(tmp_path, scene).started == 2


def test_a_client_that_leaves_interrupts_the_program(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        stage.sessions([says("one", "")])
        turn = stage.bridge.turn(Ask("sonnet", Request((user("u1"),))))
        async for said in turn:
            if isinstance(said, TextDelta):
                break
        since = time.monotonic()
        await turn.aclose()
        assert time.monotonic() - since < 0.1
        await stage.until(lambda: "interrupt" in str(stage.heard(0, "told")))

    played(tmp_path, scene)


@pytest.mark.parametrize("after", [0.0, 0.003, 0.01, 0.03, 0.06])
def test_a_client_that_leaves_early_leaves_no_process(tmp_path: Path, after: float) -> None:
    async def scene(stage: Stage) -> None:
        stage.sessions([[{"until": "never"}]])
        turn = stage.tasks.start("a turn", stage.turn(user("u1"), assistant("a1"), user("u2")))
        await asyncio.sleep(after)
        turn.cancel()
        await asyncio.wait((turn,))
        assert turn.cancelled()
        await stage.until(lambda: not psutil.Process().children() and not list(stage.around.folder.glob("*")))

    played(tmp_path, scene)


def test_a_kind_of_conversation_that_begins_again_finds_a_session(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        stage.sessions([[*says("one"), END]])
        for number in range(2):
            await stage.turn(system("Titles."), user(f"u{number}"))
        await stage.until(lambda: stage.started == 3 and len(stage.heard(2, "told")) == 1)
        await stage.turn(system("Titles."), user("u3"))
        assert stage.prompts(2) == [[{"type": "text", "text": "u3"}]]

    played(tmp_path, scene)


@pytest.mark.fault("B10")
@pytest.mark.parametrize(
    ("frames", "kind"),
    [
        ([retry(401), retry(401, 2)], "auth_required"),
        (failure("authentication_failed"), "auth_required"),
        ([LIMITS, *failure("rate_limit", 429)], "rate_limited"),
        ([retry(429)], "rate_limited"),
        (failure("billing_error"), "not_entitled"),
        (failure("oauth_org_not_allowed", 403), "not_entitled"),
        (failure("model_not_found", 404), "refused"),
        (failure("invalid_request", 400), "refused"),
        ([retry(500), *failure("server_error", 500)], "bridge_failed"),
        ([{"type": "result", "is_error": True, "num_turns": 1}], "bridge_failed"),
        ([{"exit": 3}], "bridge_failed"),
    ],
)
def test_what_goes_wrong_has_a_kind(tmp_path: Path, frames: list[Json], kind: str) -> None:
    async def scene(stage: Stage) -> None:
        stage.sessions([frames])
        fault = await fault_of(stage.turn(user("u1")))
        assert fault.kind == kind
        if LIMITS in frames:
            assert fault.resets_us == 1_700_003_600_000_000
            assert fault.retry_after == 3600
            health = await stage.bridge.health()
            assert [(each.name, each.used) for each in health.windows] == [("5 hours", 1.0)]

    played(tmp_path, scene)


def test_a_conversation_whose_session_ends_at_once_failed(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        stage.sessions([[{"exit": 1}]])
        fault = await fault_of(stage.turn(user("u1"), assistant("a1"), user("u2")))
        assert (fault.kind, stage.started) == ("bridge_failed", 1)
        assert not list(stage.around.folder.iterdir())

    played(tmp_path, scene)


def test_windows_are_remembered_when_they_are_not_told_again(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        allowed: Json = {"type": "rate_limit_event", "rate_limit_info": {"status": "allowed"}}
        stage.sessions([[allowed, LIMITS, allowed, *says("one"), END]])
        await stage.turn(user("u1"))
        health = await stage.bridge.health()
        assert [(each.name, each.status) for each in health.windows] == [("5 hours", "rejected")]
        assert health.told_us == stage.around.clock.now_us(), "when they were told, not when they are shown"

    played(tmp_path, scene)


@pytest.mark.fault("B9")
def test_a_login_that_is_refused_is_that_of_every_session(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        stage.sessions([[*says("one"), END]], [failure("authentication_failed")])
        await stage.turn(user("u1"))
        assert (await fault_of(stage.turn(user("other")))).kind == "auth_required"
        await stage.until(lambda: not psutil.Process().children())

    played(tmp_path, scene)


@pytest.mark.parametrize(
    "broken",
    [
        retry(None),
        piece(type="error", error={"type": "overloaded_error"}),
        {**piece(type="message_stop"), "abandoned_blocks": {"from_block_index": 0}},
    ],
)
def test_nothing_is_said_twice(tmp_path: Path, broken: Json) -> None:
    async def scene(stage: Stage) -> None:
        stage.sessions([[*says("one", ""), broken, *says("one"), END]])
        heard: list[str] = []
        turn = stage.bridge.turn(Ask("sonnet", Request((user("u1"),))))

        async def hear() -> None:
            async for said in turn:
                heard.extend([said.text] if isinstance(said, TextDelta) else [])

        assert "broke in the middle" in (await fault_of(hear())).message
        assert heard == ["one"]

    played(tmp_path, scene)


def test_what_a_gateway_left_when_it_ended_is_swept(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        stage.around.folder.mkdir()
        (stage.around.folder / "old.jsonl").write_text("{}")
        stage.sessions([[*says("a2"), END]])
        await stage.turn(user("u1"), assistant("a1"), user("u2"))
        assert not list(stage.around.folder.iterdir())

    played(tmp_path, scene)
