"""What is remembered of a target that failed: it is spared for a while, and nobody is asked too often."""

from collections.abc import Iterator

import pytest

from faults.stage import Stage, Start, Targets
from rawhttp import Reply
from scripted import Flood, Script, ScriptedUpstream, Send, chat, faults
from scripted.wording import head, response

_MIB = 1024 * 1024
_CAP_S = 3600


@pytest.fixture
def first() -> Iterator[ScriptedUpstream]:
    with ScriptedUpstream(("m",)) as upstream:
        yield upstream


@pytest.fixture
def second() -> Iterator[ScriptedUpstream]:
    with ScriptedUpstream(("m",)) as upstream:
        yield upstream


@pytest.fixture
def stage(start: Start, first: ScriptedUpstream, second: ScriptedUpstream) -> Stage:
    targets = Targets()
    targets.alias("both", targets.add("first", first.url), targets.add("second", second.url))
    return start(targets)


def always(upstream: ScriptedUpstream, script: Script) -> None:
    """Answer every request for the model with this."""
    upstream.on("m", script)


def answered(stage: Stage, count: int) -> list[Reply]:
    """Ask the alias; every answer has to come from its second target."""
    replies = [stage.ask("both", stream=number % 2 == 0) for number in range(count)]
    assert {(reply.status, reply.header("x-llm-gateway-provider")) for reply in replies} == {(200, "second")}
    return replies


@pytest.mark.fault("U1")
def test_a_target_that_is_not_there_is_soon_not_asked_any_more(
    start: Start, first: ScriptedUpstream, second: ScriptedUpstream
) -> None:
    targets = Targets()
    targets.add("first", f"http://127.0.0.1:{first.port}")
    targets.alias("both", "first/m", targets.add("second", second.url))
    always(first, faults.BROKEN_ANSWERS["closed without an answer"])
    stage = start(targets)
    replies = answered(stage, 30)
    asked = [stage.attempts(reply)[0][0] for reply in replies]
    assert asked[0] == "first" and 3 <= asked.count("first") <= 12
    assert asked[-1] == "second", "the circuit is open"
    assert stage.ask("first/m").status == 502, "asked for alone, it is asked: nothing is made worse"


@pytest.mark.fault("U12")
@pytest.mark.parametrize("retry_after", ["60", "Wed, 21 Oct 2037 07:28:00 GMT", "99999999999"])
def test_a_target_that_asks_for_a_pause_gets_it_from_everybody(
    stage: Stage, first: ScriptedUpstream, retry_after: str
) -> None:
    always(first, faults.failing(429, retry_after=retry_after))
    answered(stage, 20)
    assert len(first.asked()) == 1
    alone = stage.ask("first/m")
    told = alone.header("retry-after")
    assert alone.status in (429, 503) and told is not None
    assert told.isdigit() and 0 < int(told) <= _CAP_S, "what is left, and never more than an hour"
    assert len(first.asked()) == 1


@pytest.mark.fault("U12")
@pytest.mark.parametrize("retry_after", ["-1", "soon", "0"])
def test_an_absurd_pause_is_none(stage: Stage, first: ScriptedUpstream, retry_after: str) -> None:
    first.queue(faults.failing(429, retry_after=retry_after))
    answered(stage, 1)
    assert len(first.asked()) == 1


@pytest.mark.fault("U13")
@pytest.mark.parametrize("status", [500, 503, 529])
def test_further_attempts_are_at_most_a_tenth_of_the_traffic(
    stage: Stage, first: ScriptedUpstream, status: int
) -> None:
    always(first, faults.overloaded() if status == 529 else faults.failing(status))
    replies = [stage.ask("first/m") for _ in range(100)]
    assert {reply.status for reply in replies} <= {status, 503}
    assert len(first.asked()) <= 100 + 10 + 4


@pytest.mark.fault("U13")
def test_the_body_of_an_error_is_bounded(stage: Stage, first: ScriptedUpstream) -> None:
    endless = head(500, (("content-type", "text/html"), ("content-length", str(32 * _MIB))))
    always(first, (Send(endless), Flood(b"<p>" * 16384, 32 * _MIB // 49152 + 1)))
    before = stage.gateway.status_kib("VmRSS")
    reply = stage.ask("first/m")
    assert reply.status in (500, 502)
    assert len(reply.body) <= _MIB
    assert stage.gateway.status_kib("VmHWM") - before < 8 * 1024


@pytest.mark.fault("U14")
@pytest.mark.parametrize("status", [401, 403])
def test_a_provider_that_refuses_the_credential_is_not_hammered(
    stage: Stage, first: ScriptedUpstream, status: int
) -> None:
    always(first, faults.failing(status))
    answered(stage, 20)
    assert len(first.asked()) <= 2, "at most once a minute"


@pytest.mark.fault("U14")
@pytest.mark.parametrize("how", ["402", "quota"])
def test_a_provider_without_money_is_not_hammered(stage: Stage, first: ScriptedUpstream, how: str) -> None:
    body = chat.error("You exceeded your current quota", "insufficient_quota", "insufficient_quota")
    always(first, faults.failing(402) if how == "402" else (Send(response(429, body)),))
    answered(stage, 20)
    assert len(first.asked()) <= 2
