"""pi's log: answers, what failed before there was one, forks, newer forms."""

from pathlib import Path

from clients.logs.written import lines, stamp
from llm_gateway.canonical.usage import Usage
from llm_gateway.clients.logs.pi import pi
from llm_gateway.clients.logs.reading import Log, Read


def session(key: str, version: object = 3) -> dict[str, object]:
    return {"type": "session", "version": version, "id": key, "timestamp": stamp(0)}


def said(key: str, /, **more: object) -> dict[str, object]:
    usage = {"input": 32, "output": 12, "cacheRead": 8, "cacheWrite": 4, "totalTokens": 56}
    message = {
        "role": "assistant",
        "provider": "gateway",
        "model": "m",
        "usage": usage,
        "stopReason": "stop",
        "timestamp": 1795700000000,
        "responseId": f"resp_{key}",
        **more,
    }
    return {"type": "message", "id": key, "timestamp": stamp(1), "message": message}


def read(tmp_path: Path, *values: object) -> Read:
    path = tmp_path / "log.jsonl"
    path.write_bytes(lines(*values))
    return pi(Log(path, "pi", "m", 5), "")


def test_an_answer(tmp_path: Path) -> None:
    (answer,) = read(tmp_path, session("s"), said("a")).sightings
    assert answer.usage == Usage(32, 8, 4, 12)
    assert (answer.answer_id, answer.session, answer.asked) == ("resp_a", "s", "gateway")


def test_what_failed_before_there_was_an_answer_is_none(tmp_path: Path) -> None:
    none = {"input": 0, "output": 0}
    told = read(
        tmp_path,
        session("s"),
        said("a", usage=none, stopReason="error", responseId=None),
        said("b", usage=none, stopReason="aborted", responseId=None),
        said("c", usage=none, stopReason="error"),
        said("d", usage=none, responseId=None),
        said("e", role="toolResult"),
        said("f", usage=None),
    )
    assert [each.answer_id for each in told.sightings] == ["resp_c", ""]


def test_what_a_fork_takes_along_has_the_same_marks(tmp_path: Path) -> None:
    first = read(tmp_path, session("s"), said("a")).sightings
    fork = read(tmp_path, session("fork"), said("a"), said("b")).sightings
    assert fork[0].mark == first[0].mark
    assert len({each.mark for each in fork}) == 2


def test_a_newer_form_is_said_and_read(tmp_path: Path) -> None:
    told = read(tmp_path, session("s", 9), said("a"))
    assert (len(told.sightings), len(told.problems)) == (1, 1)
