"""Sessions are found by their conversation, are one caller's at a time, and do not stay for ever."""

from fakes import FakeClock
from llm_gateway.bridges.sessions import Kept, conversation
from llm_gateway.canonical.parts import Text
from llm_gateway.canonical.request import FunctionTool, Message, Request


def said(*texts: str) -> tuple[Message, ...]:
    return tuple(Message("user", (Text(text),)) for text in texts)


def test_a_conversation_is_told_by_all_that_was_said() -> None:
    request = Request(said("a", "b"))
    key = conversation("m", request, said("a"))
    assert key == conversation("m", Request(said("a", "c")), said("a"))
    others = {
        conversation("n", request, said("a")),
        conversation("m", request, said("b")),
        conversation("m", Request((), tools=(FunctionTool("f"),)), said("a")),
        conversation("m", request, ()),
    }
    assert len(others) == 4 and key not in others


def test_a_session_is_taken_once() -> None:
    dropped: list[str] = []
    kept = Kept(FakeClock(), dropped.append)
    kept.keep("k", "one")
    assert kept.take("k") == "one"
    assert kept.take("k") is None
    assert dropped == []


def test_the_longest_unused_goes_first_and_all_go_in_time() -> None:
    clock, dropped = FakeClock(), list[str]()
    kept = Kept(clock, dropped.append, most=2, holds=100)
    for name in ("one", "two", "three"):
        kept.keep(name, name)
        clock.advance(1)
    assert dropped == ["one"] and len(kept) == 2
    clock.advance(98)
    assert kept.take("two") is None
    assert dropped == ["one", "two"]
    kept.clear()
    assert dropped == ["one", "two", "three"]


def test_another_session_of_a_conversation_takes_its_place() -> None:
    dropped: list[str] = []
    kept = Kept(FakeClock(), dropped.append)
    kept.keep("k", "one")
    kept.keep("k", "two")
    assert dropped == ["one"]
    assert kept.take("k") == "two"
