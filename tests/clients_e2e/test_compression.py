"""Real clients whose requests are compressed: what they send, what arrives, and that their work gets done.

Each reads a big file again and again with its own tools, and changes it in the end. How much of recorded
sessions is saved is measured elsewhere.
"""

import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from clients_e2e.agent import FILE, SAID, Asked, Step, Work, working
from clients_e2e.rows import CLIENTS, Client
from clients_e2e.running import Outcome, RefusingProxy
from clients_e2e.unpacked import only_grows, restored, results
from gateway_process import configuration
from real_clients import Installation
from terminal import program

pytestmark = pytest.mark.real_clients

_ALLOWED = ("--allowedTools", "Read", "Edit", "Bash(cat:*)")
_CLAUDE = ("claude", "-p", "$prompt", "--output-format", "json", *_ALLOWED)
CLAUDE_CODE = replace(next(client for client in CLIENTS if client.name == "claude-code"), command=_CLAUDE)
_KEYS = {name: told for name, told in CLAUDE_CODE.environ.items() if name != "ANTHROPIC_AUTH_TOKEN"}
CLAUDE_LOGIN = replace(
    CLAUDE_CODE,
    name="claude-login",
    environ={
        **_KEYS,
        "CLAUDE_CODE_OAUTH_TOKEN": "sk-ant-oat01-nobodys-login-for-a-test",
        "ANTHROPIC_CUSTOM_HEADERS": "x-llm-gateway-key: $key",
    },
)
# No model of OpenAI's by its name: to those it offers no tool that is told what to replace.
_QWEN = "qwen3-coder"
_OPENCODE = {
    "autoupdate": False,
    "permission": {"*": "allow"},
    "small_model": "gateway/$model",
    "provider": {
        "gateway": {
            "npm": "@ai-sdk/openai-compatible",
            "options": {"baseURL": "$url/v1", "apiKey": "$key"},
            "models": {_QWEN: {}},
        }
    },
}
OPENCODE = Client(
    name="opencode",
    dialect="chat",
    identity="opencode",
    model=_QWEN,
    foreign=(),
    command=("opencode", "run", "--model", "gateway/$model", "$prompt"),
    environ={"OPENCODE_DISABLE_MODELS_FETCH": "1"},
    files={".config/opencode/opencode.json": json.dumps(_OPENCODE)},
)
_LINE = FILE.split("\n")[249]
_OLD, _NEW = "total_250 = weigh", "total_250 = measure"
_PATCH = f"""*** Begin Patch
*** Update File: big.py
@@
-{_LINE}
+{_LINE.replace(_OLD, _NEW)}
*** End Patch
"""
_CAT = "cat -n $file"
_ROWS = {client.name: client for client in (*CLIENTS, OPENCODE)}
STEPS = {
    "claude-code": [
        Step("Read", {"file_path": "$file"}),
        Step("Read", {"file_path": "$file"}),
        Step("Read", {"file_path": "$file", "offset": 101, "limit": 200}),
        Step("Bash", {"command": _CAT, "description": "Show the file"}),
        Step("Edit", {"file_path": "$file", "old_string": _OLD, "new_string": _NEW}),
    ],
    "codex": [
        Step("exec_command", {"cmd": "cat $file"}),
        Step("exec_command", {"cmd": "cat $file"}),
        Step("exec_command", {"cmd": "sed -n 101,300p $file"}),
        Step("exec_command", {"cmd": _CAT}),
        Step("apply_patch", _PATCH),
    ],
    "gemini-cli": [
        Step("read_file", {"file_path": "$file"}),
        Step("read_file", {"file_path": "$file"}),
        Step("read_file", {"file_path": "$file", "start_line": 101, "end_line": 300}),
        Step("run_shell_command", {"command": _CAT}),
        Step(
            "replace",
            {"file_path": "$file", "instruction": "Measure", "old_string": _OLD, "new_string": _NEW},
        ),
    ],
    "opencode": [
        Step("read", {"filePath": "$file"}),
        Step("read", {"filePath": "$file"}),
        Step("read", {"filePath": "$file", "offset": 101, "limit": 200}),
        Step("bash", {"command": _CAT, "description": "Show the file"}),
        Step("edit", {"filePath": "$file", "oldString": _OLD, "newString": _NEW}),
    ],
    "pi-chat": [
        Step("read", {"path": "$file"}),
        Step("read", {"path": "$file"}),
        Step("read", {"path": "$file", "offset": 101, "limit": 200}),
        Step("bash", {"command": _CAT}),
        Step("edit", {"path": "$file", "edits": [{"oldText": _OLD, "newText": _NEW}]}),
    ],
}
"""For each client: read the file twice, then its middle, have a shell print it, and change a line."""

_SMALL = 600
"""Characters that a result is sent in at most which says again what stands further up."""


_Start = Callable[[Client, str], AbstractContextManager[Work]]


