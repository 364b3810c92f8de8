"""A companion comes back by itself, in time and not in step, and ends when that cannot get better."""

import asyncio
import random
from pathlib import Path

import pytest

from bridge_stage import HELLO, whole
from companion_place import BODY, Place, eventually, placed
from llm_gateway.companion.hosting import Companion, Course, pause_before
from llm_gateway.companion.hub import Connected
from llm_gateway.companion.identity import Identity
from llm_gateway.errors import ConfigError, RefusedByPolicy
from llm_gateway.vault import mint_join_token


@pytest.mark.fault("B4")
def test_pauses_grow_to_less_than_five_seconds_and_differ() -> None:
    for failures in range(100):
        assert 0 < pause_before(failures, 0) <= pause_before(failures, 1) < 5
    assert pause_before(0, 1) <= 0.2 and pause_before(9, 1) == 4
    chance = random.Random(1)
    waits = sorted(pause_before(9, chance.random()) for _ in range(100))
    assert waits[90] - waits[10] > 2


async def _gone(connected: Connected) -> None:
    await eventually(lambda: not connected.link.alive)


@pytest.mark.fault("B4")
def test_a_link_that_is_cut_is_there_again_within_five_seconds(tmp_path: Path) -> None:
    async def scene(place: Place) -> None:
        await place.enrolled()
        for _ in range(3):
            (connected,) = place.hub.connected.values()
            place.listener.hurry()
            await _gone(connected)
            assert await eventually(lambda: place.hub.connected) < 5

    placed(tmp_path, scene)


def test_a_gateway_that_starts_anew_is_found_again(tmp_path: Path) -> None:
    async def scene(place: Place) -> None:
        desk = await place.enrolled()
        await place.listener.close(0.1)
        await eventually(lambda: desk.progress[-1].state == "away")
        await asyncio.sleep(1)
        await place.listen()
        assert await eventually(lambda: place.hub.connected) < 5
        engine = place.hub.engines["claude"]
        await eventually(lambda: engine.health.state == "ok")
        assert await whole(await engine.answer("turn", BODY, "m")) == HELLO
        assert [each.state for each in desk.progress][-1] == "connected"

    placed(tmp_path, scene)


def test_a_companion_comes_back_without_its_token(tmp_path: Path) -> None:
    async def scene(place: Place) -> None:
        desk = await place.enrolled()
        await desk.stop()
        await eventually(lambda: not place.hub.connected)
        desk.start()
        await eventually(lambda: place.hub.connected)
        await desk.stop()
        await eventually(lambda: not place.hub.connected)
        desk.start(mint_join_token())
        await eventually(lambda: place.hub.connected)

    placed(tmp_path, scene)


def test_a_revoked_companion_joins_anew_with_a_new_token(tmp_path: Path) -> None:
    async def scene(place: Place) -> None:
        desk = await place.enrolled()
        old = (desk.folder / "identity.json").read_bytes()
        await place.hub.revoke("mac")
        await eventually(lambda: desk.progress[-1].state == "ended")
        assert desk.progress[-1].kind == "revoked"
        desk.start((await place.registry.invite("mac")).token.reveal())
        await eventually(lambda: place.hub.connected)
        assert (desk.folder / "identity.json").read_bytes() != old

    placed(tmp_path, scene)


@pytest.mark.parametrize("kind", ["bad_token", "token_used"])
def test_a_token_that_is_not_good_ends_it(tmp_path: Path, kind: str) -> None:
    async def scene(place: Place) -> None:
        token = mint_join_token()
        if kind == "token_used":
            token = (await place.registry.invite("box")).token.reveal()
            place.desk("box").start(token)
            await eventually(lambda: place.hub.connected)
        desk = place.desk("mac")
        desk.start(token)
        await eventually(lambda: desk.progress)
        assert (desk.progress[-1].state, desk.progress[-1].kind) == ("ended", kind)

    placed(tmp_path, scene)


