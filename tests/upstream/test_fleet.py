"""Providers: asked for their models, found running, found wanting, and what is told of it."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

import msgspec
import pytest

from fakes import FakeClock
from llm_gateway.http.client import Patience
from llm_gateway.http.pool import Pool
from llm_gateway.providers.catalog import ModelList, ProviderRow, Quirks, Speaks, load_catalog
from llm_gateway.providers.endpoint import provider_endpoints
from llm_gateway.upstream.client import Upstream
from llm_gateway.upstream.fleet import Fleet, Presence
from llm_gateway.vault import Secret
from pipeline_stage import closed_port
from scripted import Gate, Hang, Received, Script, ScriptedUpstream, Send, chat, faults
from scripted.wording import response

ROW = ProviderRow(name="vllm", label="vLLM", kind="local", dialects={"chat": Speaks("/v1")})


class Stage:
    """A fleet whose providers are all one scripted upstream."""

    def __init__(self, scripted: ScriptedUpstream, deadline: float) -> None:
        self.scripted = scripted
        self.clock = FakeClock()
        self.changes = 0
        self.upstream = Upstream(Pool(connect_timeout=5.0), Patience(5.0, 5.0))
        self.fleet = Fleet(self.upstream, self.clock, self._changed, deadline=deadline)

    def _changed(self) -> None:
        self.changes += 1

    def add(
        self,
        row: ProviderRow = ROW,
        *,
        presence: Presence = "configured",
        models: tuple[str, ...] = (),
        port: int | None = None,
    ) -> None:
        """Add a provider whose address is the scripted upstream's, or another port."""
        url = f"http://127.0.0.1:{port or self.scripted.port}"
        placed = msgspec.structs.replace(row, base_url=url)
        endpoints = provider_endpoints(placed, Secret("sk-of-the-provider"), {})
        self.fleet.add(placed, endpoints, presence=presence, models=models)

    def told(self, name: str = "vllm") -> tuple[str, str, tuple[str, ...]]:
        """Return a member's state, its reason and its models."""
        member = self.fleet.members[name]
        return member.state, member.reason, member.models


def on_stage(
    scene: Callable[[Stage], Awaitable[None]], *lists: Script, deadline: float = 5.0
) -> list[Received]:
    """Play a scene and return what the upstream was asked; it answers `lists`, then that it has one model."""
    queue = list(lists)

    def respond(request: Received, names: Sequence[str]) -> Script | None:
        return queue.pop(0) if queue else chat.respond(request, names)

    async def play(scripted: ScriptedUpstream) -> None:
        stage = Stage(scripted, deadline)
        try:
            await scene(stage)
        finally:
            stage.upstream.close()
            await asyncio.sleep(0)

    with ScriptedUpstream(models=["qwen"], responders=[respond]) as scripted:
        asyncio.run(play(scripted))
        return list(scripted.requests)


def listing(*names: str) -> Script:
    return (Send(response(200, chat.models(names))),)


def test_a_provider_is_unknown_until_it_is_asked() -> None:
    async def scene(stage: Stage) -> None:
        stage.add()
        assert stage.told() == ("unknown", "", ())
        assert stage.fleet.members["vllm"].checked_us == 0

    assert on_stage(scene) == []


def test_models_are_asked_for_with_the_credential_and_kept() -> None:
    async def scene(stage: Stage) -> None:
        stage.add()
        await stage.fleet.refresh()
        assert stage.told() == ("ok", "", ("qwen",))
        member = stage.fleet.members["vllm"]
        assert member.entries[0].owned_by == "scripted"
        assert member.checked_us == stage.clock.now
        assert stage.changes == 1

    (asked,) = on_stage(scene)
    assert (asked.method, asked.target) == ("GET", "/v1/models")
    assert asked.header("authorization") == "Bearer sk-of-the-provider"
    assert asked.header("accept") == "application/json"


def test_a_row_says_where_and_how_its_list_is_asked_for() -> None:
    async def scene(stage: Stage) -> None:
        rows = {row.name: row for row in load_catalog()}
        stage.add(rows["ollama"])
        stage.add(rows["anthropic"])
        await stage.fleet.refresh()
        assert stage.told("ollama")[2] == stage.told("anthropic")[2] == ()

    empty = (Send(response(200, b'{"models":null,"data":[]}')),)
    asked = {request.target: request for request in on_stage(scene, empty, empty)}
    assert asked.keys() == {"/api/tags", "/v1/models?limit=1000"}
    assert asked["/v1/models?limit=1000"].header("x-api-key") == "sk-of-the-provider"
    assert asked["/v1/models?limit=1000"].header("anthropic-version") == "2023-06-01"


def test_names_lose_the_prefix_that_requests_do_not_need() -> None:
    async def scene(stage: Stage) -> None:
        stage.add(msgspec.structs.replace(ROW, quirks=Quirks(model_prefix="models/")))
        await stage.fleet.refresh()
        assert stage.told()[2] == ("a", "b")

    on_stage(scene, listing("models/a", "b"))


