"""The bench of compression: what it reads, what it counts, and that it would see what is lost."""

import json
from pathlib import Path

import pytest

from compress_bench import CORPUS, bills, main, measured
from compress_corpus import Call, Conversation, Output, Said, Step, conversations
from house import ROOT
from llm_gateway.compression.block import STRICT, Setting
from llm_gateway.compression.numbered import Numbering
from llm_gateway.compression.writing import Least

CODE = [f"    value_{number} = compute_something(value_{number - 1}, {number})" for number in range(60)]
FILE = "\n".join(Numbering(1, 6, "→").put(CODE))
# At least so many percent of all tokens; the conversations that count are others than these.
FLOORS = {"claude-code": 20, "swe-agent": 18, "tau-airline": 13, "json-api": 40, "terminal": 45}


def messages() -> list[object]:
    return [
        {"role": "user", "content": "Fix it."},
        {
            "role": "assistant",
            "content": [{"type": "tool_use", "id": "1", "name": "Read", "input": {"path": "a.py"}}],
        },
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "1", "content": FILE}]},
        {
            "role": "assistant",
            "content": [
                {"type": "text", "text": "Now the edit."},
                {
                    "type": "tool_use",
                    "id": "2",
                    "name": "Edit",
                    "input": {"old_string": "\n".join(CODE[20:24]), "new_string": "pass"},
                },
            ],
        },
        {
            "role": "user",
            "content": [
                {"type": "tool_result", "tool_use_id": "2", "content": [{"type": "text", "text": FILE}]}
            ],
        },
    ]


def written(folder: Path) -> Path:
    line = {"kind": "claude-code", "id": "one", "api": "anthropic.messages", "messages": messages()}
    (folder / "claude-code.jsonl").write_text(json.dumps(line) + "\n")
    return folder


def test_conversations_are_read(tmp_path: Path) -> None:
    (found,) = conversations(written(tmp_path))
    assert [type(step) for step in found.steps] == [Said, Call, Output, Said, Call, Output]
    assert found.steps[2] == Output(FILE, False)


def test_chats_are_read(tmp_path: Path) -> None:
    talk = [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "<returncode>0</returncode>"},
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [{"id": "a", "function": {"name": "bash", "arguments": "{broken"}}],
        },
        {"role": "tool", "tool_call_id": "a", "content": "done"},
    ]
    (tmp_path / "x.jsonl").write_text(json.dumps({"kind": "x", "id": 7, "tools": [{}], "messages": talk}))
    (found,) = conversations(tmp_path)
    assert found.steps == [
        Said("[{}]", False),
        Said("Be brief.", False),
        Output("<returncode>0</returncode>", True),
        Call({}, "{broken"),
        Output("done", True),
    ]


def test_what_is_saved_is_counted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(written(tmp_path)), "--json", "--setting", "strict"]) == 0
    (row, *_) = json.loads(capsys.readouterr().out)["tables"]["strict"]
    assert row["results"] == 2 and row["raw"] > row["sent"] > 0
    assert row["undecoded"] == row["prefix changes"] == row["dearer"] == row["grown"] == 0
    assert row["spans"] == "1/1" and row["saved %"] > 40
    assert main([str(tmp_path)]) == 0
    assert "held out" in capsys.readouterr().out or "all" in row["part"]


def test_what_is_lost_would_be_seen() -> None:
    changed = [*CODE[:22], "    edited", *CODE[23:]]
    steps: list[Step] = [
        Output(FILE, False),
        Output("\n".join(Numbering(1, 6, "→").put(changed)), False),
        Call({"old_string": "\n".join(changed[20:25])}, "{}"),
    ]
    conversation = Conversation("x", "x", 0, steps)
    careless = Setting("careless", Least(numbered=50, keep=0))
    for setting, found in ((STRICT, 1), (careless, 0)):
        counts = measured(conversation, setting, len).counts
        assert counts["spans"] == 1 and counts["spans found"] == found


def test_bills_follow_the_prices() -> None:
    assert bills([(100, 50), (200, 100)])[0] == (260.0, 130.0)


def test_a_folder_without_conversations_is_an_error(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([str(tmp_path)]) == 2
    assert "name a folder of .jsonl files" in capsys.readouterr().err


@pytest.mark.parametrize("kind", FLOORS)
def test_recorded_conversations_save_what_they_should(
    kind: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    recorded = CORPUS / f"{kind}.jsonl"
    assert recorded.exists(), f"{recorded} is missing: this test reads the conversations beside {ROOT.name}"
    (tmp_path / recorded.name).symlink_to(recorded)
    assert main([str(tmp_path), "--json", "--setting", "strict"]) == 0
    for row in json.loads(capsys.readouterr().out)["tables"]["strict"]:
        assert row["part"] != "all" or row["saved %"] >= FLOORS[kind]
        assert row["undecoded"] == row["prefix changes"] == row["grown"] == row["dearer"] == 0
        assert row["spans"].split("/")[0] == row["spans"].split("/")[1]
        assert row["names"].split("/")[0] == row["names"].split("/")[1]
