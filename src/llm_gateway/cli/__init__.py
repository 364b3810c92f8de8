"""The command line: one file a group of verbs, each thin."""

from llm_gateway.cli.entry import main

__all__ = ["main"]
