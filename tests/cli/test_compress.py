"""`compress FILE`: what it prints of bodies, conversations and plain text, and how it prices that."""

import json
from pathlib import Path
from typing import Any  # what a command prints has every shape

import pytest

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
PRICES = """
[[providers]]
name = "lab"
base_url = "https://lab.example/v1"
models = ["big"]

[[prices.models]]
model = "lab/big"
input = 4
output = 8
cache_read = 1
cache_write = 5
"""


@pytest.fixture
def priced(stopped: Terminal) -> Terminal:
    stopped.home.mkdir(parents=True, exist_ok=True)
    (stopped.home / "gateway.toml").write_text(PRICES)
    return stopped


def file(folder: Path, data: bytes) -> str:
    path = folder / "file"
    path.write_bytes(data)
    return str(path)


def listed(told: object) -> list[dict[str, Any]]:
    assert isinstance(told, list)
    return told


def spaced(text: str) -> list[str]:
    return [" ".join(line.split()) for line in text.splitlines()]


def test_each_result_is_shown_before_and_after(priced: Terminal, tmp_path: Path) -> None:
    out = priced.ok("compress", file(tmp_path, body("messages", TURNS)), "--model", "lab/big").out
    lines = spaced(out)
    assert lines[0] == "RESULT TOOL BYTES SENT TOKENS SENT SAVED"
    first, second = lines[1].split(), lines[2].split()
    assert first[:3] == ["1", "Read", str(len(FILE))]
    assert second[:3] == ["2", "Read", str(len(FILE))] and int(second[3]) < 300 and second[6].endswith("%")
    assert any(line.endswith("of 2 results would be sent shorter") for line in lines)
    assert lines[-2] == "MODEL $/M WRITE $/M READ SAVED $ WITHOUT CACHE $"
    assert lines[-1].startswith("lab/big 5 1 0.0")


def test_everything_is_in_the_json(priced: Terminal, tmp_path: Path) -> None:
    told = priced.json("compress", file(tmp_path, body("chat", TURNS)), "--model", "lab/big", "--show")
    assert told["schema"] == "llm-gateway/compress/v1"
    assert (told["policy"], told["failures"]) == ("strict", 0)
    (request,) = listed(told["requests"])
    first, second = request["results"]
    assert second["encoded"] and second["text"].count("\n") < 5
    saved = [each["tokens_before"] - each["tokens_after"] for each in (first, second)]
    assert request["tokens_before"] - request["tokens_after"] == sum(saved)
    # Written once at 5 dollars a million, read in the request that followed at 1; else sent twice at 4.
    (worth,) = listed(told["worth"])
    sends = [each["requests"] for each in (first, second)]
    cached = sum(n * (5 + times - 1) for n, times in zip(saved, sends, strict=True))
    assert worth["usd_cached"] == f"{cached / 1e6:.6f}"
    plain = sum(n * 4 * times for n, times in zip(saved, sends, strict=True))
    assert worth["usd_uncached"] == f"{plain / 1e6:.6f}"


def test_conversations_have_a_line_each(priced: Terminal, tmp_path: Path) -> None:
    rows = [{**json.loads(body("messages", TURNS)), "kind": "cc", "id": name} for name in "ab"]
    path = file(tmp_path, "\n".join(map(json.dumps, rows)).encode())
    lines = spaced(priced.ok("compress", path).out)
    assert [line.split()[:3] for line in lines[:2]] == [["cc", "a", "messages"], ["cc", "b", "messages"]]


def test_plain_text_is_one_result(priced: Terminal, tmp_path: Path) -> None:
    noise = "".join(f"\rprogress {n} %" for n in range(100)) + "\nReady.\n"
    done = priced.ok("compress", file(tmp_path, noise.encode()), "--show")
    assert spaced(done.out)[1].startswith("1 bash ")
    assert "progress 99 %\nReady." in done.out and "progress 50" not in done.out
    assert "\x1b" not in done.out


def test_wide_takes_out_more(priced: Terminal, tmp_path: Path) -> None:
    text = "\n".join(f"src/a/very/long/path/to/file_{n}.py:12: unused name" for n in range(50))
    path = file(tmp_path, text.encode())
    strict, wide = (priced.json("compress", path, "--policy", policy) for policy in ("strict", "wide"))
    assert int(str(wide["tokens_after"])) <= int(str(strict["tokens_after"]))


def test_what_cannot_be_read_is_said(priced: Terminal, tmp_path: Path) -> None:
    assert priced("compress").code == 2
    missing = priced("compress", str(tmp_path / "none"))
    assert missing.code == 1 and "cannot be read: No such file" in missing.err
    wrong = priced("compress", file(tmp_path, b'{"a": 1}'))
    assert wrong.code == 1 and "no request with messages" in wrong.err and "\nhint: " in wrong.err
    unpriced = priced("compress", file(tmp_path, body("chat", TURNS)), "--model", "lab2/none")
    assert unpriced.code == 0 and "no price of lab2/none is known" in unpriced.err
