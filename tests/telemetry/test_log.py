"""Log lines are JSON, hold listed fields only, and never a secret, whatever somebody tries."""

import io
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from fakes import FakeClock
from llm_gateway.errors import ConfigError, MalformedRequest
from llm_gateway.telemetry.log import FIELDS, LEVELS, Level, Log, masked
from llm_gateway.vault import Secret, mint_key

NOW_US = 1_790_000_000_123_456


def lines(out: io.StringIO) -> list[dict[str, object]]:
    return [json.loads(line) for line in out.getvalue().splitlines()]


def log_to(out: io.StringIO, level: Level = "debug") -> Log:
    return Log(FakeClock(NOW_US), level, out)


def test_a_line_is_one_json_object() -> None:
    out = io.StringIO()
    log_to(out).write("info", "listening", host="127.0.0.1", port=8787, why=None, status=1.5)
    assert out.getvalue().endswith("\n")
    assert lines(out) == [
        {
            "at": NOW_US // 1000,
            "level": "info",
            "event": "listening",
            "host": "127.0.0.1",
            "port": 8787,
            "why": None,
            "status": 1.5,
        }
    ]


@pytest.mark.parametrize("least", LEVELS)
def test_lines_below_the_level_are_not_written(least: Level) -> None:
    out = io.StringIO()
    log = log_to(out, least)
    for level in LEVELS:
        log.write(level, "event")
    assert [line["level"] for line in lines(out)] == [
        name for name in LEVELS if LEVELS[name] >= LEVELS[least]
    ]
    log.set_level("debug")
    log.write("debug", "event")
    assert lines(out)[-1]["level"] == "debug"


def test_a_field_that_is_not_listed_is_named_and_its_value_left_out() -> None:
    out = io.StringIO()
    log_to(out).write("info", "event", prompt="canary", body="canary", model="m")
    assert lines(out)[0]["unlisted"] == "prompt body"
    assert lines(out)[0]["model"] == "m"
    assert "canary" not in out.getvalue()


def test_the_time_the_level_and_the_event_are_nobodys_field() -> None:
    assert not FIELDS & {"at", "level", "event", "unlisted", "dropped"}


SECRETS = [
    mint_key(),
    "lgo_0123456789abcdef",
    "sk-proj-canary0123456789",
    "sk-ant-api03-canary_0123456789",
    "SK-PROJ-CANARY0123456789",
    "gsk_canary0123456789",
    "xai-canary0123456789",
    "csk-canary0123456789",
    "nvapi-canary0123456789",
    "hf_canary0123456789",
    "AIzaSyCanary0123456789canary",
    "AKIACANARY0123456789",
    "ghp_canary0123456789canary",
    "github_pat_canary0123456789",
    "eyJhbGciOiJIUzI1NiJ9.eyJjYW5hcnkiOjF9.canary",
    "Bearer canary",
    "bearer  canary",
    "Basic Y2FuYXJ5OmNhbmFyeQ==",
    "https://user:canary@host/path",
    "https://host/v1beta/models?key=canary",
    "https://host/?a=b&access_token=canary",
]


@pytest.mark.parametrize("secret", SECRETS)
def test_what_looks_like_a_credential_is_masked(secret: str) -> None:
    for text in (
        secret,
        f"before {secret} after",
        f'{{"x":"{secret}"}}',
        f"\x1b{secret}\n",
        "x" * 490 + " " + secret,
    ):
        out = io.StringIO()
        log_to(out).write("error", text, why=text)
        written = out.getvalue().lower()
        assert "canary" not in written, text
        assert "y2fuyxj5" not in written
        assert secret.lower()[:20] not in written or not secret.startswith("lg")


@pytest.mark.parametrize(
    "text",
    [
        "server/edge.py:89 < pipeline/key_admin.py:12",
        "the basic idea",
        "ollama/qwen2.5:14b",
        "http://127.0.0.1:8787/v1",
    ],
)
def test_what_is_no_credential_stays(text: str) -> None:
    assert masked(text) == text


