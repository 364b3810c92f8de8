"""What an agent is asked: texts in their order, pictures it can see, and a conversation told as a text."""

import pytest

from bridges.acp.fake_agent import user
from llm_gateway.bridges.acp.prompt import answer_before, prompt_of, words_of
from llm_gateway.bridges.faults import BridgeFault
from llm_gateway.canonical.parts import Image, Inline, Link, Part, Text, Thinking
from llm_gateway.canonical.request import Message, Request

PIXEL = Image(Inline("QUJD", "image/png"))
SYSTEM = Message("system", (Text("S"),))


def _assistant(*parts: Part) -> Message:
    return Message("assistant", parts)


def test_a_first_prompt_is_the_system_text_and_what_is_said() -> None:
    words = words_of(Request((SYSTEM, user("a", PIXEL, "b"))), sees=True)
    blocks, losses = prompt_of(words, whole=True)
    assert blocks == [
        {"type": "text", "text": "S"},
        {"type": "text", "text": "a"},
        {"type": "image", "data": "QUJD", "mimeType": "image/png"},
        {"type": "text", "text": "b"},
    ]
    assert losses == ()


def test_a_session_that_knows_the_rest_is_told_what_is_new() -> None:
    words = words_of(Request((SYSTEM, user("a"), _assistant(Text("b")), user("c"))), sees=False)
    assert prompt_of(words, whole=False) == ([{"type": "text", "text": "c"}], ())
    assert words.size == len("Sabc") + 1


def test_another_is_told_the_conversation_and_that_is_said() -> None:
    history = (user("a", PIXEL), _assistant(Thinking("t"), Text("b")))
    blocks, losses = prompt_of(words_of(Request((*history, user("c"))), sees=False), whole=True)
    told = str(blocks[0]["text"])
    assert "<user>\na\n</user>\n<assistant>\nb\n</assistant>" in told
    assert blocks[1:] == [{"type": "text", "text": "c"}]
    assert [loss.what for loss in losses] == ["messages", "messages.images"]


@pytest.mark.parametrize(
    ("messages", "sees", "param"),
    [
        ((), True, "messages"),
        ((SYSTEM,), True, "messages"),
        ((user("a"), _assistant(Text("b"))), True, "messages"),
        ((user(PIXEL),), False, "images"),
        ((user(Image(Link("https://example.invalid/x.png"))),), True, "images"),
    ],
)
def test_what_cannot_be_asked_is_refused(messages: tuple[Message, ...], sees: bool, param: str) -> None:
    with pytest.raises(BridgeFault) as told:
        words_of(Request(messages), sees=sees)
    assert (told.value.kind, told.value.param) == ("refused", param)


def test_the_answer_before_is_found_in_whatever_pieces() -> None:
    talk = (user("a"), _assistant(Text("b")), _assistant(Text("c")), user("d"))
    assert answer_before(talk) == ((user("a"),), "bc")
    assert answer_before((user("a"),)) is None
    assert answer_before((user("a"), user("b"))) is None
    assert answer_before(()) is None
