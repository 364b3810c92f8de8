"""Gemini CLI's log, of lines and as a document: thoughts beside the output, messages that are told again."""

import json
from pathlib import Path

from clients.logs.written import SESSION, lines, stamp
from llm_gateway.canonical.usage import Usage
from llm_gateway.clients.logs.gemini import gemini
from llm_gateway.clients.logs.reading import Log
from llm_gateway.ledger.sightings import Sighting

TOKENS = {"input": 40, "output": 7, "cached": 8, "thoughts": 5, "tool": 10, "total": 62}


def begun(**more: object) -> dict[str, object]:
    return {"sessionId": SESSION, "projectHash": "0", "startTime": stamp(0), "kind": "main", **more}


def message(key: str, tokens: object = TOKENS, kind: str = "gemini") -> dict[str, object]:
    return {"id": key, "timestamp": stamp(1), "type": kind, "content": "", "tokens": tokens, "model": "m"}


def read(path: Path, text: bytes) -> list[Sighting]:
    path.write_bytes(text)
    told = gemini(Log(path, "gemini-cli", "m", 5), "")
    assert not told.problems
    return told.sightings


def test_thoughts_are_a_part_of_the_output_and_tools_of_the_input(tmp_path: Path) -> None:
    (answer,) = read(tmp_path / "session-1.jsonl", lines(begun(), message("a")))
    assert answer.usage == Usage(42, 8, 0, 12, 5)
    assert (answer.mark, answer.session, answer.model, answer.label) == ("a", SESSION, "m", "")


def test_a_message_that_is_written_again_is_one_answer(tmp_path: Path) -> None:
    again = {"$set": {"messages": [message("a"), message("b"), message("c", kind="user")], "sessionId": "s2"}}
    told = read(
        tmp_path / "session-1.jsonl",
        lines(begun(), message("a", None), message("a"), message("a"), again, message("d")),
    )
    assert [(each.mark, each.session) for each in told] == [("a", SESSION), ("b", "s2"), ("d", "s2")]


def test_a_sub_agents_log(tmp_path: Path) -> None:
    (answer,) = read(tmp_path / "x.jsonl", lines(begun(kind="subagent"), message("a")))
    assert answer.label == "sub-agent"


def test_a_document_has_the_same_marks(tmp_path: Path) -> None:
    document = {**begun(), "messages": [message("a"), message("u", kind="user"), message("b")]}
    told = read(tmp_path / "session-1.json", json.dumps(document, indent=2).encode())
    assert [(each.mark, each.session) for each in told] == [("a", SESSION), ("b", SESSION)]
    moved = read(tmp_path / "session-1.jsonl", lines(begun(), message("a"), message("b")))
    assert moved == told


def test_what_has_no_id_is_told_by_its_time(tmp_path: Path) -> None:
    nameless = {"type": "gemini", "tokens": {}}
    (answer,) = read(tmp_path / "session-1.jsonl", lines(nameless))
    assert answer == Sighting("gemini-cli", "m", "log", ":5", 5)
