"""What is sent for a turn, and what is refused before it is."""

import json
from pathlib import Path

import pytest

from bridges.m365.m365_stage import assistant, system, user
from llm_gateway.bridges.faults import BridgeFault
from llm_gateway.bridges.m365.prompt import body_of, time_zone, words_of
from llm_gateway.canonical.parts import (
    Audio,
    Document,
    FileId,
    Image,
    Inline,
    Part,
    Refusal,
    Text,
    Thinking,
    ToolCall,
    ToolResult,
)
from llm_gateway.canonical.request import Message, Request


def test_a_request_is_taken_apart() -> None:
    words = words_of(
        Request(
            (
                system("Be brief."),
                user("One."),
                Message("assistant", (Thinking("hm"), Text("1"), Refusal("no more"))),
                user("Two,"),
                system("Be kind."),
                Message("user", (Text("please"), Text("."))),
            )
        )
    )
    assert words.prompt == "Two,\n\nplease\n\n."
    assert words.system == "Be brief.\n\nBe kind."
    assert words.history == "User: One.\n\nCopilot: 1\n\nno more"
    assert [message.role for message in words.before] == ["system", "user", "assistant", "system"]
    assert words.size == len(words.prompt) + len(words.system) + len(words.history)


def test_history_goes_along_only_where_it_is_not_known() -> None:
    words = words_of(Request((user("One."), assistant("1"), user("Two."))))
    known = json.loads(body_of(words, "UTC", web=False, history=False))
    assert known == {
        "message": {"text": "Two."},
        "locationHint": {"timeZone": "UTC"},
        "contextualResources": {"webContext": {"isWebEnabled": False}},
    }
    unknown = json.loads(body_of(words, "UTC", web=True, history=True))
    assert [context["text"] for context in unknown["additionalContext"]] == ["User: One.\n\nCopilot: 1"]


@pytest.mark.parametrize(
    "messages", [(), (system("x"),), (user("a"), assistant("b")), (user(""),), (assistant("b"), system("c"))]
)
def test_a_conversation_that_asks_nothing_is_refused(messages: tuple[Message, ...]) -> None:
    with pytest.raises(BridgeFault, match="end it with a question") as caught:
        words_of(Request(messages))
    assert caught.value.kind == "refused"


@pytest.mark.parametrize(
    "part",
    [
        Image(FileId("f")),
        Document(FileId("f")),
        Audio(Inline("", "audio/wav")),
        ToolCall("c", "f", "{}"),
        ToolResult("c", (Text("r"),)),
    ],
)
def test_what_is_no_text_is_refused(part: Part) -> None:
    with pytest.raises(BridgeFault, match="text alone") as caught:
        words_of(Request((Message("user", (Text("Look."), part)),)))
    assert (caught.value.kind, caught.value.param) == ("refused", "messages")


@pytest.mark.parametrize(
    ("given", "link", "zone"),
    [
        ("Europe/Berlin", "", "Europe/Berlin"),
        (":America/New_York", "", "America/New_York"),
        ("", "/usr/share/zoneinfo/Asia/Tokyo", "Asia/Tokyo"),
        ("CET-1CEST", "/var/db/timezone/zoneinfo/Asia/Tokyo", "Asia/Tokyo"),
        ("/etc/passwd", "", "UTC"),
        ("../x", "elsewhere", "UTC"),
        ("", "", "UTC"),
    ],
)
def test_the_time_zone_is_this_machines_by_its_name(tmp_path: Path, given: str, link: str, zone: str) -> None:
    localtime = tmp_path / "localtime"
    if link:
        localtime.symlink_to(link)
    assert time_zone({"TZ": given}, localtime) == zone
