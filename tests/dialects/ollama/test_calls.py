"""Calls of tools: arguments that are an object on one line, and ids for those that have none."""

import pytest
from msgspec import Raw

from llm_gateway.canonical.loss import Losses
from llm_gateway.canonical.parts import Seal, ToolCall
from llm_gateway.dialects.ollama.calls import arguments_of, id_of, write_call


def written(call: ToolCall) -> tuple[bytes, list[str]]:
    losses = Losses()
    return bytes(write_call(call, losses, "p.").function.arguments), [loss.what for loss in losses.found()]


@pytest.mark.parametrize(
    ("arguments", "sent"),
    [
        ('{"a": 1.50, "b":12345678901234567890123}', b'{"a": 1.50, "b":12345678901234567890123}'),
        ('{\n "a": "x\\ny",\r\n "b": 1.50}', b'{"a":"x\\ny","b":1.50}'),
        ("", b"{}"),
        ("  ", b"{}"),
    ],
)
def test_objects_are_sent_as_they_are_on_one_line(arguments: str, sent: bytes) -> None:
    assert written(ToolCall("c", "f", arguments)) == (sent, [])


@pytest.mark.parametrize("arguments", ["[1]", "5", '{"a":', "text"])
def test_what_is_no_object_is_put_into_one(arguments: str) -> None:
    sent, losses = written(ToolCall("c", "f", arguments))
    assert sent.startswith(b'{"input":"') and losses == ["p.arguments"]


def test_free_text_is_put_into_an_object_and_a_seal_is_lost() -> None:
    call = ToolCall("c", "f", "ls\n-l", custom=True, seal=Seal("gemini", "s"))
    assert written(call) == (b'{"input":"ls\\n-l"}', ["p.signature"])


def test_a_call_is_counted_in_answers_alone() -> None:
    call = write_call(ToolCall("c", "f", "{}"), Losses(), "", 3)
    assert (call.id, call.function.name, call.function.index) == ("c", "f", 3)


@pytest.mark.parametrize(
    ("raw", "arguments"),
    [
        (Raw(b'{"a": 1}'), '{"a": 1}'),
        (Raw(b'"{\\"a\\": 1}"'), '{"a": 1}'),
        (Raw(b"null"), "{}"),
        (Raw(), "{}"),
        (None, "{}"),
    ],
)
def test_arguments_are_read_in_either_form(raw: Raw | None, arguments: str) -> None:
    assert arguments_of(raw) == arguments


def test_ids_differ_by_everything_that_tells_two_calls_apart() -> None:
    first = id_of("f", "{}", "2026", 0)
    assert first == id_of("f", "{}", "2026", 0)
    assert first.removeprefix("call_").isalnum() and len(first) < 40
    others = [id_of("g", "{}", "2026", 0), id_of("f", "[]", "2026", 0), id_of("f", "{}", "2027", 0)]
    assert len({first, id_of("f", "{}", "2026", 1), *others}) == 5
