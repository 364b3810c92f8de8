"""Where the command begins: at the status line, which has to be quick, or else at all the verbs."""

import importlib
import os
import sys

from llm_gateway.cli.glance import glance

__all__ = ["main"]


def main() -> None:
    """Run the command that this process was started with, and end it with the command's exit code."""
    if sys.argv[1:2] == ["statusline"] and glance(sys.argv[2:], os.environ):
        return
    # Loaded here: a terminal agent starts the status line after each of its answers, and waits for it.
    importlib.import_module("llm_gateway.cli.main").main()