def test_a_secret_is_a_secret_in_a_field() -> None:
    out = io.StringIO()
    log_to(out).write("info", "event", name=Secret("canary"))
    assert lines(out)[0]["name"] == "***"


def test_nothing_in_a_line_can_move_a_terminal() -> None:
    out = io.StringIO()
    hostile = "a\x1b[31m\r\n\x00\x07\x7f\x9b\u202e\u2028\ud800b\tc"
    log_to(out).write("info", hostile, why=hostile)
    assert out.getvalue().count("\n") == 1
    for text in (lines(out)[0]["why"], lines(out)[0]["event"]):
        assert text == "a [31m         b c"


def test_a_long_text_is_cut() -> None:
    assert len(masked("x" * 100_000)) == 500


def failed(error: BaseException) -> tuple[dict[str, object], str]:
    out = io.StringIO()
    try:
        raise error
    except BaseException as caught:
        log_to(out).failure("request", caught)
    return lines(out)[0], out.getvalue()


def test_a_failure_says_where_it_came_through() -> None:
    line, _ = failed(ValueError("canary"))
    assert (line["level"], line["event"], line["where"]) == ("error", "failure", "request")
    assert str(line["through"]).startswith("test_log.py:")
    assert line["at"] == NOW_US // 1000


@pytest.mark.parametrize(
    ("error", "shown"),
    [
        (ValueError("canary"), "ValueError"),
        (KeyError("canary"), "KeyError"),
        (UnicodeDecodeError("utf-8", b"canary", 0, 1, "canary"), "UnicodeDecodeError"),
        (OSError(28, "No space left on device", "/canary"), "OSError: No space left on device"),
        (MalformedRequest("model is missing"), "MalformedRequest: model is missing"),
        (ConfigError("server.port: 1"), "ConfigError: server.port: 1"),
        (MalformedRequest("key sk-canary0123456789"), "MalformedRequest: key ***"),
    ],
)
def test_only_messages_of_our_own_making_are_written(error: BaseException, shown: str) -> None:
    line, written = failed(error)
    assert line["error"] == shown
    assert "canary" not in written


def test_a_log_that_cannot_be_written_stops_nothing() -> None:
    closed = io.StringIO()
    closed.close()
    log_to(closed).write("error", "event")
    with open("/dev/full", "w") as full:
        Log(FakeClock(NOW_US), "info", full).write("error", "event")
        try:
            full.close()
        except OSError:
            pass


CHILD = """
import sys
from llm_gateway.clock import SystemClock
from llm_gateway.telemetry.log import Log
log = Log(SystemClock())
for number in range(int(sys.argv[1])):
    log.write("info", "line " + "x" * 400, count=number)
print("went on", flush=True)
sys.stdin.readline()
log.write("info", "last")
if sys.argv[2] == "close":
    log.close()
"""


def child(count: int, ending: str) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(
        [sys.executable, "-c", CHILD, str(count), ending],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2] / "src")},
    )


@pytest.mark.parametrize("ending", ["close", "exit"])
def test_stderr_gets_every_line_before_the_end(ending: str) -> None:
    with child(3, ending) as process:
        _, err = process.communicate(b"\n", timeout=30)
    written = [json.loads(line) for line in err.splitlines()]
    assert [line["event"].split()[0] for line in written] == ["line", "line", "line", "last"]
    assert [line.get("count") for line in written] == [0, 1, 2, None]


def test_a_reader_that_stopped_holds_up_nothing_and_what_was_dropped_is_counted() -> None:
    count = 3000
    with child(count, "close") as process:
        assert process.stdout is not None
        assert process.stdin is not None
        assert process.stdout.readline() == b"went on\n"  # while nobody reads stderr
        _, err = process.communicate(b"\n", timeout=30)
    written = [json.loads(line) for line in err.splitlines()]
    kept = [line for line in written if line["event"].startswith("line")]
    dropped = sum(line.get("dropped", 0) for line in written)
    assert 1000 <= len(kept) < count
    assert len(written) + dropped == count + 1, "what was dropped, the last line too, is counted"
