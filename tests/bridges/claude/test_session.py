"""Sessions: the control channel, what is declined, turns one after another, and that none outlives it."""

import asyncio
import time
from collections.abc import Callable
from pathlib import Path

import psutil

from bridges.claude.claude_stage import END, Json, Stage, calls, fault_of, played, says
from llm_gateway.bridges.claude.frames import Ended, Frame, Opened, Piece, Quota
from llm_gateway.bridges.claude.launch import Launch
from llm_gateway.bridges.claude.session import Resume, Session
from llm_gateway.canonical.parts import Text, ToolResult

PLAIN = Launch("opus", "Be kind.")
TOOLS = Launch("opus", "", ({"name": "weather", "inputSchema": {"type": "object"}},))
HI = [{"type": "text", "text": "hi"}]
QUOTA: Json = {"type": "rate_limit_event", "rate_limit_info": {"status": "allowed"}}


async def started(
    stage: Stage,
    launch: Launch = PLAIN,
    heard: Callable[[Quota | Opened], None] = lambda _: None,
    resume: Resume | None = None,
) -> Session:
    session = await Session.start(launch, stage.own, stage.tasks, heard, resume)
    await session.open()
    return session


async def to_its_end(session: Session) -> list[Frame]:
    frames: list[Frame] = []
    while not frames or not isinstance(frames[-1], Ended):
        frames.append(await session.next())
    return frames


def test_turns_come_one_after_another(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        stage.sessions([[*says("one"), QUOTA, END], [*says("two"), END]])
        heard: list[Quota | Opened] = []
        session = await started(stage, heard=heard.append)
        for _ in range(2):
            assert await session.settle()
            await session.ask(HI)
            assert any(isinstance(each, Piece) for each in await to_its_end(session))
            session.leave()
        assert [type(each) for each in heard] == [Opened, Quota]
        await session.close()
        assert not session.alive
        assert not psutil.pid_exists(session.pid)

    played(tmp_path, scene)


def test_whatever_it_asks_for_is_declined(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        asks: tuple[Json, ...] = (
            {"subtype": "can_use_tool", "tool_name": "Bash"},
            {"subtype": "hook_callback"},
            {},
        )
        stage.sessions([[*({"ask": each} for each in asks), END]])
        session = await started(stage)
        await session.ask(HI)
        await to_its_end(session)
        await stage.until(lambda: len(stage.heard(0, "told")) == 5)
        await session.close()

    stage = played(tmp_path, scene)
    for answer in stage.heard(0, "told")[2:]:
        assert isinstance(answer, dict)
        assert answer["response"]["subtype"] == "error"
        assert "response" not in answer["response"]


def test_tools_are_there_no_sooner_than_the_opening(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        stage.sessions([[END]])
        session = await started(stage, TOOLS)
        await stage.until(lambda: len(stage.heard(0, "told")) == 3)
        await session.close()

    stage = played(tmp_path, scene)
    opening, shaken, listed = stage.heard(0, "told")
    assert isinstance(opening, dict)
    assert isinstance(shaken, dict)
    assert isinstance(listed, dict)
    assert opening["request"]["subtype"] == "initialize"
    assert shaken["response"]["request_id"] == "m1"
    tools = listed["response"]["response"]["mcp_response"]["result"]["tools"]
    assert tools == [{"name": "weather", "inputSchema": {"type": "object"}}]


def test_results_are_given_whether_the_call_came_before_or_after(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        made = calls(("toolu_1", "mcp__c__weather", "{}"), ("toolu_2", "mcp__c__weather", "{}"))
        steps = [*made, {"call": "weather", "id": "toolu_1"}, {"call": "weather", "id": "toolu_2"}, END]
        stage.sessions([steps])
        session = await started(stage, TOOLS)
        await session.ask(HI)
        for _ in made:
            await session.next()
        session.leave(frozenset(("toolu_1", "toolu_2")))
        assert session.waits == {"toolu_1", "toolu_2"}
        results = {each: ToolResult(each, (Text(f"of {each}"),)) for each in session.waits}
        await session.go_on(results)
        assert await to_its_end(session) == [Ended(False, 1, b"")]
        await session.close()

    stage = played(tmp_path, scene)
    *_, one, two = stage.heard(0, "told")
    for number, answer in enumerate((one, two), 1):
        assert isinstance(answer, dict)
        content = answer["response"]["response"]["mcp_response"]["result"]["content"]
        assert content == [{"type": "text", "text": f"of toolu_{number}"}]


def test_a_program_that_ends_is_a_fault_and_leaves_nothing(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        stage.sessions([[*says("one", ""), {"exit": 1}]])
        gone: list[Session] = []
        session = await started(stage)
        session.on_end(gone.append)
        await session.ask(HI)
        fault = await fault_of(to_its_end(session))
        assert fault.kind == "bridge_failed"
        assert "ended in the middle" in fault.message
        await stage.until(lambda: gone == [session])
        assert not session.alive
        assert not await session.settle()

    played(tmp_path, scene)


def test_an_end_interrupts_and_wakes_who_waits(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        stage.sessions([says("one", "")])
        session = await started(stage)
        await session.ask(HI)
        await session.next()
        waiting = stage.tasks.start("waiting", fault_of(to_its_end(session)))
        await asyncio.sleep(0)
        since = time.monotonic()
        session.end_soon()
        session.end_soon()
        assert (await waiting).kind == "bridge_failed"
        assert time.monotonic() - since < 0.1
        await session.close()
        assert "interrupt" in str(stage.heard(0, "told")[-1])

    played(tmp_path, scene)


def test_many_frames_that_nobody_reads_do_not_keep_it_from_its_end(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        stage.sessions([says("one", "") * 300])
        session = await started(stage)
        await session.ask(HI)
        await session.next()
        await asyncio.sleep(0.1)
        since = time.monotonic()
        await session.close()
        assert time.monotonic() - since < 1.5

    played(tmp_path, scene)


def test_one_that_goes_on_by_itself_is_ended(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        stage.sessions([[*says("one"), {"until": "left"}, *says("and more", "")]])
        session = await started(stage)
        await session.ask(HI)
        for _ in says("one"):
            await session.next()
        session.leave()
        (tmp_path / "left").touch()
        await stage.until(lambda: not session.alive)
        await session.close()

    played(tmp_path, scene)


def test_what_it_resumes_from_is_removed_when_it_was_read(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        stage.sessions([[*says("one"), END]])
        path = tmp_path / "history.jsonl"
        for alone in (True, False):
            path.write_text('{"type":"user","sessionId":"s"}\n')
            session = await started(stage, TOOLS, resume=Resume(path, "s", alone))
            if not alone:
                await session.ask(HI)
            await to_its_end(session)
            assert not path.exists()
            await session.close()
        path.write_text("{}")
        session = await started(stage, resume=Resume(path, "s", alone=False))
        await session.close()
        assert not path.exists(), "nor is it left when nothing was asked"

    stage = played(tmp_path, scene)
    for session, asked in ((0, "1"), (1, None)):
        (environ,) = stage.heard(session, "environ")
        assert isinstance(environ, dict)
        assert environ.get("CLAUDE_CODE_RESUME_INTERRUPTED_TURN") == asked
