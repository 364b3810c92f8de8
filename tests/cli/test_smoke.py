"""One small request, from the command to its row in the dashboard API."""

import pytest

from gateway_process import GatewayProcess
from scripted import ScriptedUpstream, Send, chat, faults
from scripted.wording import response
from terminal import Terminal


def test_it_prints_what_came_of_it(gateway: GatewayProcess, terminal: Terminal) -> None:
    done = terminal.ok("smoke", "scripted/scripted-model")
    shown = dict(line.split(None, 1) for line in done.out.splitlines())
    assert shown.pop("latency_ms")
    assert shown == {
        "caller": "owner",
        "model": "scripted/scripted-model",
        "response": chat.TEXT,
        "tokens_in": "40",
        "tokens_out": "12",
    }
    row = gateway.rows()[0]
    assert f"visible in the dashboard as {row['id']}" in done.err
    assert (row["client"], row["purpose"]) == ("llm-gateway-smoke", "smoke")


def test_json(terminal: Terminal) -> None:
    told = terminal.json("smoke", "demo/echo")
    assert (told["schema"], told["visible"], told["model"]) == ("llm-gateway/smoke/v1", True, "demo/echo")
    assert told["request_id"] and told["latency_ms"] is not None


def test_without_a_name_a_model_that_costs_nothing_is_asked(
    terminal: Terminal, upstream: ScriptedUpstream
) -> None:
    done = terminal.ok("smoke")
    assert done.err.startswith(("asking local/", "asking scripted/", "asking demo/echo"))


@pytest.mark.parametrize(
    ("model", "says"),
    [
        ("demo/error-429", "demo/error-429 answered 429: "),
        ("demo/error-500", "demo/error-500 answered 500: "),
        ("nobody-serves-this", "nothing configured serves"),
    ],
)
def test_a_refusal_is_1_and_says_why(terminal: Terminal, model: str, says: str) -> None:
    done = terminal("smoke", model)
    assert (done.code, done.out) == (1, "")
    assert says in done.err and "hint: `llm-gateway models`" in done.err


def test_an_upstream_that_fails_without_words_is_shown(
    terminal: Terminal, upstream: ScriptedUpstream
) -> None:
    upstream.queue((Send(response(418, b"<html>I am a teapot")),))
    assert "answered 418: <html>I am a teapot" in terminal("smoke", "scripted/m").err
    upstream.queue(*[faults.failing(429)] * 3)  # two of them for second tries
    assert "answered 429: " in terminal("smoke", "scripted/m").err


def test_an_answer_without_text_is_an_answer(terminal: Terminal, upstream: ScriptedUpstream) -> None:
    for body in (b"{}", b'{"choices": []}', b'{"choices": [{"message": {"content": null}}]}', b"[1]"):
        upstream.queue((Send(response(200, body)),))
        assert "response     \n" in terminal.ok("smoke", "scripted/m").out


def test_no_answer_in_time_is_1(terminal: Terminal) -> None:
    done = terminal("smoke", "demo/slow", "--timeout", "0.1")
    assert done.code == 1
    assert "no answer from demo/slow: timed out" in done.err and "`llm-gateway providers`" in done.err
