"""A gateway and its companions: who has which bridge, by which name, and what is when they leave."""

import asyncio
from pathlib import Path

import msgspec
import pytest

from bridge_stage import HELLO, refusal, whole
from companion_place import BODY, Place, eventually, placed
from llm_gateway.bridges.health import Health
from llm_gateway.companion.flows import Visit
from llm_gateway.companion.hub import Hub
from llm_gateway.companion.offers import News, Offer, write_news
from llm_gateway.errors import UpstreamTruncated
from llm_gateway.ledger.companions import claims


def test_a_desktops_bridge_answers_here(tmp_path: Path) -> None:
    async def scene(place: Place) -> None:
        desk = await place.enrolled()
        (engine,) = place.hub.engines.values()
        assert (engine.name, engine.models, engine.people) == ("claude", ("m",), frozenset(("", "anna")))
        assert (await engine.look()).state == "ok"
        answer = await engine.answer("turn", BODY, "m")
        assert answer.status == 200 and await whole(answer) == HELLO and answer.ended
        assert desk.bridges["claude"].asked[0].model == "m"
        assert desk.progress[0].state == "connected"

    placed(tmp_path, scene)


@pytest.mark.fault("B6")
def test_two_that_have_a_bridge_of_one_name_are_told_apart_by_who_was_enrolled_first(tmp_path: Path) -> None:
    async def scene(place: Place) -> None:
        box = await place.enrolled("box", None, (), "claude", "codex")
        mac = await place.enrolled("mac")
        assert {name: each.companion.machine for name, each in place.hub.engines.items()} == {
            "claude": "box",
            "codex": "box",
            "claude@mac": "mac",
        }
        await box.stop()
        await eventually(lambda: len(place.hub.connected) == 1)
        assert place.hub.engines["claude"].companion.machine == "box"
        anew = Hub(place.hub._party)
        await anew.open()
        assert set(anew.engines) == {"claude", "codex", "claude@mac"}
        await place.hub.revoke("box")
        assert {name: each.companion.machine for name, each in place.hub.engines.items()} == {"claude": "mac"}
        place.own.add("claude")
        place.hub.rearrange()
        assert set(place.hub.engines) == {"claude@mac"}
        assert mac.progress[-1].state == "connected"

    placed(tmp_path, scene)


@pytest.mark.fault("B6")
def test_a_guests_bridge_never_has_the_short_name(tmp_path: Path) -> None:
    async def scene(place: Place) -> None:
        await place.enrolled("guest", person="ada")
        assert set(place.hub.engines) == {"claude@guest"}
        await place.enrolled("mac")
        assert {name: each.companion.machine for name, each in place.hub.engines.items()} == {
            "claude@guest": "guest",
            "claude": "mac",
        }

    placed(tmp_path, scene)


@pytest.mark.control("T8")
def test_a_machine_offers_no_more_than_it_may(tmp_path: Path) -> None:
    async def scene(place: Place) -> None:
        await place.enrolled("mac", None, ("codex",), "claude", "codex")
        assert set(place.hub.engines) == {"codex"}

    placed(tmp_path, scene)


@pytest.mark.fault("B1")
def test_who_has_left_is_unreachable_since_then(tmp_path: Path) -> None:
    async def scene(place: Place) -> None:
        desk = await place.enrolled()
        engine = place.hub.engines["claude"]
        await desk.stop()
        took = await eventually(lambda: engine.health.state == "unreachable")
        assert took < 5
        assert engine.health.reason.startswith("agent_offline_since 20")
        assert await refusal(await engine.answer("turn", BODY, "m")) == (502, "bridge_unreachable")
        assert engine.models == ("m",)
        row = (await place.registry.all())[0]
        assert row.last_seen_us >= row.enrolled_us
        desk.start()
        assert await eventually(lambda: engine.health.state == "ok") < 5

    placed(tmp_path, scene)


@pytest.mark.control("T13")
@pytest.mark.fault("B3")
@pytest.mark.parametrize("by_ledger", [False, True])
def test_a_revoked_companion_is_gone_within_five_seconds_and_so_are_its_answers(
    tmp_path: Path, by_ledger: bool
) -> None:
    async def scene(place: Place) -> None:
        place.tasks.start("watch", place.hub.watch())
        desk = await place.enrolled()
        bridge = desk.bridges["claude"]
        bridge.says = [*HELLO[:1]] * 20_000
        answer = await place.hub.engines["claude"].answer("turn", BODY, "m")
        if by_ledger:
            await place.registry.revoke("mac")
        else:
            assert await place.hub.revoke("mac")
        assert await eventually(lambda: not place.hub.connected) < 5
        with pytest.raises(UpstreamTruncated, match="revoked"):
            await whole(answer)
        assert await eventually(lambda: bridge.stopped) < 1
        assert await eventually(lambda: desk.progress[-1].kind == "revoked") < 5
        assert not place.hub.engines
        assert not await place.hub.revoke("mac")

    placed(tmp_path, scene)


@pytest.mark.control("T8")
def test_a_key_that_was_copied_is_not_let_in_beside_its_owner(tmp_path: Path) -> None:
    async def scene(place: Place) -> None:
        await place.enrolled()
        thief = place.desk("thief")
        thief.folder.mkdir()
        stolen = (tmp_path / "desk-mac" / "identity.json").read_bytes()
        (thief.folder / "identity.json").write_bytes(stolen)
        (thief.folder / "identity.json").chmod(0o600)
        thief.start()
        await eventually(lambda: thief.progress)
        assert thief.progress[-1].kind == "already_connected"
        entries = [each for each in place.ledger.audit.entries() if each.action == "companion.refused"]
        assert [(each.target, each.detail["kind"]) for each in entries] == [("mac", "already_connected")]
        await thief.stop()
        assert place.hub.engines["claude"].health.state == "ok"

    placed(tmp_path, scene)


