"""Requests from the command line: of a gateway that runs, of one that has ended, and as they end."""

import signal
from pathlib import Path

import pytest

from gateway_process import GatewayProcess, configuration
from scripted import Gate, ScriptedUpstream, chat, faults
from terminal import Started, Terminal


def rows(told: dict[str, object]) -> list[dict[str, object]]:
    assert told["schema"] == "llm-gateway/requests/v1"
    found = told["requests"]
    assert isinstance(found, list)
    return found


def ids(terminal: Terminal, *options: str) -> list[object]:
    return [row["id"] for row in rows(terminal.json("requests", *options))]


def ask(gateway: GatewayProcess, model: str = "demo/echo") -> str:
    turn_id = gateway.chat(model).header("x-llm-gateway-request-id")
    assert turn_id is not None
    return turn_id


def test_they_are_the_same_when_the_gateway_has_ended(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with (
        ScriptedUpstream() as upstream,
        GatewayProcess(tmp_path, configuration(upstream.url)) as gateway,
    ):
        terminal = Terminal(tmp_path / "gateway", capsys)
        upstream.queue(faults.failing(400))
        made = [ask(gateway, "scripted/m"), ask(gateway), ask(gateway, "scripted/m")]
        options: tuple[list[str], ...] = (
            [],
            ["--limit", "2"],
            ["--provider", "demo"],
            ["--status", "error"],
            ["--since", "1h"],
        )
        running = [terminal.json("requests", *chosen) for chosen in options]
        one = terminal.json("requests", "show", made[0])
        assert gateway.stop() == 0
        assert [terminal.json("requests", *chosen) for chosen in options] == running
        assert terminal.json("requests", "show", made[0]) == one
    assert [[row["id"] for row in rows(told)] for told in running] == [
        made,
        made[1:],
        [made[1]],
        [made[0]],
        made,
    ]


def test_a_killed_gateways_requests_are_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with GatewayProcess(tmp_path, "") as gateway:
        turn_id = ask(gateway)
        gateway.kill()
        assert ids(Terminal(tmp_path / "gateway", capsys)) == [turn_id]


def test_the_newest_is_the_last_line(gateway: GatewayProcess, terminal: Terminal) -> None:
    made = [ask(gateway), ask(gateway)]
    lines = terminal.ok("requests", "--limit", "2").out.splitlines()
    assert lines[0].split()[:4] == ["AT", "ID", "CLIENT", "CALLER"]
    assert [line.split()[1] for line in lines[1:]] == made
    assert ids(terminal, "--client", "nobody-is-called-so") == []


def test_no_requests_are_no_failure(stopped: Terminal) -> None:
    stopped.ok("keys", "create", "me")
    done = stopped.ok("requests")
    assert "`llm-gateway smoke` sends one" in done.err
    assert rows(stopped.json("requests")) == []


def test_without_a_ledger_there_is_nothing_to_read(stopped: Terminal) -> None:
    done = stopped("requests")
    assert (done.code, done.out) == (1, "")
    assert "there is no ledger yet; `llm-gateway up` makes one" in done.err
    assert not stopped.home.exists(), "looking makes nothing"


@pytest.mark.parametrize("since", ["h", "5", "5w", "-5m", "²h", "1234567s", "99999999999999999d"])
def test_a_time_that_is_none_is_said(terminal: Terminal, stopped: Terminal, since: str) -> None:
    for where in (terminal, stopped):
        done = where("requests", f"--since={since}")
        assert done.code == 2 and "is not a time like 30m" in done.err


def test_follow_prints_each_request_once_as_it_ends(gateway: GatewayProcess, terminal: Terminal) -> None:
    earlier = [ask(gateway), ask(gateway), ask(gateway)]
    options = ("--follow", "--json", "--limit", "1")
    with Started(terminal.home, "requests", *options, environ=terminal.environ) as following:
        first = following.object()
        assert (first["schema"], first["id"]) == ("llm-gateway/request-row/v1", earlier[-1])
        made = [ask(gateway), ask(gateway)]
        assert [following.object()["id"], following.object()["id"]] == made
        following.send(signal.SIGINT)
        assert following.end()[:2] == (130, "")


def test_follow_for_people_keeps_its_columns(gateway: GatewayProcess, terminal: Terminal) -> None:
    ask(gateway)
    with Started(terminal.home, "requests", "--follow", "--limit", "1") as following:
        title, last = following.line(), following.line()
        made = ask(gateway)
        new = following.line()
    assert new.index(made) == title.index("ID")
    assert new.index(" demo ") == last.index(" demo ") == title.index("PROVIDER") - 1


def test_follow_does_not_lose_a_long_stream_behind_many_short_ones(
    gateway: GatewayProcess, upstream: ScriptedUpstream, terminal: Terminal
) -> None:
    parts = chat.events("m")
    first, *rest = chat.stream(parts)
    upstream.queue((first, Gate("long"), *rest))
    with gateway.client() as client:
        client.send(gateway.chat_request("scripted/m", stream=True))
        client.read_until(b"200 OK")
        upstream.wait_gate("long")
        turn_id = client.head().header("x-llm-gateway-request-id")
        with Started(terminal.home, "requests", "--follow", "--json", "--limit", "1") as following:
            assert following.object()["id"] == turn_id
            made = {ask(gateway) for _ in range(250)}
            assert {following.object()["id"] for _ in made} == made
            upstream.open("long")
            client.read_reply()
            ended = following.object()
    assert (ended["id"], ended["status"]) == (turn_id, "ok")


def test_follow_outlives_a_restart(tmp_path: Path) -> None:
    with GatewayProcess(tmp_path, "") as gateway:
        before = ask(gateway)
        home = tmp_path / "gateway"
        with Started(home, "requests", "--follow", "--json") as following:
            assert following.object()["id"] == before
            gateway.restart()
            after = ask(gateway)
            assert following.object()["id"] == after
