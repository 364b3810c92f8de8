"""What the doctor finds, what it mends, and how grave it says it is."""

import json
import os
import socket
from pathlib import Path

import msgspec
import pytest

from gateway_process import GatewayProcess
from llm_gateway.clock import SystemClock
from llm_gateway.companion.desktop import alone
from llm_gateway.companion.identity import make
from llm_gateway.content.safe import Safe, Where
from llm_gateway.ledger.price_table import shipped_table
from terminal import Done, Terminal


def findings(done: Done) -> dict[str, tuple[str, str, str]]:
    told = json.loads(done.out)
    assert told["schema"] == "llm-gateway/doctor/v1"
    return {each["check"]: (each["severity"], each["finding"], each["fix"]) for each in told["checks"]}


def modes(home: Path) -> dict[str, int]:
    return {str(path.relative_to(home)): path.stat().st_mode & 0o777 for path in home.rglob("*")}


def test_all_is_well_beside_a_gateway(gateway: GatewayProcess, terminal: Terminal) -> None:
    done = terminal("doctor")
    assert (done.code, done.err) == (0, "")
    assert f"ok       gateway            {gateway.url}" in done.out
    found = findings(terminal("doctor", "--json"))
    assert {severity for severity, _, _ in found.values()} == {"ok"}
    assert found["provider scripted"][1] == "1 models" and found["ledger"][1] == "connected"


def test_no_gateway_is_a_warning_with_its_way_out(stopped: Terminal) -> None:
    done = stopped("doctor")
    assert done.code == 3
    assert "warning  gateway" in done.out and "→ llm-gateway up\n" in done.out
    assert "is made at the first start" in done.out
    assert not stopped.home.exists()


def test_a_companions_machine_needs_no_gateway(stopped: Terminal) -> None:
    folder = stopped.home / "companion"
    with alone(folder):
        msgspec.structs.replace(make("https://gateway.example"), machine="mac").keep(folder)
        found = findings(stopped("doctor", "--json"))
        assert found["companion"] == ("ok", "mac, of https://gateway.example, runs", "")
        assert "gateway" not in found
    found = findings(stopped("doctor", "--json"))
    assert found["companion"][0] == "warning" and found["companion"][2] == "llm-gateway companion"
    (stopped.home / "ledger").mkdir()
    assert "gateway" in findings(stopped("doctor", "--json"))


def test_loose_modes_are_found_and_closed(stopped: Terminal) -> None:
    stopped.ok("keys", "create", "me")
    before = modes(stopped.home)
    for name in ("pepper", "ledger", "ledger/ledger.sqlite3"):
        (stopped.home / name).chmod(before[name] | 0o044)
    (stopped.home / "notes.txt").write_text("nothing of ours")
    (stopped.home / "notes.txt").chmod(0o644)
    stopped.home.chmod(0o777)
    found = stopped("doctor", "--json")
    severity, finding, fix = findings(found)["home"]
    assert (found.code, severity, fix) == (1, "error", "llm-gateway doctor --fix")
    assert all(name in finding for name in ("pepper", "ledger", "ledger.sqlite3"))
    mended = stopped("doctor", "--fix")
    assert mended.code == 3, "only the gateway that does not run is left"
    assert mended.err.count("closed ") == 4
    assert modes(stopped.home) == {**before, "notes.txt": 0o644}
    assert stopped.home.stat().st_mode & 0o777 == 0o755
    assert stopped("doctor", "--fix").err == ""


def test_content_is_looked_at(stopped: Terminal) -> None:
    assert findings(stopped("doctor", "--json"))["content"] == ("ok", "nothing is kept", "")
    safe = Safe(Where(stopped.home), SystemClock())
    safe.keep("key_1", "response", "resp_1", b"text", 7)
    safe.close()
    assert findings(stopped("doctor", "--json"))["content"][1] == "1 answers of 1 keys"
    for name in ("master-key", "content", "content/content.sqlite3"):
        (stopped.home / name).chmod(0o755)
    severity, finding, _ = findings(stopped("doctor", "--json"))["home"]
    assert severity == "error" and "master-key" in finding and "content.sqlite3" in finding
    stopped("doctor", "--fix")
    assert not any(mode & 0o077 for name, mode in modes(stopped.home).items() if "content" in name)
    (stopped.home / "master-key").unlink()
    severity, finding, fix = findings(stopped("doctor", "--json"))["content"]
    assert severity == "error" and "master key is missing" in finding and "content.md" in fix


def test_an_open_token_and_an_open_confirmation_are_found_not_stumbled_over(
    gateway: GatewayProcess, stopped: Terminal, tmp_path: Path
) -> None:
    stopped.home.mkdir()
    for name in ("owner-token", "exposure.json"):
        (stopped.home / name).write_text("{}")
        (stopped.home / name).chmod(0o644)
    found = findings(stopped("doctor", "--json"))
    assert found["home"][0] == found["exposure"][0] == found["gateway"][0] == "error"
    assert found["gateway"][2] == "llm-gateway doctor --fix"
    (stopped.home / "owner-token").unlink()
    assert stopped("doctor", "--fix").code == 3


def test_a_configuration_that_cannot_be_used_is_found(stopped: Terminal, tmp_path: Path) -> None:
    file = tmp_path / "gateway.toml"
    file.write_text("[server]\nhost = 1\n")
    done = stopped("doctor", "--config", str(file), "--json")
    assert done.code == 1
    ((name, (severity, finding, _)),) = findings(done).items()
    assert (name, severity) == ("configuration", "error") and "server.host" in finding


