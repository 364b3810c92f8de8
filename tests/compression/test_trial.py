"""What compression would make of a conversation: its results before and after, and how often each is sent."""

from llm_gateway.compression.files import Filed, filed
from llm_gateway.compression.trial import tried
from tool_talk import Call, Result, Said, Turn, body

FILE = "\n".join(f"{number:>6}\tvalue_{number} = compute({number * 7919 % 1013})" for number in range(1, 200))


def read(*turns: Turn) -> Filed:
    (found,) = filed(body("messages", turns))
    return found


def conversation() -> Filed:
    return read(
        Said("user", "go"),
        Call("Read", {"file_path": "/a"}),
        Result(FILE, "Read"),
        Said("assistant", "Again."),
        Call("Read", {"file_path": "/a"}, "call-2"),
        Result(FILE, "Read", "call-2"),
    )


def test_a_second_reading_is_a_reference() -> None:
    trial = tried(conversation(), "strict", len)
    first, second = trial.blocks
    assert (first.number, first.tool, second.tokens_before) == (1, "Read", len(FILE))
    assert second.encoded and second.after is not None and len(second.after) < 300
    assert second.tokens_after == len(second.after)
    assert trial.saved == sum(each.tokens_before - each.tokens_after for each in trial.blocks)
    assert trial.tokens > 2 * len(FILE) and trial.failures == 0


def test_requests_that_have_a_result_are_those_after_it() -> None:
    first, second = tried(conversation(), "strict", len).blocks
    assert (first.sends, second.sends) == (3, 1)  # the tests' dialogue says text and call in two messages


def test_a_conversation_that_ends_with_an_answer_is_not_asked_again() -> None:
    found = read(Call("Read", {}), Result(FILE, "Read"), Said("assistant", "Done."))
    (block,) = tried(found, "wide", len).blocks
    assert block.sends == 1


def test_what_is_not_worth_it_is_sent_as_it_came() -> None:
    found = read(Call("Bash", {}), Result("ok", "Bash"))
    trial = tried(found, "strict", len)
    assert not trial.blocks[0].encoded and trial.saved == 0
    assert trial.body == found.document.body


def test_what_cannot_be_read_as_a_whole_is_counted_by_its_results() -> None:
    (found,) = filed(b'{"messages":[{"role":"tool","content":"four"},{"role":"nobody"}]}', dialect="chat")
    assert tried(found, "strict", len).tokens == 4
