"""A page's question to a model: answered by the pipeline, accounted to the dashboard, no saving."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from llm_gateway.ledger.coverage import routed
from llm_gateway.pipeline.handle import Gateway
from llm_gateway.server.pages.answering import Answered, Question, Said, answer
from pipeline_stage import Stage, on_stage
from scripted import Gate, Responder, chat, faults

HELLO = (Said("user", "Guten Tag, <b>Welt</b>"),)
Ask = Callable[[Gateway], Question]


def asked(home: Path, question: Question, *responders: Responder) -> tuple[Answered, list[str], bytes]:
    """Return what came of a question, the pieces that were heard, and what the upstream was asked."""
    pieces: list[str] = []

    async def scene(stage: Stage) -> tuple[Answered, bytes]:
        found = await answer(stage.gateway, question, lambda text, thinking: pieces.append(text))
        return found, b"".join(each.raw for each in stage.scripted.asked())

    found, raw = on_stage(home, scene, responders=responders or (chat.respond,))
    return found, pieces, raw


def test_a_stream_is_heard_in_pieces_and_accounted_to_the_dashboard(tmp_path: Path) -> None:
    found, pieces, raw = asked(tmp_path, Question("first/m", HELLO, options={"temperature": 0.5}))
    assert found.text == "".join(pieces) and len(pieces) > 1
    assert (found.status, found.error) == (200, "")
    row = found.request
    assert row is not None and row.id == found.request_id
    assert (row.caller, row.client, row.told_by, row.purpose) == (
        "dashboard",
        "llm-gateway-dashboard",
        "session",
        "playground",
    )
    assert (row.status, row.tokens_in, row.tokens_out) == ("ok", 40, 12)
    assert b'"temperature":0.5' in raw and b"x-llm-gateway" not in raw.lower()


def test_an_answer_in_one_piece_is_read_whole(tmp_path: Path) -> None:
    found, pieces, _ = asked(tmp_path, Question("first/m", HELLO, "smoke", stream=False))
    assert pieces == [found.text] and found.text
    assert found.request is not None and found.request.purpose == "smoke"


@pytest.mark.parametrize("stream", [True, False])
def test_the_demo_answers_as_a_demo(tmp_path: Path, stream: bool) -> None:
    found, _, _ = asked(tmp_path, Question("demo/echo", HELLO, "smoke", stream))
    assert "Guten Tag, <b>Welt</b>" in found.text
    assert found.request is not None and (found.request.purpose, found.request.status) == ("demo", "ok")


@pytest.mark.parametrize(
    ("model", "status", "told"),
    [("demo/error-429", 429, ""), ("nobody/x", 404, "nobody/x"), ("down/m", 502, "connection refused")],
)
def test_an_error_is_told_in_its_own_words(tmp_path: Path, model: str, status: int, told: str) -> None:
    found, pieces, _ = asked(tmp_path, Question(model, HELLO))
    assert (found.status, found.text, pieces) == (status, "", [])
    assert found.error and told in found.error
    assert found.request is not None and found.request.status == "error"


def test_a_stream_that_breaks_off_keeps_what_came(tmp_path: Path) -> None:
    found, pieces, _ = asked(tmp_path, Question("first/m", HELLO), lambda *_: faults.cut_stream("reset"))
    assert found.text == "".join(pieces)
    assert found.error
    assert found.request is not None and found.request.status == "truncated"


def test_what_is_too_long_is_refused_before_anybody_is_asked(tmp_path: Path) -> None:
    found, _, raw = asked(tmp_path, Question("first/m", (Said("user", "x" * (1 << 20)),)))
    assert (found.status, found.request, raw) == (413, None, b"")
    assert "server.max_body_bytes" in found.error


def test_it_is_no_applications_use(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        await answer(stage.gateway, Question("first/m", HELLO))
        assert await stage.ledger.read(routed, 0) == []

    on_stage(tmp_path, scene)


def test_who_is_slow_is_waited_for(tmp_path: Path) -> None:
    class Slow:
        blocked = False
        waited = 0

        async def drain(self) -> None:
            self.waited += 1
            self.blocked = False

    async def scene(stage: Stage) -> tuple[int, str]:
        slow = Slow()

        def heard(text: str, thinking: bool) -> None:
            slow.blocked = slow.waited == 0
            stage.scripted.open("the rest")

        found = await answer(stage.gateway, Question("first/m", HELLO), heard, slow)
        return slow.waited, found.text

    (head, one, two, *end) = chat.stream(chat.events("m", ("first", "second"), usage=None))
    script = (head, one, two, Gate("the rest"), *end)
    assert on_stage(tmp_path, scene, responders=(lambda *_: script,)) == (1, "firstsecond")


def test_thinking_is_kept_apart(tmp_path: Path) -> None:
    events = chat.stream(chat.events("m", ("so",), reasoning=("hm", " hm")))
    found, pieces, _ = asked(tmp_path, Question("first/m", HELLO), lambda *_: events)
    assert (found.text, found.thinking, pieces) == ("so", "hm hm", ["hm", " hm", "so"])


def test_who_waits_no_longer_cancels_it(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        begun = asyncio.Event()
        asking = asyncio.ensure_future(
            answer(stage.gateway, Question("first/m", HELLO), lambda text, thinking: begun.set())
        )
        await begun.wait()
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
        assert (await stage.settlement()).outcome == "cancelled"

    on_stage(tmp_path, scene, responders=(lambda *_: faults.hang_mid_stream(),))
