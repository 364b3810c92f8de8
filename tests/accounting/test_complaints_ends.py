"""Complaints of users of other gateways about answers that ended early, each with what ours does.

They name the project, and the number of its issue or pull request.
"""

from pathlib import Path

import pytest

from ends_stage import Ends, on_ends
from ends_told import Stream, streams
from llm_gateway.canonical.usage import Usage
from llm_gateway.config.routing import RoutingSettings
from scripted import messages
from speaking_ends import CLIENTS

_FINISH = RoutingSettings(retries=0, on_disconnect="finish", finish_seconds=0.3)


@pytest.mark.parametrize("provider", ["chat", "messages"])
def test_a_provider_that_brought_nothing_is_not_paid_by_the_turn(tmp_path: Path, provider: str) -> None:
    """new-api 4168 and its copy 4167, with pull request 4199: billed by an estimate though nothing came."""

    async def scene(ends: Ends) -> None:
        stream = streams(provider)[0]
        for at in (0, 1):  # without an answer, and with an answer that has only a head
            end = (await ends.break_off(CLIENTS[provider], stream, at, hard=True)).settlement
            assert (end.usage, end.cost_nano) == (None, None)
            (attempt,) = end.attempts
            assert attempt.usage is not None and attempt.usage.output == 0, "what it may bill is told apart"

    on_ends(tmp_path, scene)


def test_an_error_inside_an_answer_is_no_output(tmp_path: Path) -> None:
    """new-api 5287 to 5290: the words of an upstream's error were counted and billed as output."""

    async def scene(ends: Ends) -> None:
        usual = streams("messages")[0]
        told = messages.error_event(said="The model is overloaded, and says so at length. " * 20)
        stream = Stream("failing", "messages", (usual.pieces[0], told))
        end = (await ends.break_off(CLIENTS["messages"], stream, 4, hard=False)).settlement
        assert (end.outcome, end.error_kind) == ("error", "upstream_stream")
        assert end.usage is not None and end.usage.output <= 1, "what its start had told"

    on_ends(tmp_path, scene)


@pytest.mark.parametrize("left", [True, False], ids=["client", "upstream"])
def test_what_a_stream_brought_before_it_was_cut_is_paid(tmp_path: Path, left: bool) -> None:
    """new-api 5235 with pull request 5291, and 7062: refunded in full, though there was output."""

    async def scene(ends: Ends) -> None:
        stream = next(each for each in streams("responses") if each.name == "text")
        at = len(stream.pieces) - 3
        client = CLIENTS["responses"]
        cut = (
            ends.leave(client, stream, at, hard=True)
            if left
            else ends.break_off(client, stream, at, hard=True)
        )
        end = (await cut).settlement
        assert end.usage is not None and end.usage.estimated
        assert end.usage.output == -(-stream.told(at).content // 4) > 0
        assert end.cost_nano == end.usage.uncached * 1000 + end.usage.output * 10_000

    on_ends(tmp_path, scene)


def test_a_stream_cut_after_its_beginning_has_the_whole_input_and_what_was_said(tmp_path: Path) -> None:
    """Of bitrouter 537: the input of a stream was forgotten when its client left before the usage."""

    async def scene(ends: Ends) -> None:
        stream = streams("messages")[0]
        end = (await ends.leave(CLIENTS["messages"], stream, 8, hard=True)).settlement
        told = stream.told(8)
        assert end.usage is not None and told.usage is not None
        assert end.usage.input == told.usage.input
        assert end.usage.output >= -(-told.content // 4) > told.usage.output

    on_ends(tmp_path, scene)


@pytest.mark.parametrize("at", [0, 1])
def test_who_leaves_before_the_first_token_pays_for_no_output(tmp_path: Path, at: int) -> None:
    """sub2api 4408: generated on in the background, and billed like an answer."""

    async def scene(ends: Ends) -> None:
        cut = await ends.leave(CLIENTS["chat"], streams("chat")[0], at, hard=True)
        assert cut.kept_s <= 0.1, "and the upstream is let go"
        asked = Usage(-(-cut.request_bytes // 4), estimated=True)
        assert (cut.settlement.usage, cut.settlement.counted) == (asked, "bytes")

    on_ends(tmp_path, scene)


def test_an_upstream_is_let_go_when_its_client_leaves_unless_it_is_set_otherwise(tmp_path: Path) -> None:
    """new-api 4184, 4186, 4185 and 4500, sub2api 1357 and 6482: never, or not by choice."""

    async def scene(ends: Ends) -> None:
        stream = streams("messages")[0]
        cut = await ends.leave(CLIENTS["messages"], stream, 6, hard=True)
        assert (cut.settlement.outcome, cut.kept_s <= 0.1) == ("cancelled", True)
        ends.use(_FINISH)
        finished = (await ends.gone_on_with(CLIENTS["messages"], stream, 6)).settlement
        assert (finished.outcome, finished.usage) == ("cancelled", stream.told(stream.cuts[-1]).usage)

    on_ends(tmp_path, scene)


def test_reading_on_has_a_limit(tmp_path: Path) -> None:
    """Menci/Floway 447: an upstream that never ended was drained for ever."""

    async def scene(ends: Ends) -> None:
        ends.use(_FINISH)
        cut = await ends.gone_on_with(CLIENTS["chat"], streams("chat")[0], 4, ends=False)
        assert 0.3 <= cut.kept_s < 2.0

    on_ends(tmp_path, scene)
