"""Copilot's log: whose subscription paid, ids of the answer and its header, newer forms."""

from pathlib import Path

from clients.logs.written import SESSION, lines, stamp
from llm_gateway.canonical.usage import Usage
from llm_gateway.clients.logs.copilot import copilot
from llm_gateway.clients.logs.reading import Log, Read
from llm_gateway.ledger.sightings import Sighting


def start(version: object = 1) -> dict[str, object]:
    data = {"sessionId": SESSION, "version": version, "copilotVersion": "1.0.102"}
    return {"type": "session.start", "data": data, "id": "s", "timestamp": stamp(0)}


def used(key: str, **more: object) -> dict[str, object]:
    usage = {
        "model": "m",
        "inputTokens": 40,
        "outputTokens": 12,
        "cacheReadTokens": 8,
        "reasoningTokens": None,
    }
    data = {"usage": {**usage, "apiCallId": f"chatcmpl-{key}", **more}}
    return {"type": "session.usage_record", "data": data, "id": key, "timestamp": stamp(1)}


def read(tmp_path: Path, *values: object) -> Read:
    path = tmp_path / "session" / "events.jsonl"
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(lines(*values))
    return copilot(Log(path, "github-copilot", "m", 5), "")


def test_an_answer_by_a_key_of_ones_own(tmp_path: Path) -> None:
    told = read(
        tmp_path,
        start(),
        used("a", isByok=True, providerType="anthropic", providerCallId="req_1", initiator="user"),
    )
    (answer,) = told.sightings
    assert answer.usage == Usage(32, 8, 0, 12)
    assert (answer.answer_id, answer.request_id) == ("chatcmpl-a", "req_1")
    assert (answer.asked, answer.session, answer.version) == ("anthropic", SESSION, "1.0.102")


def test_an_answer_by_the_subscription(tmp_path: Path) -> None:
    told = read(tmp_path, start(), used("a", isByok=False, providerType="openai"), used("b"))
    assert [each.asked for each in told.sightings] == ["github", "github"]


def test_a_sub_agents_answer(tmp_path: Path) -> None:
    told = read(tmp_path, start(), used("a", initiator="sub-agent"), used("b", initiator="agent"))
    assert [each.label for each in told.sightings] == ["sub-agent", ""]


def test_a_newer_form_is_said_and_read(tmp_path: Path) -> None:
    told = read(tmp_path, start(9), used("a"))
    assert len(told.sightings) == 1
    (said,) = told.problems
    assert "9" in said


def test_what_is_missing_is_nothing(tmp_path: Path) -> None:
    told = read(tmp_path, {"type": "session.usage_record", "data": {"usage": {}}})
    assert told.sightings == [
        Sighting("github-copilot", "m", "log", ":5", 5, session="session", asked="github")
    ]
