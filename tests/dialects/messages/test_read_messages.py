"""Who said what: the system prompt, the turns, and system messages in the middle."""

import json

import pytest
from msgspec import Raw

from llm_gateway.canonical.loss import Losses
from llm_gateway.canonical.parts import Text
from llm_gateway.canonical.request import Message
from llm_gateway.dialects.messages.read_messages import Said, read_messages
from llm_gateway.errors import MalformedRequest

USER = {"role": "user", "content": "hi"}
BILLING = "x-anthropic-billing-header: cc_version=1.2.3; cc_entrypoint=cli;"


def read(messages: object, system: object = None) -> tuple[Said, list[str]]:
    losses = Losses()
    fields = {"messages": Raw(json.dumps(messages).encode()), "system": Raw(json.dumps(system).encode())}
    said = read_messages(fields, losses)
    return said, [loss.what for loss in losses.found()]


def message(role: str, *texts: str) -> Message:
    assert role in ("system", "user", "assistant")
    return Message(role, tuple(map(Text, texts)))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("system", "texts"),
    [
        (None, ()),
        ("", ()),
        ([], ()),
        ("be good", ("be good",)),
        ([{"type": "text", "text": "a"}, {"type": "text", "text": "b"}], ("a", "b")),
        ([{"type": "text", "text": BILLING}, {"type": "text", "text": "b"}], ("b",)),
        ([{"type": "text", "text": "a"}, {"type": "text", "text": BILLING}], ("a", BILLING)),
        (BILLING, ()),
        (f"{BILLING}\nbe good", (f"{BILLING}\nbe good",)),
    ],
)
def test_the_system_prompt_without_what_is_only_for_billing(system: object, texts: tuple[str, ...]) -> None:
    said, lost = read([USER], system)
    head = [message("system", *texts)] if texts else []
    assert said.messages == [*head, message("user", "hi")]
    assert lost == []


def test_turns_are_read_in_order() -> None:
    said, lost = read(
        [USER, {"role": "assistant", "content": []}, {"role": "user", "content": "x", "name": "n"}]
    )
    assert said.messages == [message("user", "hi"), Message("assistant", ()), message("user", "x")]
    assert lost == ["messages.name"]


def test_a_system_message_stays_in_the_middle_and_says_the_effort() -> None:
    middle = {
        "role": "system",
        "content": [{"type": "text", "text": "now"}],
        "output_config": {"effort": "low"},
    }
    later = {"role": "system", "output_config": {"effort": "max", "x": 1}}
    said, lost = read([USER, middle, USER, later])
    assert said.messages == [message("user", "hi"), message("system", "now"), message("user", "hi")]
    assert said.effort == "max"
    assert lost == ["messages.output_config.x"]
    assert read([USER, {"role": "system", "content": "x", "output_config": {}}])[0].effort is None


def test_a_cleared_system_message_says_nothing_any_more() -> None:
    middle = {"role": "system", "content": "now", "clear_at": "next_user_message"}
    assert message("system", "now") in read([USER, middle])[0].messages
    assert message("system", "now") not in read([USER, middle, USER])[0].messages
    assert message("system", "now") in read([USER, {**middle, "clear_at": "never"}, USER])[0].messages


def test_tools_come_and_go() -> None:
    def change(kind: str, tool: object, **more: object) -> dict[str, object]:
        return {"role": "system", "content": [{"type": f"tool_{kind}", "tool": tool, **more}]}

    def ref(name: str) -> dict[str, str]:
        return {"type": "tool_reference", "name": name}

    said, lost = read(
        [
            USER,
            change("addition", ref("a"), cache_control={"type": "ephemeral"}),
            change("removal", ref("b")),
            change("addition", ref("c")),
            change("removal", ref("c")),
            change("addition", ref("b")),
            change("addition", {"type": "tool_definition", "definition": {"name": "d"}}),
            change("addition", {"type": "mcp_toolset_reference"}),
        ]
    )
    assert (said.added, said.removed, said.defined) == ({"a", "b"}, {"c"}, [Raw(b'{"name":"d"}')])
    assert lost == ["cache_control", "messages.tool_addition"]
    assert said.messages == [message("user", "hi")]


@pytest.mark.parametrize(
    ("messages", "place"),
    [
        (None, "messages"),
        ([], "messages"),
        ("hi", "messages"),
        ([7], "messages"),
        ([{"role": "tool", "content": "x"}], "messages[0].role"),
        ([{"content": "x"}], "messages[0].role"),
        ([USER, {"role": "user"}], "messages[1].content"),
        ([{"role": "system", "content": "x", "output_config": 7}], "messages[0].output_config"),
        ([{"role": "system", "content": [7]}], "messages[0].content[0]"),
    ],
)
def test_what_is_wrong_is_said_by_its_place(messages: object, place: str) -> None:
    with pytest.raises(MalformedRequest) as caught:
        read(messages)
    assert caught.value.param == place


def test_a_system_prompt_of_another_form_is_refused() -> None:
    with pytest.raises(MalformedRequest, match="`system` must be"):
        read([USER], 7)
