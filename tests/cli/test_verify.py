"""`compress verify`: both ways are asked, and what comes back is compared."""

import json
from pathlib import Path

import pytest

from scripted import ScriptedUpstream, chat
from terminal import Terminal
from tool_talk import Call, Result, Said, Turn, body

FILE = "\n".join(f"{number:>6}\tvalue_{number} = compute({number * 7919 % 1013})" for number in range(1, 200))
TURNS: list[Turn] = [
    Said("user", "go"),
    Call("Read", {"file_path": "/a"}),
    Result(FILE, "Read"),
    Call("Read", {"file_path": "/a"}, "call-2"),
    Result(FILE, "Read", "call-2"),
]
MODEL = "scripted/scripted-model"


def file(folder: Path, data: bytes) -> str:
    path = folder / "file"
    path.write_bytes(data)
    return str(path)


@pytest.mark.parametrize("dialect", ["chat", "responses", "messages", "gemini", "ollama"])
def test_equal_answers_are_equal(
    terminal: Terminal, upstream: ScriptedUpstream, tmp_path: Path, dialect: str
) -> None:
    told = terminal.json("compress", "verify", file(tmp_path, body(dialect, TURNS)), "--model", MODEL)
    assert told["schema"] == "llm-gateway/compress-verify/v1"
    assert (told["compared"], told["equal"], told["failed"]) == (1, 1, 0)
    assert (told["similarity"], told["output_ratio"]) == (1.0, 1.0)
    raw, compressed = (each.body for each in upstream.asked()[-2:])
    assert json.loads(raw)["temperature"] == json.loads(compressed)["temperature"] == 0
    assert raw.count(b"value_150") == 2 and compressed.count(b"value_150") == 1


def test_other_answers_are_shown_as_such(
    terminal: Terminal, upstream: ScriptedUpstream, tmp_path: Path
) -> None:
    for text in ("the first answer", "the other answer"):
        upstream.queue(chat.stream(chat.events("m", [text])))
    line = {**json.loads(body("chat", [*TURNS, Said("assistant", "left out")])), "kind": "k", "id": "1"}
    done = terminal.ok("compress", "verify", file(tmp_path, json.dumps(line).encode()), "--model", MODEL)
    assert b"left out" not in upstream.asked()[-1].body
    assert "k 1" in done.out and " no " in done.out
    assert "compared       1" in done.out and "equal          0" in done.out


def test_answers_are_printed_where_they_differ_and_only_if_that_is_wanted(
    terminal: Terminal, upstream: ScriptedUpstream, tmp_path: Path
) -> None:
    command = ("compress", "verify", file(tmp_path, body("chat", TURNS)), "--model", MODEL)
    for more, shown in (([], False), (["--show"], True)):
        for text in ("the first answer", "the other answer"):
            upstream.queue(chat.stream(chat.events("m", [text])))
        done = terminal.ok(*command, *more)
        assert ("as it came ---\nthe first answer\n" in done.out) is shown
        assert ("compressed ---\nthe other answer\n" in done.out) is shown
    assert " ---\n" not in terminal.ok(*command, "--show").out, "equal answers are not printed"


def test_an_answer_that_breaks_off_is_none(
    terminal: Terminal, upstream: ScriptedUpstream, tmp_path: Path
) -> None:
    for _ in range(2):
        upstream.queue(chat.stream(chat.events("m", ["cut"])[:1]))
    done = terminal("compress", "verify", file(tmp_path, body("chat", TURNS)), "--model", MODEL)
    assert done.code == 1 and "answered none of them: " in done.err


def test_a_model_that_fails_is_told(terminal: Terminal, tmp_path: Path) -> None:
    done = terminal("compress", "verify", file(tmp_path, body("chat", TURNS)), "--model", "demo/error-429")
    assert done.code == 1 and "answered none of them" in done.err


def test_nothing_to_compare_is_said(terminal: Terminal, tmp_path: Path) -> None:
    done = terminal("compress", "verify", file(tmp_path, b"short"), "--model", MODEL)
    assert done.code == 1 and "nothing to compare" in done.err


def test_without_a_gateway_nobody_is_asked(stopped: Terminal, tmp_path: Path) -> None:
    done = stopped("compress", "verify", file(tmp_path, body("chat", TURNS)), "--model", MODEL)
    assert done.code == 5
