"""What would answer, in which order and why: from the router's plan, without asking anybody."""

from collections.abc import Awaitable, Callable
from pathlib import Path

import msgspec
import pytest

from fakes import FakeEngine
from llm_gateway.canonical.abilities import Abilities
from llm_gateway.pipeline.plan import Router
from llm_gateway.providers.alias import Alias, AliasTarget
from llm_gateway.providers.catalog import ProviderRow, Speaks
from llm_gateway.providers.names import Directory, Target
from llm_gateway.server.explain import Explaining
from llm_gateway.upstream.answer import Answer
from llm_gateway.upstream.client import Line
from llm_gateway.upstream.fleet import Fleet
from pipeline_stage import Stage, endpoint, on_stage
from rawhttp import Reply
from server_stage import DASHBOARD, Door
from standings import Block, Fares

Json = dict[str, object]
Ask = Callable[[str], Awaitable[Reply]]


def explained(home: Path, scene: Callable[[Ask, Stage], Awaitable[None]]) -> None:
    async def play(stage: Stage) -> None:
        fleet = Fleet(stage.upstream, stage.clock, lambda: None)
        speaks = {"chat": Speaks("/v1")}
        scripted = [endpoint("first", stage.scripted.port)]
        fleet.add(ProviderRow("first", "The first", "hosted", speaks), scripted, presence="configured")
        fleet.add(ProviderRow("demo", "Demo", "builtin", speaks), (), presence="built in", models=("m",))
        messages = {"messages": Speaks("/v1")}
        other = msgspec.structs.replace(endpoint("other", stage.scripted.port), dialect="messages")
        fleet.add(ProviderRow("other", "Other", "local", messages), [other], presence="configured")
        stage.lines["other", "messages"] = Line(other)
        door = Door(*Explaining(stage.router, stage.routing, fleet).routes())

        async def ask(query: str) -> Reply:
            return await door.ask(f"/api/dashboard/explain?{query}", token=DASHBOARD)

        await scene(ask, stage)
        assert stage.scripted.asked() == [], "nobody is asked"

    on_stage(home, play)


def targets(reply: Reply) -> list[Json]:
    assert reply.status == 200, reply
    found = reply.json()["targets"]
    assert isinstance(found, list)
    return found


def test_an_alias_is_explained_target_by_target(tmp_path: Path) -> None:
    async def scene(ask: Ask, stage: Stage) -> None:
        stage.plan_by({"fast": ("other/m", "first/m", "nobody/m", "demo/m")})
        reply = await ask("model=fast")
        assert reply.json()["reading"] == "an alias for 4 targets"
        other, first, nobody, demo = targets(reply)
        assert other["why"] == "asked first, translated from `chat` to `messages`"
        assert (other["order"], other["address"]) == (1, f"http://127.0.0.1:{stage.scripted.port}/v1")
        assert first == {
            "order": 2,
            "provider": "first",
            "model": "m",
            "listed": True,
            "state": "ok",
            "reason": "",
            "metered": True,
            "address": f"http://127.0.0.1:{stage.scripted.port}/v1",
            "why": "asked when those before it fail or refuse for now (429, 5xx)",
            "losses": "",
        }
        assert "what is lost from `chat` to `messages`" in str(other["losses"])
        assert (nobody["order"], nobody["state"], nobody["listed"]) == (None, "not configured", False)
        assert nobody["why"] == "left out: no such provider is configured"
        assert (demo["order"], demo["address"], demo["metered"]) == (3, "inside the gateway", False)
        assert str(demo["why"]).startswith("asked when those before it fail")

    explained(tmp_path, scene)


def test_names_are_read_as_requests_read_them(tmp_path: Path) -> None:
    async def scene(ask: Ask, stage: Stage) -> None:
        reply = await ask("model=first%2Fanything")
        assert "behind its first slash" in str(reply.json()["reading"])
        assert targets(reply)[0]["model"] == "anything"
        demo = {"demo": ("only", "tagged:latest")}
        stage.router.replace(Directory(demo, {}), stage.lines, stage.engines)
        assert (await ask("model=only")).json()["reading"] == "a model that only demo lists"
        tagged = (await ask("model=tagged")).json()["reading"]
        assert tagged == "a model that only demo lists, under the name tagged:latest"
        stage.plan_by({"one": ("demo/m",)})
        assert (await ask("model=one&dialect=chat")).json()["reading"] == "an alias for 1 target"

    explained(tmp_path, scene)


def bridge(abilities: Abilities) -> FakeEngine:
    def nobody() -> Answer:
        raise AssertionError("it is not asked")

    engine = FakeEngine("first", nobody)
    engine.dialect, engine.abilities = "bridge", abilities
    return engine