def test_models_of_the_configuration_count_instead_of_the_list() -> None:
    async def scene(stage: Stage) -> None:
        stage.add(models=("mine",))
        assert stage.told() == ("unknown", "", ("mine",))
        await stage.fleet.refresh()
        assert stage.told() == ("ok", "", ("mine",))

    on_stage(scene)


@pytest.mark.parametrize(
    ("script", "state", "reason"),
    [
        (faults.failing(401), "auth_required", "answered 401"),
        (faults.failing(403), "auth_required", "API key"),
        (faults.failing(500), "degraded", "answered 500"),
        (faults.failing(404), "degraded", "answered 404"),
        ((Send(response(200, b"<html>")),), "degraded", "not JSON"),
        ((Send(response(200, b'{"models": []}')),), "degraded", "not a model list"),
        (faults.BROKEN_ANSWERS["closed without an answer"], "unreachable", "closed the connection"),
        (faults.redirect("http://evil.test/"), "unreachable", "redirect"),
        (faults.bomb(17 * 1024 * 1024), "unreachable", "content-encoding"),
        ((Hang(),), "unreachable", "within 0.2 seconds"),
    ],
    ids=["401", "403", "500", "404", "not JSON", "not a list", "broken", "redirect", "bomb", "silent"],
)
def test_what_is_wrong_with_a_provider_is_told(script: Script, state: str, reason: str) -> None:
    async def scene(stage: Stage) -> None:
        stage.add()
        await stage.fleet.refresh()
        told, why, models = stage.told()
        assert (told, models) == (state, ()) and reason in why, why
        assert "sk-of-the-provider" not in why
        assert stage.changes == 1
        await stage.fleet.refresh()
        assert stage.told() == ("ok", "", ("qwen",)), "and it is no longer told when it is well again"

    on_stage(scene, script, deadline=0.2 if script == (Hang(),) else 5.0)


def test_a_provider_that_is_down_is_unreachable_and_the_others_are_not() -> None:
    async def scene(stage: Stage) -> None:
        stage.add()
        stage.add(msgspec.structs.replace(ROW, name="down"), port=closed_port())
        await stage.fleet.refresh()
        assert stage.told() == ("ok", "", ("qwen",))
        state, reason, _ = stage.told("down")
        assert state == "unreachable" and "refused" in reason

    on_stage(scene)


def test_models_that_were_known_stay_known_while_a_provider_fails() -> None:
    async def scene(stage: Stage) -> None:
        stage.add()
        await stage.fleet.refresh()
        await stage.fleet.refresh()
        assert stage.told()[::2] == ("degraded", ("a", "b"))

    on_stage(scene, listing("a", "b"), faults.failing(503))


# changes


def test_only_a_change_is_told() -> None:
    async def scene(stage: Stage) -> None:
        stage.add()
        changes = []
        for _ in range(5):
            await stage.fleet.refresh()
            changes.append(stage.changes)
        assert changes == [1, 1, 2, 3, 3]

    on_stage(scene, listing("a"), listing("a"), listing("a", "b"), faults.failing(500), faults.failing(502))


def test_those_asked_a_moment_ago_are_left_in_peace() -> None:
    async def scene(stage: Stage) -> None:
        stage.add()
        await stage.fleet.refresh(older_than=60)
        stage.clock.advance(59)
        stage.add(msgspec.structs.replace(ROW, name="new"))
        await stage.fleet.refresh(older_than=60)
        assert len(stage.scripted.requests) == 2, "the one that was never asked is asked"
        stage.clock.advance(1)
        await stage.fleet.refresh(older_than=60)
        assert len(stage.scripted.requests) == 3
        await stage.fleet.refresh()
        assert len(stage.scripted.requests) == 5

    on_stage(scene)


def test_whoever_comes_while_they_are_asked_waits_for_the_answer() -> None:
    async def scene(stage: Stage) -> None:
        stage.add()
        first = asyncio.create_task(stage.fleet.refresh(older_than=60))
        await asyncio.to_thread(stage.scripted.wait_gate, "list")
        second = asyncio.create_task(stage.fleet.refresh(older_than=60))
        await asyncio.sleep(0)
        assert not second.done()
        stage.scripted.open("list")
        await second
        assert stage.told()[0] == "ok"
        await first

    assert len(on_stage(scene, (Gate("list"), *listing("a")))) == 1


