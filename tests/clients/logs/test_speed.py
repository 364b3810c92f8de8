"""A gigabyte of logs in a minute and in bounded memory, and what is new in it in less than a second.

A twentieth of it in every run, the whole in a `grown` one. Each is read by a process of its own, whose memory
is measured.
"""

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from clients.logs.written import SESSION, USAGES, lines, stamp
from llm_gateway.clients.logs import Whose, read_logs
from llm_gateway.ledger.sightings import LogPosition

MB = 1 << 20
FILE = 25 * MB
_READ = """
import json, pathlib, resource, sys, time
from llm_gateway.clients.logs import Whose, read_logs
began = time.perf_counter()
found, positions = 0, []
for batch in read_logs(Whose("a-client", "", 0), [(sys.argv[1], pathlib.Path(sys.argv[2]))], {}):
    found += len(batch.sightings)
    positions.append((batch.position.path, batch.position.state))
seconds = time.perf_counter() - began
status = pathlib.Path("/proc/self/status")
if status.exists():  # what a process uses at most is told with what its parent used, elsewhere
    peak = next(int(line.split()[1]) for line in status.read_text().splitlines() if line.startswith("VmHWM"))
else:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
peak *= 1 if sys.platform == "darwin" else 1024
print(json.dumps({"found": found, "seconds": seconds, "peak": peak, "positions": dict(positions)}))
"""


class Told(msgspec.Struct):
    """What such a process tells."""

    found: int
    seconds: float
    peak: int
    positions: dict[str, str]


def read_apart(reader: str, pattern: Path) -> Told:
    """Read logs in a process of its own."""
    command = [sys.executable, "-c", _READ, reader, str(pattern)]
    process = subprocess.run(command, capture_output=True, check=True, timeout=110)
    return msgspec.json.decode(process.stdout, type=Told)


def answer(index: int) -> bytes:
    """Return an answer as Claude Code writes it, and what a tool returned: eight kilobytes, as measured."""
    usage = USAGES[index % len(USAGES)]
    counts = {"input_tokens": usage.uncached, "output_tokens": usage.output}
    shared = {"sessionId": SESSION, "cwd": "/home/someone/project", "version": "2.1.330"}
    said = "What it said, in some words.\n" * 40
    message = {
        "id": f"msg_{index}",
        "model": "claude-opus-4-5",
        "content": [{"type": "text", "text": said}],
        "stop_reason": "end_turn",
        "usage": counts,
    }
    told = {
        **shared,
        "type": "assistant",
        "message": message,
        "requestId": f"r{index}",
        "timestamp": stamp(1),
    }
    result = {"role": "user", "content": [{"type": "tool_result", "content": said * 5}]}
    return lines(told, {**shared, "type": "user", "message": result, "toolUseResult": {"stdout": ""}})


def written(folder: Path, size: int) -> tuple[int, int]:
    """Write logs of a size; return how large they became, and how many answers they tell of."""
    total = index = 0
    for number in range(max(1, size // FILE)):
        with (folder / f"{number}.jsonl").open("wb") as file:
            while file.tell() < min(FILE, size):
                file.write(b"".join(answer(index + each) for each in range(500)))
                index += 500
            total += file.tell()
    return total, index


@pytest.mark.parametrize(
    ("size", "seconds"), [(50 * MB, 5.0), pytest.param(1024 * MB, 60.0, marks=pytest.mark.grown)]
)
def test_logs_are_read_fast_and_in_bounded_memory(
    tmp_path: Path, size: int, seconds: float, report: Callable[[str], None]
) -> None:
    total, answers = written(tmp_path, size)
    pattern = tmp_path / "*.jsonl"
    told = read_apart("claude", pattern)
    positions = {path: LogPosition("", path, "a-client", state) for path, state in told.positions.items()}
    with (tmp_path / "0.jsonl").open("ab") as file:
        file.write(answer(answers))
    began = time.perf_counter()
    new = list(read_logs(Whose("a-client", "", 0), [("claude", pattern)], positions))
    again = time.perf_counter() - began
    report(
        f"logs of {total / MB:.0f} MB: {told.seconds:.2f} s, {told.peak / MB:.0f} MB of memory at most; "
        f"what is new: {again * 1000:.1f} ms"
    )
    assert told.found == answers
    assert [len(each.sightings) for each in new] == [1]
    assert told.seconds < seconds
    assert told.peak < 150 * MB
    assert again < 1.0


def test_a_long_conversation_in_one_document_is_read_in_bounded_memory(tmp_path: Path) -> None:
    said = "x" * 10_000
    step = msgspec.json.encode(
        {"message": {"role": "assistant", "content": said, "usage": {"prompt_tokens": 1}}}
    )
    path = tmp_path / "s.json"
    with path.open("wb") as file:
        file.write(b'{"sessionId": "s", "history": [' + step)
        for _ in range(60 * MB // len(step)):
            file.write(b",\n" + step)
        file.write(b"]}\n")
    told = read_apart("continue", path)
    assert told.found > 6000
    assert told.peak < 150 * MB
