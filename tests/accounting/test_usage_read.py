"""Usage of every dialect and provider kind, read to the figure that a person reckoned from it.

By what passes an answer on and by what translates it alike, however its bytes are cut.
"""

from collections.abc import Callable

import pytest

from llm_gateway.canonical.events import Event, Measured
from llm_gateway.canonical.usage import Usage
from llm_gateway.dialects.bridge import BRIDGE
from llm_gateway.dialects.chat import CHAT
from llm_gateway.dialects.chat.stream import ChatMeter
from llm_gateway.dialects.contract import Dialect, Seen, StreamMeter
from llm_gateway.dialects.gemini import GEMINI
from llm_gateway.dialects.gemini.stream import GeminiMeter
from llm_gateway.dialects.messages import MESSAGES
from llm_gateway.dialects.messages.stream import MessagesMeter
from llm_gateway.dialects.ollama import OLLAMA
from llm_gateway.dialects.ollama.stream import OllamaMeter
from llm_gateway.dialects.responses import RESPONSES
from llm_gateway.dialects.responses.stream import ResponsesMeter
from llm_gateway.pipeline.forwarded_answer import EventMeter, read_answer
from recorded import BY_DIALECT, FORWARDED, Case, name_of

DIALECTS: dict[str, tuple[Dialect, str, Callable[[], StreamMeter]]] = {
    "chat": (CHAT, "chat/completions", lambda: ChatMeter(strip_usage=False)),
    "responses": (RESPONSES, "responses", ResponsesMeter),
    "messages": (MESSAGES, "messages", MessagesMeter),
    "gemini": (GEMINI, "generateContent", lambda: GeminiMeter(events=True)),
    "ollama": (OLLAMA, "chat", OllamaMeter),
}
ALL = [(dialect, case) for dialect, cases in BY_DIALECT.items() for case in cases]
WHOLE = [(dialect, case) for dialect, case in ALL if not case.stream]
STREAMED = [(dialect, case) for dialect, case in ALL if case.stream]
SIZES = (1, 7, 64, 1 << 20)


def named(pairs: list[tuple[str, Case]]) -> list[str]:
    return [f"{dialect}-{case.name}" for dialect, case in pairs]


def cut(body: bytes, size: int) -> list[bytes]:
    return [body[at : at + size] for at in range(0, len(body), size)]


def metered(meter: StreamMeter, body: bytes, size: int) -> Seen:
    for piece in cut(body, size):
        meter.feed(piece)
    meter.close()
    return meter.seen


def last_measured(events: list[Event]) -> tuple[Usage | None, str]:
    told = [(event.usage, event.tier) for event in events if isinstance(event, Measured)]
    return told[-1] if told else (None, "")


@pytest.mark.parametrize(("dialect", "case"), WHOLE, ids=named(WHOLE))
def test_a_whole_answer_that_passes(dialect: str, case: Case) -> None:
    speaks, operation, _ = DIALECTS[dialect]
    seen = speaks.read_answer(case.body, operation)
    assert (seen.usage, seen.tier) == (case.usage, case.tier)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(("dialect", "case"), STREAMED, ids=named(STREAMED))
def test_a_stream_that_passes(dialect: str, case: Case, size: int) -> None:
    _, _, meter = DIALECTS[dialect]
    seen = metered(meter(), case.body, size)
    assert (seen.usage, seen.tier, seen.complete) == (case.usage, case.tier, case.whole)


@pytest.mark.parametrize(("dialect", "case"), WHOLE, ids=named(WHOLE))
def test_a_whole_answer_that_is_translated(dialect: str, case: Case) -> None:
    speaks, _, _ = DIALECTS[dialect]
    read = speaks.decode_response(case.body)
    assert (read.response.usage, read.response.tier) == (case.usage, case.tier)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(("dialect", "case"), STREAMED, ids=named(STREAMED))
def test_a_stream_that_is_translated(dialect: str, case: Case, size: int) -> None:
    speaks, _, _ = DIALECTS[dialect]
    decoder = speaks.decoder()
    events = [event for piece in cut(case.body, size) for event in decoder.feed(piece)]
    assert last_measured([*events, *decoder.close()]) == (case.usage, case.tier)


@pytest.mark.parametrize("case", [case for case in FORWARDED if not case.stream], ids=name_of)
def test_an_answer_that_is_passed_on(case: Case) -> None:
    seen = read_answer(case.body)
    assert (seen.usage, seen.tier) == (case.usage, case.tier)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("case", [case for case in FORWARDED if case.stream], ids=name_of)
def test_events_that_are_passed_on(case: Case, size: int) -> None:
    seen = metered(EventMeter(CHAT), case.body, size)
    assert (seen.usage, seen.tier) == (case.usage, case.tier)


FIGURES = {case.usage: case.tier for _, case in ALL if case.usage is not None}


@pytest.mark.parametrize("usage", FIGURES, ids=str)
def test_a_bridge_hands_on_all_of_a_figure(usage: Usage) -> None:
    told = BRIDGE.encode_event(Measured(usage, FIGURES[usage]))
    decoder = BRIDGE.decoder()
    assert decoder.feed(told) == [Measured(usage, FIGURES[usage])]


@pytest.mark.parametrize(("dialect", "case"), ALL, ids=named(ALL))
def test_no_part_is_more_than_its_whole(dialect: str, case: Case) -> None:
    """The figures themselves: what a person reckoned wrong would be believed by everything else here."""
    if (usage := case.usage) is None:
        return
    special = usage.special
    assert usage.reasoning <= usage.output
    assert usage.cache_write_1h <= usage.cache_write
    if special is not None:
        assert special.audio_in + special.image_in <= usage.uncached
        assert special.audio_read + special.image_read <= usage.cache_read
        assert special.audio_out + special.image_out <= usage.output - usage.reasoning
