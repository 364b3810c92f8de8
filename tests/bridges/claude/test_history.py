"""Conversations: what the program is told of them, stored or as text, and how they are told apart."""

import msgspec

from bridges.claude.claude_stage import assistant, system, user
from llm_gateway.bridges.claude.history import (
    Told,
    answer_to,
    flattened,
    normal,
    tail,
    tell,
    transcript,
)
from llm_gateway.canonical.loss import Losses
from llm_gateway.canonical.parts import (
    Image,
    Inline,
    Part,
    Refusal,
    Seal,
    Text,
    Thinking,
    ToolCall,
    ToolResult,
)
from llm_gateway.canonical.request import Message, Request

CALL = ToolCall("toolu_1", "weather", '{"city": "Bonn"}')
RESULT = ToolResult("toolu_1", (Text("sunny"),))
PNG = Image(Inline("aGk=", "image/png"))
THOUGHT = Thinking("hm", Seal("messages", "sig"))
NOW = 1_795_766_064_123_000


def told(*messages: Message) -> Told:
    return tell(Request(messages), Losses())


def test_the_last_message_is_the_prompt() -> None:
    one = told(system("Be kind."), system("Be brief."), user("u1", PNG))
    assert one.system == "Be kind.\n\nBe brief."
    assert one.before == ()
    assert one.prompt is not None
    assert [block["type"] for block in one.prompt] == ["text", "image"]
    more = told(user("u1"), assistant(THOUGHT, "a1"), user("u2"), user("u3"))
    assert [each["role"] for each in more.before] == ["user", "assistant"]
    assert more.prompt == [{"type": "text", "text": "u2"}, {"type": "text", "text": "u3"}]
    assert not more.called


def test_results_of_tools_are_a_part_of_what_was_said() -> None:
    ends = told(user("u1"), assistant(CALL), user(RESULT))
    assert ends.prompt is None
    assert ends.called
    assert [each["role"] for each in ends.before] == ["user", "assistant", "user"]
    goes_on = told(user("u1"), assistant(CALL), user(RESULT, "And?"))
    assert goes_on.prompt is None
    assert [each["role"] for each in goes_on.before] == ["user", "assistant", "user", "user"]
    later = told(user("u1"), assistant(CALL), user(RESULT), assistant("a1"), user("u2"))
    assert later.prompt == [{"type": "text", "text": "u2"}]
    assert len(later.all) == 5


def test_a_stored_session_is_a_chain() -> None:
    messages = told(user("u1"), assistant(THOUGHT, "a1", CALL), user(RESULT)).before
    lines = [
        msgspec.json.decode(line) for line in transcript(messages, "s", "2.1.330", NOW).splitlines() if line
    ]
    assert [line["type"] for line in lines] == ["user", "assistant", "user"]
    assert [line["parentUuid"] for line in lines] == [None, lines[0]["uuid"], lines[1]["uuid"]]
    assert {line["sessionId"] for line in lines} == {"s"}
    assert {line["version"] for line in lines} == {"2.1.330"}
    assert {line["timestamp"] for line in lines} == {"2026-11-27T07:54:24.123Z"}
    assert [block["type"] for block in lines[1]["message"]["content"]] == ["thinking", "text", "tool_use"]
    assert lines[1]["message"]["content"][2]["name"] == "mcp__c__weather"
    assert lines[1]["message"]["id"].startswith("msg_")


def test_a_conversation_as_one_text() -> None:
    blocks = flattened(told(user("u1", PNG), assistant(THOUGHT, "a1"), user("u2", PNG)))
    assert [block["type"] for block in blocks] == ["text", "image", "text", "image"]
    assert blocks[0]["text"] == "<conversation>\n<user>\nu1"
    assert blocks[2]["text"] == "</user>\n<assistant>\na1\n</assistant>\n</conversation>\nu2"


def test_results_in_a_conversation_as_one_text() -> None:
    (block,) = flattened(told(user("u1"), assistant(CALL), user(RESULT)))
    assert block["text"] == (
        '<conversation>\n<user>\nu1\n</user>\n<assistant>\n<call tool="weather">{"city": "Bonn"}</call>\n'
        "</assistant>\n<user>\n<result>\nsunny\n</result>\n</user>\n</conversation>\n"
        "Go on with the conversation."
    )
    (missing,) = flattened(told(user("u1"), assistant(CALL), user("u2")))
    assert "<result>\nThere is no result of this call.\n</result>" in str(missing["text"])


def test_what_is_new_comes_after_the_last_answer() -> None:
    assert tail((user("u1"),)) == 0
    assert tail((system("x"), user("u1"), assistant("a1"), user("u2"), user("u3"))) == 3
    assert tail(()) == 0


def test_answers_are_told_apart_by_what_clients_send_back() -> None:
    ours: tuple[Part, ...] = (THOUGHT, Text(" a"), Text("1\n"), ToolCall("t", "n", '{"b":1,"a":2}'))
    theirs = assistant("a1", ToolCall("t", "n", '{ "a": 2, "b": 1 }', seal=Seal("gemini", "x")))
    assert normal((theirs, user("u2"), user())) == (answer_to(ours), user("u2"))
    assert answer_to((Text("a1"),)) != answer_to((Text("a2"),))
    assert answer_to((ToolCall("t", "n", "free text", custom=True),)).parts[1] == ToolCall(
        "t", "n", "free text", custom=True
    )
    assert answer_to((Refusal("no"),)) != answer_to(())
