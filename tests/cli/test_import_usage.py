"""`import usage`: from clients' own logs, by the gateway that runs, or without one; again changes nothing."""

import json
import threading
from pathlib import Path

import pytest

from gateway_process import GatewayProcess
from llm_gateway.cli.import_usage import telling
from llm_gateway.clients.past_use import Progress
from terminal import Terminal

ANSWER = {
    "type": "assistant",
    "requestId": "req_1",
    "sessionId": "s-1",
    "timestamp": "2026-01-05T10:00:00.000Z",
    "message": {
        "id": "msg_1",
        "model": "claude-opus-4-5",
        "stop_reason": "end_turn",
        "usage": {"input_tokens": 1000, "output_tokens": 2000},
    },
}
FOUND = {
    "client": "claude-code",
    "answers": 1,
    "new": 1,
    "routed": 0,
    "tokens_in": 1000,
    "tokens_out": 2000,
    "first_at": "2026-01-05T10:00:00Z",
    "last_at": "2026-01-05T10:00:00Z",
    "value_usd": 0.055,
    "unpriced": 0,
    "problems": ["lines that are not JSON: 1"],
}


def used(user: Path) -> None:
    """Let Claude Code have been used, and have written half a line."""
    folder = user / ".claude" / "projects" / "p"
    folder.mkdir(parents=True)
    (folder / "s.jsonl").write_text(json.dumps(ANSWER) + '\n{"type":"assistant","usage":\n')


def test_without_a_gateway_the_command_imports_itself(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    used(tmp_path / "user")
    terminal = Terminal(tmp_path / "home", capsys, {"HOME": str(tmp_path / "user")})
    told = terminal.json("import", "usage", "--dry-run")
    assert (told["schema"], told["dry_run"], told["clients"]) == ("llm-gateway/import/v1", True, [FOUND])
    assert terminal.json("import", "usage")["clients"] == [FOUND]
    again = terminal.ok("import", "usage", "claude-code")
    row = again.out.splitlines()[1].split()
    assert row == ["claude-code", "1", "0", "0", "1000", "2000", "2026-01-05", "2026-01-05", "0.06", "-"]
    assert "claude-code: lines that are not JSON: 1" in again.err
    assert "did not come through here" in again.out
    dry = terminal.ok("import", "usage", "--dry-run")
    assert "nothing was imported" in dry.err
    nothing = terminal.ok("import", "usage", "--since", "1h")
    assert nothing.out.startswith("no application has logs here that tell of answers since then")


def test_a_gateway_that_runs_imports_itself(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with GatewayProcess(tmp_path, "") as gateway:
        used(tmp_path / "user")
        terminal = Terminal(gateway.home / "gateway", capsys)
        assert terminal.json("import", "usage")["clients"] == [FOUND]
        assert terminal.json("import", "usage")["clients"] == [{**FOUND, "new": 0}]
        refused = terminal("import", "usage", "nobody")
        assert refused.code == 1 and "nobody writes no log that is known" in refused.err


@pytest.mark.parametrize("since", ["90", "d", "-1d", "90y", "123456d"])
def test_an_age_is_an_age(stopped: Terminal, since: str) -> None:
    refused = stopped("import", "usage", f"--since={since}")
    assert refused.code == 1 and "is not an age like 90d" in refused.err


def test_a_client_without_logs_is_refused(stopped: Terminal) -> None:
    refused = stopped("import", "usage", "cursor")
    assert refused.code == 1 and "cursor writes no log that is known; there are claude-code" in refused.err


def test_what_takes_long_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    asked = threading.Semaphore(0)

    def progress() -> Progress:
        asked.release()
        return Progress("claude-code", 5, "reading")

    with telling(progress, every=0.01):
        asked.acquire(timeout=5)
        asked.acquire(timeout=5)
    assert "claude-code: reading, 5 answers so far" in capsys.readouterr().err
