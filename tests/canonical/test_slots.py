"""What counts as said by a tool, in which words, and what a call was called with."""

import json

import pytest

from llm_gateway.canonical.slots import Called, Slot, Slots, Told, arguments, is_observation, longest


@pytest.mark.parametrize(
    "text",
    [
        "<returncode>0</returncode>\n<output>\na.py\n</output>",
        "<returncode>-1</returncode>\n<output>\n</output>",
        "<returncode>1</returncode>\n<warning>\ntoo long\n</warning><output_head>\na\n</output_tail>",
        "Found 1 match\n(Open file: n/a)\n(Current directory: /repo)\nbash-$",
        "(Open file: /repo/a b.py)\n(Current directory: /repo)\nbash-$",
    ],
)
def test_an_observation_is_told_by_its_format(text: str) -> None:
    assert is_observation(json.dumps(text).encode())


@pytest.mark.parametrize(
    "text",
    [
        "",
        "why does it print <returncode>0</returncode>?",
        "<returncode>0</returncode>\n<output>\na\n</output>\nWhat does that mean?",
        "Look:\n<returncode>0</returncode>\n<output>\na\n</output>",
        "my prompt is\nbash-$",
        "(Open file: a)\nbash-$",
        "(Open file: n/a)\n(Current directory: /repo)\nbash-$ what now?",
    ],
)
def test_what_people_say_is_none(text: str) -> None:
    assert not is_observation(json.dumps(text).encode())


@pytest.mark.parametrize(
    ("literal", "told"),
    [
        (b'{"path":"a","text":"x\\ny","n":1}', [("path", "a"), ("text", "x\ny")]),
        (b'"{\\"path\\":\\"a\\"}"', [("path", "a")]),
        (b'"*** Begin Patch\\n+a"', [("input", "*** Begin Patch\n+a")]),
        (b'"[1]"', [("input", "[1]")]),
        (b'"\\ud800"', []),
        (b"null", []),
        (b"[1]", []),
    ],
)
def test_the_texts_of_a_call(literal: bytes, told: list[tuple[str, str]]) -> None:
    assert arguments(Called(literal)) == told


def test_of_several_pieces_the_longest_counts_and_of_equal_ones_the_first() -> None:
    assert longest([b'"a"', b'"bcd"', b'"efg"', b"null", b"[1,2,3,4]"]) == b'"bcd"'
    assert longest([b"null"]) is None


def test_a_shell_is_known_by_name() -> None:
    assert Slot(b'""', "Bash").shell and Slot(b'""', "exec_command").shell
    assert not Slot(b'""', "Read").shell and not Slot(b'""').shell


def test_a_conversation_opens_with_what_is_said_before_any_tool() -> None:
    said, answer = Told(b"1", opening=(b'"a"',)), Told(b"2", (Called(b"{}"),), answers=True)
    late = Told(b"3", opening=(b'"b"',))
    assert Slots(b"", "chat", "messages", [Told(b"0"), said, answer, late]).opening == (b'"a"',)
    assert Slots(b"", "chat", "messages", [answer, said]).opening == ()
    assert Slots(b"", "chat", "messages", [Told(b"0", (Slot(b'"x"'), Called(b"{}")))]).literals() == [b'"x"']