def test_what_is_misspelt_and_who_may_change_the_file_is_found(
    stopped: Terminal, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "gateway.toml"
    file.write_text("")
    file.chmod(0o666)
    stopped.home.mkdir()
    terminal = Terminal(
        stopped.home, capsys, {"LLM_GATEWAY_CONFIG": str(file), "LLM_GATEWAY_BOOTSTRAP_KEYS": "x"}
    )
    found = findings(terminal("doctor", "--json"))
    assert (
        found["configuration"][0] == "warning" and "LLM_GATEWAY_BOOTSTRAP_KEY?" in found["configuration"][1]
    )
    assert found["home"][0] == "error" and "gateway.toml" in found["home"][1]
    terminal("doctor", "--fix")
    assert file.stat().st_mode & 0o777 == 0o644


def test_an_exposure_that_lacks_something_is_found(stopped: Terminal, tmp_path: Path) -> None:
    file = tmp_path / "gateway.toml"
    file.write_text('[server]\nhost = "192.0.2.1"\n')
    severity, finding, fix = findings(stopped("doctor", "--config", str(file), "--json"))["exposure"]
    assert severity == "error" and "server.expose = true" in finding and "127.0.0.1" in fix


def test_an_exposure_says_who_wanted_it_for_whom_and_until_when(stopped: Terminal, tmp_path: Path) -> None:
    file = tmp_path / "gateway.toml"
    lines = '[server]\nhost = "192.0.2.1"\nexpose = true\nallow_from = ["192.0.2.0/24"]\n'
    file.write_text(lines)
    stopped.ok("bridges", "expose", "--yes", "--hours", "2", "--config", str(file))
    severity, finding, fix = findings(stopped("doctor", "--config", str(file), "--json"))["exposure"]
    assert severity == "warning" and "without TLS, for 192.0.2.0/24; confirmed by " in finding
    assert ", until 2" in finding and "set server.tls_cert" in finding and fix == "see docs/exposure.md"
    file.write_text(f'{lines}tls_cert = "c"\ntls_key = "k"\n')
    stopped.ok("bridges", "expose", "--yes", "--config", str(file))
    severity, finding, _ = findings(stopped("doctor", "--config", str(file), "--json"))["exposure"]
    assert severity == "ok" and "with TLS" in finding and finding.endswith("until it is taken back")


def test_a_model_file_that_is_gone_is_found(stopped: Terminal, tmp_path: Path) -> None:
    file = tmp_path / "gateway.toml"
    file.write_text('[local]\nmodel_path = "gone.gguf"\n')
    done = stopped("doctor", "--config", str(file), "--json")
    assert findings(done)["local model"][:2] == ("error", "local.model_path: gone.gguf is not there")


def test_prices_that_cannot_be_used_are_found(stopped: Terminal) -> None:
    stopped.home.mkdir()
    file = stopped.home / "gateway.toml"
    assert findings(stopped("doctor", "--json"))["prices"][:2] == (
        "ok",
        f"{shipped_table().source} {shipped_table().version}",
    )
    file.write_text('[prices.reference]\n"ollama/*" = "openai/nothing"\n"lab/*" = "openai/*"\n')
    severity, finding, fix = findings(stopped("doctor", "--json"))["prices"]
    assert (severity, "[[prices.models]]" in fix) == ("warning", True)
    assert finding == "no price of openai/nothing is known, which says what ollama/* is worth"
    file.write_text('[prices.reference]\n"ollama/*" = "openai/gpt-5"\n"lab/*" = "openai/*"\n')
    assert findings(stopped("doctor", "--json"))["prices"][0] == "ok"
    for url, verdict in (("http://127.0.0.1:4000", "warning"), ("http://192.168.1.20:4000", "ok")):
        file.write_text(
            f'[[providers]]\nname = "lab"\nbase_url = "{url}"\n'
            '[[prices.models]]\nmodel = "lab/*"\ninput = 3\noutput = 15\n'
        )
        severity, finding, _ = findings(stopped("doctor", "--json"))["prices"]
        assert (severity, "lab/* has a price and costs nothing" in finding) == (verdict, verdict != "ok")
    (stopped.home / "prices.json").write_text("{")
    severity, finding, _ = findings(stopped("doctor", "--json"))["prices"]
    assert severity == "warning" and "cannot be read" in finding


def test_another_program_on_the_port_is_found(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = str(other.getsockname()[1])
        terminal = Terminal(tmp_path / "home", capsys, {"LLM_GATEWAY_SERVER__PORT": port})
        done = terminal("doctor", "--json")
    severity, finding, fix = findings(done)["port"]
    assert (done.code, severity) == (1, "error")
    assert f"127.0.0.1:{port}" in finding and "server.port" in fix


def test_a_provider_that_does_not_answer_is_a_warning(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as nobody:
        url = f"http://127.0.0.1:{nobody.getsockname()[1]}"
    environ = {"LLM_GATEWAY_CONFIG": str(tmp_path / "gateway.toml")}
    config = f'[[providers]]\nname = "gone"\nbase_url = "{url}"\n'
    with GatewayProcess(tmp_path, config):
        done = Terminal(tmp_path / "gateway", capsys, environ)("doctor")
    assert done.code == 3
    assert "warning  provider gone   unreachable: " in done.out
    assert "→ start it, or correct its base_url" in done.out


def test_a_full_disk_would_be_a_warning(stopped: Terminal) -> None:
    severity, finding, _ = findings(stopped("doctor", "--json"))["disk"]
    free = os.statvfs(stopped.home.parent)
    enough = free.f_bavail * free.f_frsize > 200 * 2**20
    assert severity == ("ok" if enough else "warning") and "iB free" in finding