def test_a_key_that_was_enrolled_and_not_told_so_is_used(tmp_path: Path) -> None:
    """The machine died between the gateway's welcome and the note of it."""

    async def scene(place: Place) -> None:
        desk = place.desk("mac")
        token = (await place.registry.invite("mac")).token.reveal()
        desk.start(token)
        await eventually(lambda: place.hub.connected)
        await desk.stop()
        file = desk.folder / "identity.json"
        text = file.read_text()
        gateway = place.registry.gateway
        assert gateway in text
        file.write_text(text.replace(gateway, "").replace('"mac"', '""'))
        desk.start(token)
        await eventually(lambda: len(desk.progress) > 1 and place.hub.connected)
        assert desk.progress[-1].state == "connected"

    placed(tmp_path, scene)


def test_a_machine_that_has_joined_nobody_says_how(tmp_path: Path) -> None:
    async def scene(place: Place) -> None:
        desk = place.desk("mac")
        for course in (Course(desk.folder), Course(desk.folder, place.url), Course(desk.folder, "", "lgj_x")):
            companion = Companion(
                course, desk.serving, None, (place.tasks, desk.clock), desk.progress.append, random.random
            )
            with pytest.raises(ConfigError, match="llm-gateway enroll"):
                await companion.run()
            await companion.close()
        clear = Course(desk.folder, "http://gateway.example", "lgj_x")
        companion = Companion(
            clear, desk.serving, None, (place.tasks, desk.clock), desk.progress.append, random.random
        )
        with pytest.raises(RefusedByPolicy):
            await companion.run()

    placed(tmp_path, scene)


def test_why_it_was_away_is_told_when_it_is_back(tmp_path: Path) -> None:
    async def scene(place: Place) -> None:
        desk = await place.enrolled()
        await place.listener.close(0.1)
        await eventually(lambda: any(each.kind == "unreachable" for each in desk.progress))
        await place.listen()
        await eventually(lambda: place.hub.connected)
        await eventually(lambda: any(each.trouble for each in place.hub.connected.values()))
        (connected,) = place.hub.connected.values()
        assert connected.trouble.startswith("unreachable: 127.0.0.1 cannot be reached")

    placed(tmp_path, scene)


def test_a_companion_that_stops_lets_turns_end(tmp_path: Path) -> None:
    async def scene(place: Place) -> None:
        desk = await place.enrolled()
        bridge, engine = desk.bridges["claude"], place.hub.engines["claude"]
        bridge.wait = asyncio.Event()
        asking = asyncio.get_running_loop().create_task(engine.answer("turn", BODY, "m"))
        await eventually(lambda: bridge.asked)
        assert desk.companion is not None
        closing = asyncio.get_running_loop().create_task(desk.companion.close())
        await asyncio.sleep(0.05)
        assert not closing.done()
        bridge.wait.set()
        assert await whole(await asking) == HELLO
        await asyncio.wait_for(closing, 1)

    placed(tmp_path, scene)


@pytest.mark.control("T8")
def test_another_gateway_at_the_same_address_is_not_spoken_to(tmp_path: Path) -> None:
    async def scene(place: Place) -> None:
        desk = await place.enrolled()
        await desk.stop()
        place.registry._pepper = b"another" * 5
        desk.start()
        await eventually(lambda: desk.progress[-1].state == "ended")
        assert desk.progress[-1].kind == "another_gateway"

    placed(tmp_path, scene)


def test_what_was_trusted_at_one_address_is_not_for_another() -> None:
    known = Identity(bytes(32), "https://a.example", ca="kept")
    folder = Path("unused")
    assert Course(folder, "https://b.example", ca="said").way(None) == ("https://b.example", "said")
    assert Course(folder).way(known) == ("https://a.example", "kept")
    assert Course(folder, "https://a.example").way(known) == ("https://a.example", "kept")
    assert Course(folder, ca="said").way(known) == ("https://a.example", "said")
    assert Course(folder, "https://b.example").way(known) == ("https://b.example", "")