def test_a_bridge_says_what_it_does_not_take(tmp_path: Path) -> None:
    async def scene(ask: Ask, stage: Stage) -> None:
        stage.engines["first"] = bridge(Abilities(tools=True, effort=True))
        stage.plan_by({})
        told = "lost: temperature, max_tokens, stop, seed and the like; refused: images, files, JSON schemas"
        assert targets(await ask("model=first/m"))[0]["losses"] == told
        stage.engines["first"] = bridge(Abilities(tools=True, images=True, documents=True, schema=True))
        stage.plan_by({})
        losses = str(targets(await ask("model=first/m"))[0]["losses"])
        assert losses.endswith("how much to think")

    explained(tmp_path, scene)


TERMS = Alias(
    (
        AliasTarget(Target("first", "m"), tools=False, max_input_tokens=1000),
        AliasTarget(Target("other", "m"), images=False),
        AliasTarget(Target("demo", "m"), dialects=("messages",)),
    ),
    sticky=True,
)


def whys(reply: Reply) -> list[object]:
    return [each["why"] for each in targets(reply)]


def test_each_target_of_an_alias_has_its_reason(tmp_path: Path) -> None:
    async def scene(ask: Ask, stage: Stage) -> None:
        stage.plan_by({}, {"smart": TERMS})
        left = "left out: it is for clients that speak `messages`"
        way = "translated from `chat` to `messages`"
        later = f"asked when those before it fail or refuse for now (429, 5xx), {way}"
        reply = await ask("model=smart")
        assert whys(reply) == ["asked first", later, left]
        assert (reply.json()["prefer"], reply.json()["sticky"], reply.json()["refused"]) == (
            "order",
            True,
            "",
        )
        asked_first = f"asked first, {way}"
        assert whys(await ask("model=smart&tools=1"))[:2] == [
            "left out: it gets no requests that offer tools",
            asked_first,
        ]
        assert whys(await ask("model=smart&input_tokens=2000"))[0] == (
            "left out: about 2000 tokens go in, and it gets at most 1000"
        )
        stage.standings.put("first", Fares(Block("cooling", stage.clock.monotonic() + 30)))
        assert whys(await ask("model=smart"))[:2] == [
            "left out: it cools down for 30.0 s more: it answered 429",
            asked_first,
        ]
        stage.standings.put(
            "first", Fares(Block("open", stage.clock.monotonic() + 30, "5 failures in a row"))
        )
        first = targets(await ask("model=smart"))[0]
        assert (first["order"], str(first["why"]).partition(": ")[2]) == (
            2,
            "its circuit is open for 30.0 s more (5 failures in a row)",
        )

    explained(tmp_path, scene)


def test_where_nobody_would_be_asked_it_says_what_the_client_would_be_told(tmp_path: Path) -> None:
    async def scene(ask: Ask, stage: Stage) -> None:
        stage.plan_by({}, {"smart": TERMS})
        reply = await ask("model=smart&tools=true&images=1")
        assert [each["order"] for each in targets(reply)] == [None, None, None]
        assert str(reply.json()["refused"]).startswith("'smart' has no target for this request: first/m: ")
        stage.standings.put("first", Fares(Block("cooling", stage.clock.monotonic() + 30)))
        alone = await ask("model=first/m")
        assert str(alone.json()["refused"]).startswith(
            "'first/m' cannot be asked now: first/m: it cools down"
        )

    explained(tmp_path, scene)


@pytest.mark.parametrize(
    ("query", "status", "says"),
    [
        ("", 400, "`?model=`"),
        ("model=", 400, "`?model=`"),
        ("model=first/m&dialect=klingon", 400, "'klingon' is not a dialect: chat"),
        ("&".join(f"a{n}=1" for n in range(40)), 400, "parameters"),
        ("model=first/m&tools=maybe", 400, "tools='maybe' is neither 1 nor 0"),
        ("model=first/m&input_tokens=-1", 400, "input_tokens='-1' is not a number of tokens"),
        ("model=first/m&output_tokens=99999999999", 400, "is not a number of tokens"),
        ("model=nobody", 404, "nothing configured serves the model 'nobody'"),
        ("model=m", 404, "say which one"),
    ],
)
def test_what_cannot_be_explained_says_why(tmp_path: Path, query: str, status: int, says: str) -> None:
    async def scene(ask: Ask, stage: Stage) -> None:
        reply = await ask(query)
        assert reply.status == status and says in str(reply.error()["message"])

    explained(tmp_path, scene)


def test_it_is_the_dashboards(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        fleet = Fleet(stage.upstream, stage.clock, lambda: None)
        door = Door(*Explaining(Router(), stage.routing, fleet).routes())
        for token in ("", stage.key):
            assert (await door.ask("/api/dashboard/explain?model=demo/m", token=token)).status == 401

    on_stage(tmp_path, scene)
