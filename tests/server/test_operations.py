"""What operators and their tools ask for."""

from collections.abc import Awaitable, Callable
from pathlib import Path

from prometheus_client.openmetrics.parser import text_string_to_metric_families as openmetrics_families
from prometheus_client.parser import text_string_to_metric_families

from llm_gateway.dialects.chat import CHAT
from llm_gateway.dialects.contract import Path as CallPath
from llm_gateway.pipeline.handle import handle
from llm_gateway.server.operations import Operations
from pipeline_stage import Stage, on_stage, request
from server_stage import DASHBOARD, OWNER, Door


def door(stage: Stage) -> Door:
    operations = Operations(stage.ledger, stage.metrics, lambda: b'{"openapi":"3.1.0"}')
    return Door(*operations.routes(), metrics=stage.metrics)


def opened(
    home: Path, scene: Callable[[Stage, Door], Awaitable[None]], *, closes_ledger: bool = False
) -> None:
    on_stage(home, lambda stage: scene(stage, door(stage)), closes_ledger=closes_ledger)


async def say(stage: Stage) -> None:
    await handle(stage.incoming(request()), stage.gateway, CHAT, CallPath("chat/completions"))


def test_whoever_asks_is_told_that_it_lives_and_is_ready_and_nothing_more(tmp_path: Path) -> None:
    async def scene(stage: Stage, door: Door) -> None:
        for target, word in (("/livez", b"ok\n"), ("/readyz", b"ready\n")):
            reply = await door.ask(target)
            assert (reply.status, reply.body, reply.header("content-type")) == (200, word, "text/plain")
            assert {name for name, _ in reply.headers} == {"content-type", "content-length"}
            assert (await door.ask(target, method="POST")).status == 405

    opened(tmp_path, scene)


def test_it_is_not_ready_while_nothing_can_be_recorded_and_lives_all_the_same(tmp_path: Path) -> None:
    async def scene(stage: Stage, door: Door) -> None:
        await stage.ledger.close()
        await say(stage)
        reply = await door.ask("/readyz")
        assert (reply.status, reply.body, reply.header("retry-after")) == (503, b"not ready\n", "5")
        assert (await door.ask("/livez")).status == 200

    opened(tmp_path, scene, closes_ledger=True)


def test_counters_are_for_the_dashboards_token(tmp_path: Path) -> None:
    async def scene(stage: Stage, door: Door) -> None:
        await say(stage)
        for target in ("/metrics", "/openapi.json"):
            assert (await door.ask(target)).status == 401
            assert (await door.ask(target, token=stage.key)).status == 401
            assert (await door.ask(target, token=OWNER)).status == 200
        reply = await door.ask("/metrics", token=DASHBOARD)
        assert str(reply.header("content-type")).startswith("text/plain; version=0.0.4")
        families = {family.name: family for family in text_string_to_metric_families(reply.body.decode())}
        (sample,) = families["llm_gateway_requests"].samples
        assert (sample.labels["provider"], sample.labels["outcome"], sample.value) == ("first", "ok", 1.0)
        refused = {each.labels["kind"]: each.value for each in families["llm_gateway_refused"].samples}
        assert refused == {"invalid_api_key": 4.0}

    opened(tmp_path, scene)


def test_whoever_takes_openmetrics_gets_it(tmp_path: Path) -> None:
    async def scene(stage: Stage, door: Door) -> None:
        await say(stage)
        for accept, taken in (
            (b"application/openmetrics-text", True),
            # What Prometheus sends: docs/instrumenting/content_negotiation.md of prometheus/docs.
            (b"application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.4", True),
            (b"text/plain, Application/OpenMetrics-Text; version=1.0.0", True),
            (b"application/openmetrics-text;q=0, text/plain", False),
            (b"text/plain", False),
            (b"*/*", False),
        ):
            reply = await door.ask("/metrics", (b"accept", accept), token=DASHBOARD)
            told = str(reply.header("content-type"))
            assert told.startswith("application/openmetrics-text; version=1.0.0") is taken, accept
            assert reply.body.endswith(b"# EOF\n") is taken
            if taken:
                found = openmetrics_families(reply.body.decode())  # type: ignore[no-untyped-call]  # not typed there
                assert "llm_gateway_requests" in {family.name for family in found}

    opened(tmp_path, scene)


def test_the_description_is_what_was_described(tmp_path: Path) -> None:
    async def scene(stage: Stage, door: Door) -> None:
        assert await door.json("/openapi.json") == {"openapi": "3.1.0"}

    opened(tmp_path, scene)