def test_a_change_is_pushed(tmp_path: Path) -> None:
    async def scene(place: Place) -> None:
        desk = await place.enrolled()
        before = place.changes
        desk.bridges["claude"].state = Health("auth_required", "nobody is logged in")
        assert (await place.hub.engines["claude"].look(fresh=True)).state == "auth_required"
        await eventually(lambda: place.changes > before)
        assert place.hub.engines["claude"].health.reason == "nobody is logged in"

    placed(tmp_path, scene)


def test_a_bridge_that_is_not_offered_any_more_is_not_installed(tmp_path: Path) -> None:
    async def scene(place: Place) -> None:
        await place.enrolled()
        (connected,) = place.hub.connected.values()
        place.hub._heard(connected, write_news(News()))
        await eventually(lambda: place.hub.engines["claude"].health.state == "not_installed")

    placed(tmp_path, scene)


@pytest.mark.fault("B2")
def test_news_in_other_words_are_a_state(tmp_path: Path) -> None:
    async def scene(place: Place) -> None:
        await place.enrolled()
        (connected,) = place.hub.connected.values()
        place.hub._heard(connected, b"\xc1")
        health = place.hub.engines["claude"].health
        assert health.state == "version_mismatch" and health.action is not None
        assert "not understood" in connected.trouble

    placed(tmp_path, scene)


@pytest.mark.control("T13")
def test_a_machine_is_paused_from_here_and_resumed_there_alone(tmp_path: Path) -> None:
    async def scene(place: Place) -> None:
        desk = await place.enrolled()
        assert not await place.hub.pause("box")
        assert await place.hub.pause("mac")
        assert desk.switch.paused
        await eventually(lambda: place.hub.engines["claude"].health.state == "disabled")
        engine = place.hub.engines["claude"]
        assert await refusal(await engine.answer("turn", BODY, "m")) == (403, "bridge_disabled")
        assert desk.switch.resume()
        await eventually(lambda: engine.health.state == "ok")

    placed(tmp_path, scene)


def test_a_machine_that_does_not_say_that_it_is_paused_holds_no_stream(tmp_path: Path) -> None:
    async def scene(place: Place) -> None:
        desk = await place.enrolled()
        desk.serving._serve = _never  # type: ignore[method-assign]
        (connected,) = place.hub.connected.values()
        await eventually(lambda: not connected.link.streams)
        assert not await place.hub.pause("mac")
        assert not connected.link.streams

    placed(tmp_path, scene)


async def _never(visit: Visit, body: bytes) -> None:
    await asyncio.sleep(60)


def test_who_changes_all_the_time_is_not_planned_for_all_the_time(tmp_path: Path) -> None:
    async def scene(place: Place) -> None:
        await place.enrolled()
        (connected,) = place.hub.connected.values()
        before = place.changes
        for number in range(200):
            health = Health("error", f"number {number}")
            place.hub._heard(connected, write_news(News((Offer("claude", "claude", health),))))
            await asyncio.sleep(0.001)
        await eventually(lambda: place.hub.engines["claude"].health.reason == "number 199")
        assert place.changes - before < 20

    placed(tmp_path, scene)


def test_a_gateway_that_stops_lets_answers_end(tmp_path: Path) -> None:
    async def scene(place: Place) -> None:
        desk = await place.enrolled()
        bridge = desk.bridges["claude"]
        bridge.wait = asyncio.Event()
        bridge.says = [*HELLO]
        asking = asyncio.get_running_loop().create_task(place.hub.engines["claude"].answer("turn", BODY, "m"))
        await eventually(lambda: bridge.asked)
        closing = asyncio.get_running_loop().create_task(place.listener.close(5))
        await asyncio.sleep(0.05)
        bridge.wait.set()
        assert await whole(await asking) == HELLO
        await asyncio.wait_for(closing, 3)
        await place.hub.close()
        await place.listen()
        await eventually(lambda: place.hub.connected)

    placed(tmp_path, scene)


def test_a_companion_that_never_stops_telling_has_so_many_bridges_and_no_more(tmp_path: Path) -> None:
    async def scene(place: Place) -> None:
        await place.enrolled()
        (connected,) = place.hub.connected.values()
        for number in range(0, 3000, 60):
            offers = tuple(Offer(f"b{each}", "acp", Health("ok")) for each in range(number, number + 60))
            place.hub._heard(connected, write_news(News(offers)))
            if number % 300 == 0:
                await asyncio.sleep(0.02)
        await asyncio.sleep(0.1)
        assert len(place.of("mac")) == 64
        assert len(await place.ledger.read(claims)) == 64

    placed(tmp_path, scene)


def test_a_bridge_that_is_not_there_gets_no_name(tmp_path: Path) -> None:
    async def scene(place: Place) -> None:
        await place.enrolled()
        (connected,) = place.hub.connected.values()
        absent = Offer("codex", "codex", Health("not_installed"))
        place.hub._heard(connected, write_news(News((absent,))))
        await asyncio.sleep(0.05)
        assert set(place.hub.engines) == {"claude"}
        present = msgspec.structs.replace(absent, health=Health("auth_required"))
        place.hub._heard(connected, write_news(News((present,))))
        await eventually(lambda: "codex" in place.hub.engines)

    placed(tmp_path, scene)
