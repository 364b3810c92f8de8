"""How one logs in with an agent, in its own words, shown and never run."""

import msgspec

from llm_gateway.bridges.acp.ways import log_in_action, log_in_command
from llm_gateway.bridges.acp.wire import AuthMethod

COMMAND = ("my agent", "acp")


def _methods(*told: dict[str, object]) -> list[AuthMethod]:
    return [msgspec.convert(each, AuthMethod) for each in told]


def test_its_methods_are_told_in_its_words() -> None:
    methods = _methods(
        {"id": "a", "name": "Log in", "description": "Use\na browser\x1b"}, {"id": "b", "name": "Key"}
    )
    action = log_in_action(methods, COMMAND)
    assert action.text == "log in with the agent itself: Use a browser; or Key"
    assert action.command == "'my agent'"
    assert log_in_action((), COMMAND).text == "log in with the agent itself"
    assert len(log_in_action(_methods({"id": "x" * 999}), COMMAND).text) < 250


def test_its_own_command_is_the_one_that_is_shown() -> None:
    terminal = {"terminal-auth": {"command": "/opt/copilot", "args": ["login"]}}
    methods = _methods({"id": "a"}, {"id": "b", "_meta": terminal}, {"id": "c", "_meta": {"api-key": {}}})
    assert log_in_command(methods, COMMAND) == "/opt/copilot login"
