"""How a person logs in with an agent, in the agent's own words: its methods, and a command where it has one.

agentclientprotocol.com, "Authentication". The words are an agent's: they are shown, and never run by us.
"""

import shlex
from collections.abc import Sequence

from llm_gateway.bridges.acp.wire import AuthMethod
from llm_gateway.bridges.health import Action

__all__ = ["log_in_action", "log_in_command"]

_LONGEST = 200


def log_in_action(methods: Sequence[AuthMethod], command: Sequence[str]) -> Action:
    """Return what helps when nobody is logged in."""
    ways = "; or ".join(filter(None, map(_way, methods)))
    text = f"log in with the agent itself: {ways}" if ways else "log in with the agent itself"
    return Action(text, log_in_command(methods, command))


def log_in_command(methods: Sequence[AuthMethod], command: Sequence[str]) -> str:
    """Return the command by which the agent says that one logs in, else the agent's program."""
    for method in methods:
        if method.meta is not None and method.meta.terminal is not None and method.meta.terminal.command:
            terminal = method.meta.terminal
            return _shown(shlex.join((terminal.command, *terminal.args)))
    return shlex.join(command[:1])


def _way(method: AuthMethod) -> str:
    return _shown(method.description or method.name or method.id)


def _shown(words: str) -> str:
    """Return an agent's words as they can be shown: on one line, and not for ever."""
    return " ".join("".join(each if each.isprintable() else " " for each in words).split())[:_LONGEST]