@pytest.fixture
def start(tmp_path: Path, installation: Installation, proxy: RefusingProxy) -> _Start:
    """Return a way to start a client's work, with these words of the file about compression."""

    @contextmanager
    def started(client: Client, compression: str) -> Iterator[Work]:
        def configured(url: str, host: str) -> str:
            server, more = f'hosts = ["{host}"]', f"[compression]\n{compression}\n"
            if client is CLAUDE_LOGIN:
                login = f'[[providers]]\nname = "{client.name}"\nbase_url = "{url}"\n'
                return configuration("http://127.0.0.1:9", server=server, more=login + more)
            told = configuration(url, models=[client.model], server=server, more=more)
            return told.replace('["chat"]', f'["{client.dialect}"]')

        with working(client, tmp_path, (installation.path, proxy), configured) as work:
            yield work

    return started


def _done(work: Work, outcome: Outcome) -> None:
    """Check that the client came to its end by itself, and that nobody refused anything."""
    assert outcome.code == 0 and SAID in outcome.stdout, outcome
    assert not work.model.refused, work.model.refused


def _changed(work: Work, outcome: Outcome) -> None:
    """Check that the client has done its work: what it was told to change it has found, and nothing else."""
    _done(work, outcome)
    assert work.file.read_text() == FILE.replace(_OLD, _NEW)


def _sent_shorter(work: Work, all_asked: list[Asked]) -> None:
    """Check that each request came back whole, began with the one before, and is told of as it was."""
    dialect = work.client.dialect
    first, *later = all_asked
    assert first.received == first.sent, "there was nothing to compress yet"
    for asked in later:
        assert restored(dialect, asked) == asked.sent
        told = asked.compression
        assert (told["bytes_before"], told["bytes_after"]) == (len(asked.sent), len(asked.received)), told
    only_grows(dialect, [asked.sent for asked in all_asked])
    only_grows(dialect, [asked.received for asked in all_asked])
    whole, *again, _ = results(dialect, later[-1].received)
    assert _LINE in whole
    assert len(again) == 3 and all(len(text) < _SMALL and "[same as result 1 " in text for text in again)


def _shown(work: Work, asked: Asked) -> str:
    """Return what `requests show` has to say of compression."""
    config = {"LLM_GATEWAY_CONFIG": str(work.gateway.home / "gateway.toml")}
    done = program(work.gateway.home / "gateway", "requests", "show", asked.id, environ=config)
    assert done.code == 0, done
    return " ".join(next(line for line in done.out.splitlines() if line.startswith("compression ")).split())


def _report(client: Client, asked: Asked) -> str:
    return f"{client.name}: the last request {len(asked.sent)} bytes, {len(asked.received)} sent"


def test_claude_code_goes_on_after_a_restart(start: _Start, report: Callable[[str], None]) -> None:
    steps = STEPS["claude-code"]
    with start(CLAUDE_CODE, 'mode = "on"') as work:
        _done(work, work.play(steps[:2]))
        work.gateway.restart()
        work.tap.behind = work.gateway.port
        _changed(work, work.play(steps, "--continue"))
        asked = work.asked()
        assert len(asked) == 7
        _sent_shorter(work, asked)
        shown = _shown(work, asked[-1])
        sizes = f"{len(asked[-1].sent)} bytes to {len(asked[-1].received)}, "
        assert shown.startswith(f"compression 4 of 5 results were sent shorter, {sizes}"), shown
        report(_report(work.client, asked[-1]))


@pytest.mark.parametrize("name", ["codex", "gemini-cli", "opencode", "pi-chat"])
def test_in_each_dialect_what_was_read_is_not_said_again(
    start: _Start, report: Callable[[str], None], name: str
) -> None:
    with start(_ROWS[name], 'mode = "on"') as work:
        _changed(work, work.play(STEPS[name]))
        asked = work.asked()
        assert len(asked) == 6
        _sent_shorter(work, asked)
        report(_report(work.client, asked[-1]))


def test_a_login_is_left_alone(start: _Start) -> None:
    with start(CLAUDE_LOGIN, 'mode = "on"') as work:
        _changed(work, work.play(STEPS["claude-code"]))
        asked = work.asked()
        assert [each.received for each in asked] == [each.sent for each in asked]
        assert {each.compression["why"] for each in asked[1:]} == {"it brings a login of its own"}


def test_a_login_is_compressed_if_that_is_wanted(start: _Start) -> None:
    with start(CLAUDE_LOGIN, 'mode = "on"\nlogins = true') as work:
        _changed(work, work.play(STEPS["claude-code"]))
        _sent_shorter(work, work.asked())


def test_shadow_sends_every_byte_and_tells_what_it_would_save(start: _Start) -> None:
    with start(CLAUDE_CODE, 'mode = "shadow"') as work:
        _changed(work, work.play(STEPS["claude-code"]))
        asked = work.asked()
        assert [each.received for each in asked] == [each.sent for each in asked]
        shown = _shown(work, asked[-1])
        whole = f"compression 4 of 5 results would have been sent shorter, {len(asked[-1].sent)} bytes to "
        assert shown.startswith(whole), shown
        assert int(shown.removeprefix(whole).partition(",")[0]) < len(asked[-1].sent) - 2 * len(FILE), shown
