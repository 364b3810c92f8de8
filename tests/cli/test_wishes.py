"""What a command about an application finds out before it does anything."""

import pytest

from llm_gateway.cli.context import Context
from llm_gateway.cli.output import FAILED, NOT_RUNNING, REFUSED, Stop
from llm_gateway.cli.wishes import row_of, wish_for, words_for
from llm_gateway.clients.catalog import Client, Way, catalog
from terminal import Terminal


def stop_of(done: pytest.ExceptionInfo[Stop]) -> tuple[int, str]:
    return done.value.code, done.value.message


def test_a_part_has_the_row_that_holds_its_settings(capsys: pytest.CaptureFixture[str]) -> None:
    assert row_of("claude-code").id == "claude-code"
    assert capsys.readouterr().err == ""
    assert row_of("codex-ide").id == "codex-cli"
    assert "Codex in an editor has its settings from Codex CLI" in capsys.readouterr().err


@pytest.mark.parametrize(
    "name, code, why",
    [
        ("claude", FAILED, "did you mean claude-code?"),
        ("aidr", FAILED, "did you mean aider?"),
        ("???", FAILED, "no application '???' is known\n"),
        ("cursor", REFUSED, "cannot be connected"),
    ],
)
def test_what_has_none_is_said(name: str, code: int, why: str) -> None:
    with pytest.raises(Stop) as done:
        row_of(name)
    assert stop_of(done)[0] == code and why in stop_of(done)[1] and "hint: " in stop_of(done)[1]


def test_a_key_is_the_usual_way_and_a_login_only_when_asked_for() -> None:
    both = catalog()["claude-code"]
    assert wish_for(both, None).name == "key" and wish_for(both, "login").name == "login"
    only = Client("x", "X", "nobody", ways={"login": Way()})
    assert wish_for(only, None, telemetry=True).telemetry and wish_for(only, None).name == "login"
    for row, way, why in (
        (only, "key", "X takes no key of another gateway"),
        (catalog()["aider"], "login", "aider has no way by its own login"),
        (Client("x", "X", "nobody", instead="nothing"), None, "no way is known to connect X"),
    ):
        with pytest.raises(Stop) as done:
            wish_for(row, "key" if way == "key" else "login" if way else None)
        assert stop_of(done)[0] == REFUSED and why in stop_of(done)[1]


def test_models_are_asked_of_the_gateway_that_runs(
    terminal: Terminal, capsys: pytest.CaptureFixture[str]
) -> None:
    context = Context({}, terminal.environ)
    loaded, api = context.load(), context.api()
    wish = wish_for(catalog()["opencode"], None)
    words = words_for(wish, "k", loaded, api, None)
    assert words.base == api.url and words.model == words.models[0] and words.key == "k"
    assert words.models and not any(name.startswith("demo/") for name in words.models)
    chosen = words_for(wish, "k", loaded, api, "mine")
    assert chosen.model == "mine" and chosen.models == ("mine", *words.models)
    capsys.readouterr()
    assert words_for(wish_for(catalog()["claude-code"], None), "k", loaded, api, "mine").models == ()
    assert "--model changes nothing" in capsys.readouterr().err


def test_without_a_gateway_the_address_is_the_configured_one(stopped: Terminal) -> None:
    claude, desktop, opencode = (
        wish_for(catalog()[name], None) for name in ("claude-code", "claude-desktop", "opencode")
    )
    loaded = Context({}, stopped.environ).load()
    with pytest.raises(Stop) as done:
        words_for(claude, "k", loaded, None, None)
    assert stop_of(done)[0] == NOT_RUNNING and "server.port = 0" in stop_of(done)[1]
    fixed = {**stopped.environ, "LLM_GATEWAY_SERVER__PORT": "8788"}
    loaded = Context({}, fixed).load()
    assert words_for(claude, "k", loaded, None, None).base == "http://127.0.0.1:8788"
    assert words_for(desktop, "k", loaded, None, None).base == "http://127.0.0.1:8788"
    with pytest.raises(Stop) as done:
        words_for(opencode, "k", loaded, None, None)
    assert stop_of(done)[0] == NOT_RUNNING and "which models there are" in stop_of(done)[1]
    named = Context({}, {**fixed, "LLM_GATEWAY_SERVER__HOST": "localhost"}).load()
    with pytest.raises(Stop) as done:
        words_for(desktop, "k", named, None, None)
    assert stop_of(done)[0] == FAILED and "127.0.0.1 by number" in stop_of(done)[1]
