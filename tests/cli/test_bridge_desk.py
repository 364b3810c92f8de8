"""Bridges on the command line: those of the gateway that runs, and without one those of this machine."""

from terminal import Terminal


def names(told: dict[str, object]) -> set[str]:
    listed = told["bridges"]
    assert isinstance(listed, list)
    return {str(each["name"]) for each in listed}


def test_without_a_gateway_they_are_those_of_this_machine(stopped: Terminal) -> None:
    assert {"codex", "claude", "chatgpt", "github-copilot", "m365-copilot"} <= names(stopped.json("bridges"))
    shown = stopped.ok("bridges").out
    assert "llm-gateway login chatgpt" in shown
    assert "Set MICROSOFT_CLIENT_ID or M365_COPILOT_ACCESS_TOKEN." in shown


def test_with_one_they_are_the_gateways(terminal: Terminal) -> None:
    assert {"codex", "claude", "chatgpt"} <= names(terminal.json("bridges"))


def test_a_login_that_is_needed_is_an_exit_code(terminal: Terminal, stopped: Terminal) -> None:
    for each in (terminal, stopped):
        done = each("bridges", "check")
        assert done.code == 4
        assert "a login is needed: chatgpt, m365-copilot" in done.err


def test_a_bridge_is_paused_in_a_gateway_that_runs(terminal: Terminal, stopped: Terminal) -> None:
    assert "takes no more turns" in terminal.ok("bridges", "pause", "chatgpt").err
    assert "disabled" in terminal.ok("bridges").out
    assert "it is auth_required" in terminal.ok("bridges", "resume", "chatgpt").err
    assert stopped("bridges", "pause", "chatgpt").code == 5
    unknown = terminal("bridges", "pause", "nobody")
    assert (unknown.code, unknown.err.startswith("error: there is no bridge 'nobody'")) == (1, True)
