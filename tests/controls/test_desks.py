"""What keeps a desktop's subscription its owner's, on the real programs: a gateway, a companion beside it."""

import itertools
import json
import os
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from bridges.claude.claude_stage import END, Json, says
from faults.asking import DIALECTS, Asking
from faults.desks import CONFIGURATION, Desk, api, asked, begun, joined, tells
from gateway_process import GatewayProcess
from llm_gateway.cli.output import REFUSED
from rawhttp import Reply
from terminal import Started, program

_CANARY = "canary-5e1f-of-a-vendors-login"
_NOBODY = 65534
_HELD = [*says("so far", "", number=0), {"until": "never"}]


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewayProcess]:
    with GatewayProcess(tmp_path_factory.mktemp("gateway"), CONFIGURATION) as gateway:
        yield gateway


@pytest.fixture(scope="module")
def box(gateway: GatewayProcess, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """Return a desktop with a vendor's login in its environment, and in a file where vendors have theirs."""
    folder = tmp_path_factory.mktemp("desks")
    kept = folder / "box" / ".claude"
    kept.mkdir(parents=True)
    (kept / ".credentials.json").write_text(json.dumps({"accessToken": _CANARY}))
    with joined(folder, gateway, "box", CLAUDE_CODE_OAUTH_TOKEN=_CANARY) as (box,):
        yield box


@pytest.mark.control("T1")
@pytest.mark.control("T7")
def test_a_companion_listens_nowhere(gateway: GatewayProcess, box: Desk) -> None:
    assert asked(gateway, box.play("t1", tells("Hello."))).status == 200
    for process in (box.process, *box.process.children(recursive=True)):
        sockets = process.net_connections("all")
        assert [each for each in sockets if each.status == psutil.CONN_LISTEN] == []
        assert not [each for each in sockets if each.type.name == "SOCK_DGRAM" and each.laddr]
    (link,) = box.process.net_connections("tcp")
    assert link.raddr == ("127.0.0.1", gateway.port), "one connection, outward"


_LEAKING: dict[str, list[Json]] = {
    "told on stderr": [{"stderr": _CANARY}, *tells("Hello.")],
    "told in a line that nobody knows": [{"type": "debug", "token": _CANARY}, *tells("Hello.")],
    "told in words of no protocol": [{"stderr": _CANARY}, {"exit": 3}],
    "told with a refusal": [
        {
            "type": "assistant",
            "message": {"content": [{"type": "text", "text": f"401: Bearer {_CANARY}"}]},
            "error": "authentication_failed",
            "api_error_status": 401,
        },
        {"type": "result", "is_error": True, "num_turns": 1, "result": f"Bearer {_CANARY}"},
    ],
    "told with a failure": [
        {"type": "assistant", "message": {"content": []}, "error": f"server_error {_CANARY}"},
        {"type": "result", "is_error": True, "num_turns": 1, "errors": [_CANARY]},
    ],
    "told at the end": [*says("Hello."), {**END, "session_id": _CANARY}],
}


@pytest.mark.control("T10")
def test_a_vendors_login_stays_where_it_is(
    gateway: GatewayProcess, box: Desk, report: Callable[[str], None]
) -> None:
    told: list[Reply] = []
    for number, turn in enumerate(_LEAKING.values()):
        model = box.play(f"t10-{number}", turn)
        asks = zip(DIALECTS, itertools.cycle((number % 2 == 0, number % 2 == 1)))
        told += [asked(gateway, model, dialect, stream=stream) for dialect, stream in asks]
    told += [api(gateway, "GET", path) for path in ("/api/companions", "/api/bridges", "/openapi.json")]
    pages = ("health", "providers", "subscriptions", "clients", "requests", "request-metrics")
    told += [gateway.get(f"/api/dashboard/{name}") for name in pages]
    shown = [json.dumps(gateway.dashboard(name)).encode() for name in pages]
    shown += [repr(each.headers).encode() + each.body for each in told]
    shown += [gateway.stderr().encode(), *files(gateway.home), *files(box.home)]
    shown += [
        b" ".join(map(str.encode, psutil.Process(each).cmdline())) for each in (gateway.pid, box.process.pid)
    ]
    box.stop()
    shown.append("\n".join(box.heard).encode())
    box.start()
    assert _CANARY.encode() not in b"".join(shown)
    assert f'"{_CANARY}"' in (box.vendor.folder / "sessions" / "000").read_text(), "the program has its login"
    report(f"T10: {len(told)} answers and {sum(map(len, shown)) / 1e6:.1f} MB of files and logs, no canary")
    box.until("ok")


def files(folder: Path) -> list[bytes]:
    """Return what is in every file below a folder."""
    return [path.read_bytes() for path in folder.rglob("*") if path.is_file()]


@pytest.mark.control("T13")
@pytest.mark.parametrize("who", ["its owner", "the gateway"])
def test_a_pause_cuts_what_runs(
    gateway: GatewayProcess, box: Desk, who: str, report: Callable[[str], None]
) -> None:
    model = box.play(f"t13-{who.split()[1]}", _HELD)
    with begun(gateway, model, "messages", "so far") as client:
        began = time.monotonic()
        if who == "its owner":
            assert program(box.home, "companion", "pause").code == 0
        else:
            assert api(gateway, "POST", "/api/companion-pauses/box").status == 200
        cut = Asking("messages", model, True).error(client.read_reply())
        took = time.monotonic() - began
    assert cut and "companion resume" in cut and took < 5
    report(f"T13: paused by {who}: a running stream ended after {took:.2f} s")
    assert asked(gateway, model).status == 403
    assert program(box.home, "companion", "resume").code == 0
    box.until("ok", 5)


@pytest.mark.control("T14")
@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be another user")
def test_another_user_of_the_machine_gets_nothing(gateway: GatewayProcess, box: Desk) -> None:
    """Folders are opened to them here, so that it is each file that keeps them out."""
    kept = [
        path for home in (gateway.home / "gateway", box.home) for path in home.rglob("*") if path.is_file()
    ]
    names = {path.name for path in kept}
    assert {"identity.json", "audit.jsonl", "owner-token", "pepper", "ledger.sqlite3"} <= names, names
    open_to_all = box.home / "gateway.toml"  # made by this test, which is how it shows that they could read
    loose = [path.name for path in kept if path != open_to_all and path.stat().st_mode & 0o077]
    assert loose == []
    folders = {folder: folder.stat().st_mode for path in kept for folder in _above(path)}
    try:
        for folder, mode in folders.items():
            folder.chmod(mode | 0o055)
        processes = [f"/proc/{pid}/environ" for pid in (gateway.pid, box.process.pid)]
        assert as_nobody(_READ, *map(str, kept), *processes) == [str(open_to_all)]
    finally:
        for folder, mode in folders.items():
            folder.chmod(mode)
    statuses = as_nobody(_ASK, str(gateway.port), box.play("t14", tells("Hello.")))
    assert statuses == ["401"] * 3


_READ = """
import sys
for path in sys.argv[1:]:
    try:
        open(path, "rb").read(1)
    except PermissionError:
        continue
    print(path)
"""
_ASK = """
import http.client, json, sys
port, model = sys.argv[1:]
body = json.dumps({"model": model, "messages": [{"role": "user", "content": "Hello"}]})
for method, path in (("POST", "/v1/chat/completions"), ("GET", "/api/companions"), ("GET", "/v1/models")):
    there = http.client.HTTPConnection("127.0.0.1", int(port), timeout=5)
    there.request(method, path, body if method == "POST" else None, {"Content-Type": "application/json"})
    print(there.getresponse().status)
"""


def _above(path: Path) -> list[Path]:
    top = Path(tempfile.gettempdir())
    return [folder for folder in path.parents if top in folder.parents]


def as_nobody(script: str, *arguments: str) -> list[str]:
    """Return the lines that a script prints which somebody else runs."""
    done = subprocess.run(
        ["/usr/bin/env", "python3", "-c", script, *arguments],
        check=False, user=_NOBODY, group=_NOBODY, extra_groups=(), env={"PATH": "/usr/bin:/bin"},
        capture_output=True, text=True, timeout=30, cwd="/",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


@pytest.mark.control("T14")
def test_a_key_that_others_may_read_is_refused(box: Desk) -> None:
    box.stop()
    file = box.home / "companion" / "identity.json"
    file.chmod(0o644)
    try:
        done = program(box.home, "companion")
        assert done.code != 0 and str(file) in done.err and "0644" in done.err
    finally:
        file.chmod(0o600)
        box.start()
    box.until("ok")


@pytest.mark.control("T13")
@pytest.mark.control("T17")
def test_a_machine_that_is_let_go_is_cut_off(
    gateway: GatewayProcess, box: Desk, report: Callable[[str], None]
) -> None:
    model = box.play("t13-revoked", _HELD)
    with begun(gateway, model, "chat", "so far") as client:
        began = time.monotonic()
        assert api(gateway, "DELETE", "/api/companions/box").status == 200
        reply = client.read_reply()
        took = time.monotonic() - began
    assert Asking("chat", model, True).error(reply) and took < 5
    report(f"T13: revoked: a running stream ended after {took:.2f} s")
    assert asked(gateway, model).status == 404
    box.stop()
    assert "revoked" in "\n".join(box.heard)
    with Started(box.home, "companion") as again:
        assert again.end().code == REFUSED
