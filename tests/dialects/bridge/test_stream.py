"""Answers of bridges: the same events however the bytes are cut, losses beside them, defects told."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from canonical_strategies import answers
from llm_gateway.canonical.events import Failed, Finished, TextDelta
from llm_gateway.canonical.loss import Loss
from llm_gateway.canonical.parts import Text
from llm_gateway.canonical.response import Response, unfold
from llm_gateway.dialects.bridge.stream import Decoder, Lost, decode_response, encode_event
from llm_gateway.errors import UpstreamBroken


@given(answers(), st.data())
def test_events_arrive_however_they_are_cut(answer: Response, data: st.DataObject) -> None:
    said = list(unfold(answer))
    body = b"".join(map(encode_event, said))
    cuts = sorted(data.draw(st.lists(st.integers(0, len(body)), max_size=5)))
    decoder, heard = Decoder(), []
    for start, end in zip([0, *cuts], [*cuts, len(body)], strict=True):
        heard += decoder.feed(body[start:end])
    assert heard + decoder.close() == said


def test_a_loss_is_no_event() -> None:
    decoder = Decoder()
    lines = encode_event(Lost("history", "it was flattened")) + encode_event(TextDelta("hi"))
    assert decoder.feed(lines) == [TextDelta("hi")]
    assert decoder.losses == (Loss("history", "it was flattened"),)


@pytest.mark.parametrize("line", [b"{}\n", b"<html>\n", b'{"type":"new"}\n', b"\xff\n"])
def test_another_language_is_a_defect(line: bytes) -> None:
    with pytest.raises(UpstreamBroken, match="one version"):
        Decoder().feed(line)


def test_a_line_without_end_is_a_defect() -> None:
    decoder = Decoder()
    for _ in range(16):
        decoder.feed(b"x" * 1024 * 1024)
    with pytest.raises(UpstreamBroken, match="is over"):
        decoder.feed(b"x")


def test_a_whole_answer_is_folded() -> None:
    body = encode_event(TextDelta("hi")) + encode_event(Finished("length"))
    read = decode_response(body)
    assert read.response.parts == (Text("hi"),)
    assert read.response.finish == "length"


def test_one_that_failed_is_none() -> None:
    with pytest.raises(UpstreamBroken, match="the vendor is down"):
        decode_response(encode_event(TextDelta("hi")) + encode_event(Failed("the vendor is down")))