def test_what_was_learnt_before_somebody_left_is_told_and_the_rest_is_asked_again() -> None:
    async def scene(stage: Stage) -> None:
        stage.add(port=closed_port())
        stage.add(msgspec.structs.replace(ROW, name="slow"))
        task = asyncio.create_task(stage.fleet.refresh(older_than=60))
        await asyncio.to_thread(stage.scripted.wait_gate, "list")
        while stage.told()[0] == "unknown":  # noqa: ASYNC110 - nobody tells when a refused connection is
            await asyncio.sleep(0.001)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert stage.changes == 1
        assert stage.told()[0] == "unreachable" and stage.told("slow")[0] == "unknown"
        await stage.fleet.refresh(older_than=60)
        assert stage.told("slow") == ("ok", "", ("qwen",))
        assert stage.changes == 2

    on_stage(scene, (Gate("list"), *listing("a")))


# who is a member


def test_a_candidate_joins_when_it_is_found_running() -> None:
    async def scene(stage: Stage) -> None:
        stage.add(presence="found running")
        stage.add(msgspec.structs.replace(ROW, name="down"), presence="found running", port=closed_port())
        assert stage.fleet.members == {} and stage.fleet.lines() == {}
        await stage.fleet.refresh()
        assert stage.fleet.members.keys() == {"vllm"}
        assert stage.told() == ("ok", "", ("qwen",))
        assert stage.changes == 1
        await stage.fleet.refresh()
        assert stage.changes == 1

    on_stage(scene)


@pytest.mark.parametrize("status", [401, 404, 500])
def test_whoever_else_listens_there_does_not_join(status: int) -> None:
    async def scene(stage: Stage) -> None:
        stage.add(presence="found running")
        await stage.fleet.refresh()
        assert stage.fleet.members == {}

    on_stage(scene, faults.failing(status))


def test_a_member_that_was_found_stays_one_when_it_goes() -> None:
    async def scene(stage: Stage) -> None:
        stage.add(presence="found running")
        await stage.fleet.refresh()
        await stage.fleet.refresh()
        assert stage.told()[0] == "degraded" and stage.fleet.members["vllm"].presence == "found running"

    on_stage(scene, listing("a"), faults.failing(500))


def test_what_is_built_in_is_there_at_once_and_is_never_asked() -> None:
    async def scene(stage: Stage) -> None:
        row = ProviderRow(name="demo", label="Demo", kind="builtin", dialects={"chat": Speaks()})
        stage.fleet.add(row, (), presence="built in", models=("echo",))
        await stage.fleet.refresh()
        assert stage.told("demo") == ("ok", "", ("echo",))
        assert stage.fleet.members["demo"].endpoints == () and stage.changes == 0

    assert on_stage(scene) == []


def test_a_provider_whose_list_cannot_be_asked_for_is_left_as_it_is() -> None:
    async def scene(stage: Stage) -> None:
        stage.add(msgspec.structs.replace(ROW, models=ModelList(dialect="ollama")), models=("a",))
        await stage.fleet.refresh()
        assert stage.told() == ("unknown", "", ("a",))

    assert on_stage(scene) == []


def test_lines_are_found_by_provider_and_dialect() -> None:
    async def scene(stage: Stage) -> None:
        stage.add(msgspec.structs.replace(ROW, dialects={"messages": Speaks("/v1"), "chat": Speaks("/v1")}))
        lines = stage.fleet.lines()
        assert list(lines) == [("vllm", "messages"), ("vllm", "chat")]
        assert lines["vllm", "chat"].endpoint.dialect == "chat"
        assert [each.dialect for each in stage.fleet.members["vllm"].endpoints] == ["messages", "chat"]

    on_stage(scene)


def test_a_fleet_becomes_another_once_it_is_not_asking() -> None:
    async def scene(stage: Stage) -> None:
        stage.add()
        other = Fleet(stage.upstream, stage.clock, lambda: None)
        url = f"http://127.0.0.1:{stage.scripted.port}"
        row = msgspec.structs.replace(ROW, name="new", base_url=url)
        other.add(row, provider_endpoints(row, None, {}), presence="configured")
        await other.refresh()
        asking = asyncio.create_task(stage.fleet.refresh())
        await asyncio.to_thread(stage.scripted.wait_gate, "list")
        becoming = asyncio.create_task(stage.fleet.become(other))
        await asyncio.sleep(0)
        assert list(stage.fleet.members) == ["vllm"]
        stage.scripted.open("list")
        await asyncio.gather(asking, becoming)
        assert list(stage.fleet.members) == ["new"]
        assert stage.told("new") == ("ok", "", ("qwen",))
        assert stage.changes == 2, "what the old ones answered, and that they are gone"

    on_stage(scene, listing("qwen"), (Gate("list"), *listing("late")))


def test_providers_are_asked_again_and_again() -> None:
    async def scene(stage: Stage) -> None:
        stage.add()
        keeping = asyncio.create_task(stage.fleet.keep_fresh(0.01))
        async with asyncio.timeout(10):
            while stage.told() != ("ok", "", ("late",)):
                stage.clock.advance(1)
                await asyncio.sleep(0.01)
        keeping.cancel()

    on_stage(scene, listing("qwen"), listing("late"))
