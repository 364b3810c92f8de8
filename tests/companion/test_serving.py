"""A companion does a fixed list of things, within caps, on record, and gives nothing away."""

import asyncio
import os
import random
import sys
from pathlib import Path

import msgspec
import pytest

from bridge_stage import HELLO, refusal, whole
from companion_place import BODY, Desk, Place, eventually, placed
from llm_gateway.bridges.faults import BridgeFault
from llm_gateway.bridges.health import Health
from llm_gateway.canonical.events import TextDelta
from llm_gateway.companion.caps import Caps
from llm_gateway.companion.flows import Call
from llm_gateway.companion.frames import Head, Open
from llm_gateway.companion.link import Link
from llm_gateway.companion.serving import OPERATIONS
from llm_gateway.errors import UpstreamTruncated

CANARY = "canary-7d1f-a-vendors-login"


def link_of(place: Place) -> Link:
    (connected,) = place.hub.connected.values()
    return connected.link


async def asked(place: Place, what: Open, body: bytes = BODY) -> tuple[Head, bytes]:
    """Ask as a gateway that asks for whatever it likes."""
    call = link_of(place).open(what)
    head = await call.ask(body)
    return head, await _rest(call)


async def _rest(call: Call) -> bytes:
    data = b""
    while not call.complete and call.wrong is None:
        await call.arrive()
        data += call.take()
    return data + call.take()


@pytest.mark.control("T11")
@pytest.mark.parametrize(
    "what",
    [
        Open("exec", "claude", "sh"),
        Open("login", "claude"),
        Open("logout", "claude"),
        Open("report"),
        Open("resume"),
        Open(""),
        Open("turn/../exec"),
        Open("look", "../claude"),
        Open("look", "codex"),
        Open("look"),
    ],
)
def test_what_is_not_on_the_list_is_not_found(tmp_path: Path, what: Open) -> None:
    async def scene(place: Place) -> None:
        desk = await place.enrolled()
        assert (await asked(place, what))[0] == Head(404)
        assert not desk.bridges["claude"].asked

    placed(tmp_path, scene)


@pytest.mark.control("T11")
def test_no_operation_starts_a_program_or_opens_a_file_of_ones_choice(tmp_path: Path) -> None:
    """Two hundred operations of nonsense, and the real ones, under an audit hook."""
    assert OPERATIONS == ("turn", "look", "pause")
    seen: list[tuple[str, str]] = []
    listening = True

    def hook(event: str, arguments: tuple[object, ...]) -> None:
        if listening and event in ("subprocess.Popen", "os.exec", "os.system", "os.posix_spawn", "os.fork"):
            seen.append((event, str(arguments)))
        if listening and event == "open" and "etc" in str(arguments[0]):
            seen.append((event, str(arguments)))

    async def scene(place: Place) -> None:
        await place.enrolled()
        chance = random.Random(9)
        words = (*OPERATIONS, "exec", "/etc/passwd", "../", "$(id)", "shell", "claude", "\x00", "turn ")
        for _ in range(200):
            what = Open(*(chance.choice(words) + chance.choice(("", "", "x")) for _ in range(3)))
            if what.operation != "pause":
                head, _ = await asked(place, what, chance.randbytes(20))
                assert head.status in (200, 400, 404, 502)

    sys.addaudithook(hook)
    try:
        placed(tmp_path, scene)
    finally:
        listening = False
    assert seen == []


def test_a_turn_for_a_bridge_that_is_not_there_or_in_other_words_is_refused(tmp_path: Path) -> None:
    async def scene(place: Place) -> None:
        desk = await place.enrolled()
        head, body = await asked(place, Open("turn", "codex", "m"))
        assert head.status == 502 and b"bridge_not_installed" in body
        head, body = await asked(place, Open("turn", "claude", "m"), b"{")
        assert head.status == 400 and b"refused" in body
        desk.bridges["claude"].says = [BridgeFault("auth_required", "log in")]
        head, body = await asked(place, Open("turn", "claude", "m"))
        assert head.status == 401 and b"auth_required" in body

    placed(tmp_path, scene)


@pytest.mark.control("T9")
def test_a_gateway_that_asks_without_end_gets_no_more_than_the_cap(tmp_path: Path) -> None:
    async def scene(place: Place) -> None:
        desk = await place.enrolled("mac", Caps(per_day=7, per_minute=1000, models=("claude/m",)))
        statuses = [(await asked(place, Open("turn", "claude", "m")))[0].status for _ in range(300)]
        assert statuses == [200] * 7 + [429] * 293
        assert (await asked(place, Open("turn", "claude", "other")))[0].status == 400
        assert len(desk.bridges["claude"].asked) == 7
        again = Desk(place, desk.folder, desk.bridges, Caps(per_day=7))
        with pytest.raises(BridgeFault, match="cap for a day"):
            again.serving._counter.begin("claude", "m")

    placed(tmp_path, scene)


