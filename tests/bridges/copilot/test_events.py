"""Events of a session: those that say something here, and the many that do not."""

import msgspec
import pytest
from msgspec import Raw

from bridges.copilot.fake_cli import IDLE, message, piece, request, used
from llm_gateway.bridges.copilot.events import Event, Idle, Piece, Requested, Spoken, Used, read_event


def _read(kind: str, data: object) -> Event | None:
    return read_event(kind, Raw(msgspec.json.encode(data)))


def test_what_is_known_is_read() -> None:
    assert _read(*piece("hi")) == Piece("m1", "hi")
    assert _read(*request("c1")) == Requested("r-c1", "c1")
    assert _read(*IDLE) == Idle()
    usage = _read(*used())
    assert isinstance(usage, Used)
    assert (usage.input_tokens, usage.cache_read_tokens, usage.finish_reason) == (40, 8, "stop")
    spoken = _read(*message("hi", ("c1", "look")))
    assert isinstance(spoken, Spoken)
    assert spoken.tool_requests is not None
    assert bytes(spoken.tool_requests[0].arguments) == b'{"a":1}'


@pytest.mark.fault("B10")
def test_the_rest_says_nothing_here() -> None:
    assert _read("assistant.streaming_delta", {"totalResponseSizeBytes": 8}) is None
    assert _read("system.message", {"role": "system", "content": "x"}) is None


@pytest.mark.fault("B10")
def test_one_of_another_form_is_told_apart() -> None:
    with pytest.raises(msgspec.DecodeError):
        _read("assistant.message_delta", {"text": "hi"})