@pytest.mark.control("T12")
def test_every_turn_is_on_record_there(tmp_path: Path) -> None:
    async def scene(place: Place) -> None:
        desk = await place.enrolled()
        engine = place.hub.engines["claude"]
        assert await whole(await engine.answer("turn", BODY, "m")) == HELLO
        await eventually(lambda: desk.journal.verify().lines == 2)
        text = desk.journal.path.read_text()
        assert '"turn.begin"' in text and '"claude/m"' in text and '"outcome":"answered"' in text
        assert '"hi"' not in text

    placed(tmp_path, scene)


@pytest.mark.control("T12")
def test_a_turn_that_cannot_be_on_record_is_not_answered(tmp_path: Path) -> None:
    async def scene(place: Place) -> None:
        desk = await place.enrolled()
        desk.journal.path.mkdir()
        answer = await place.hub.engines["claude"].answer("turn", BODY, "m")
        assert await refusal(answer) == (502, "bridge_failed")
        assert not desk.bridges["claude"].asked

    placed(tmp_path, scene)


def test_a_turn_that_nobody_reads_is_stopped_within_a_tenth_of_a_second(tmp_path: Path) -> None:
    async def scene(place: Place) -> None:
        desk = await place.enrolled()
        bridge = desk.bridges["claude"]
        bridge.says = [TextDelta("x" * 1000)] * 5000
        answer = await place.hub.engines["claude"].answer("turn", BODY, "m")
        await answer.read()
        answer.release()
        answer.release()
        assert await eventually(lambda: bridge.stopped) < 0.1
        await eventually(lambda: '"cancelled"' in desk.journal.path.read_text())
        assert desk.serving._counter.running == 0

    placed(tmp_path, scene)


def test_a_turn_that_breaks_is_cut_off_with_its_reason(tmp_path: Path) -> None:
    async def scene(place: Place) -> None:
        desk = await place.enrolled()
        desk.bridges["claude"].says = [HELLO[0], BridgeFault("bridge_failed", "the vendor hung up")]
        answer = await place.hub.engines["claude"].answer("turn", BODY, "m")
        with pytest.raises(UpstreamTruncated, match="the vendor hung up"):
            await whole(answer)
        await eventually(lambda: '"failed"' in desk.journal.path.read_text())

    placed(tmp_path, scene)


@pytest.mark.control("T13")
def test_pausing_stops_what_runs_within_five_seconds(tmp_path: Path) -> None:
    async def scene(place: Place) -> None:
        desk = await place.enrolled()
        bridge = desk.bridges["claude"]
        bridge.says, bridge.wait = [TextDelta("x" * 1000)] * 5000, asyncio.Event()
        asking = asyncio.get_running_loop().create_task(place.hub.engines["claude"].answer("turn", BODY, "m"))
        await eventually(lambda: bridge.asked)
        bridge.wait.set()
        answer = await asking
        bridge.wait.clear()
        desk.switch.pause("its owner")
        with pytest.raises(UpstreamTruncated, match="companion resume"):
            await asyncio.wait_for(whole(answer), 5)
        assert bridge.stopped == 1

    placed(tmp_path, scene)


def test_a_paused_bridge_is_shown_as_paused_on_any_look(tmp_path: Path) -> None:
    async def scene(place: Place) -> None:
        desk = await place.enrolled()
        for _ in range(20):
            assert (await asked(place, Open("pause")))[0].status == 204
        lines = desk.journal.path.read_text().splitlines()
        assert sum("companion.pause" in line for line in lines) == 1, "asked without end it fills no disk"
        engine = place.hub.engines["claude"]
        assert (await engine.look(fresh=True)).state == "disabled"
        assert engine.health.state == "disabled"

    placed(tmp_path, scene)


@pytest.mark.control("T10")
def test_a_vendors_login_never_leaves_the_machine(tmp_path: Path) -> None:
    """The canary is in the environment, and in the bridge; a gateway asks for everything there is."""

    async def scene(place: Place) -> None:
        desk = await place.enrolled()
        sent: list[bytes] = []
        bridge = desk.bridges["claude"]
        bridge.state = Health("ok", version="1")
        vars(bridge)["login_token"] = CANARY
        for operation in (*OPERATIONS, "login", "env", "identity", "report", ""):
            for name in ("claude", "", "../identity.json"):
                head, data = await asked(place, Open(operation, name, "m"))
                sent += [msgspec.json.encode(head), data]
        identity = (desk.folder / "identity.json").read_text()
        key = str(msgspec.json.decode(identity)["key"])
        told = b"".join(sent).decode("utf-8", "replace") + place.logged.getvalue()
        told += desk.journal.path.read_text() + repr(place.hub.connected)
        assert CANARY not in told and key not in told

    os.environ["CANARY_OF_A_TEST"] = CANARY
    try:
        placed(tmp_path, scene)
    finally:
        del os.environ["CANARY_OF_A_TEST"]
