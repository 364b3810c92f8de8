"""House rules: what a document names is there, and what is there has its document."""

import inspect
import re
from collections.abc import Iterator
from pathlib import Path

import click

from house import ROOT, files, said, text
from llm_gateway import errors
from llm_gateway.cli.main import cli, leaves

# A command as documents, messages and help texts write it: in backquotes or on a line of a code block.
COMMAND = re.compile(
    r"(?:`|^[\w./]*|\s)llm-gateway(?: --(?:home|config) \S+)* ([a-z]+(?: [a-z]+)?)", re.MULTILINE
)
TARGET = re.compile(r"^([a-z-]+):", re.MULTILINE)
MADE = re.compile(r"(?:`|^)make ([a-z-]+)", re.MULTILINE)
LINK = re.compile(r"\]\((?!https?:|#)([^)#]+)")


def documents() -> list[Path]:
    return [path for path in files() if path.suffix == ".md" and path.name != "CHANGELOG.md"]


def test_links_lead_somewhere() -> None:
    lost = (
        f"{path.relative_to(ROOT)} -> {target}"
        for path in documents()
        for target in LINK.findall(text(path))
        if not (path.parent / target).exists()
    )
    assert not (found := said(lost)), found


def test_make_targets_that_are_named_exist() -> None:
    there = set(TARGET.findall(text(ROOT / "Makefile")))
    named = {name for path in documents() for name in MADE.findall(text(path))}
    assert named and named <= there, named - there


def test_commands_that_are_named_exist() -> None:
    there = {name for name, _ in leaves()}
    groups = {name.partition(" ")[0] for name in there if " " in name}

    def unknown() -> Iterator[str]:
        for path in files():
            if path.suffix not in (".md", ".py") or "tests" in path.parts:
                continue
            for words in COMMAND.findall(text(path)):
                first = words.partition(" ")[0]
                if words not in there and first not in there | groups:
                    yield f"{path.relative_to(ROOT)}: llm-gateway {words}"

    assert not (found := said(unknown())), found


def test_every_command_is_documented() -> None:
    page = text(ROOT / "docs" / "cli.md")
    assert not (found := said(name for name, _ in leaves() if f"`{name}" not in page)), found


def test_every_option_is_documented() -> None:
    page = text(ROOT / "docs" / "cli.md")

    def silent() -> Iterator[str]:
        for name, command in (*leaves(), ("llm-gateway", cli)):
            for option in command.params:
                if isinstance(option, click.Option) and option.opts[0] not in page:
                    yield f"{name} {option.opts[0]}"

    assert not (found := said(silent())), found


def test_every_error_is_documented() -> None:
    page = text(ROOT / "docs" / "errors.md")
    kinds = {
        (str(error.kind), int(error.status))
        for _, error in inspect.getmembers(errors, inspect.isclass)
        if issubclass(error, errors.GatewayError) and hasattr(error, "kind")
    }
    assert len(kinds) > 10
    missing = (f"{kind} ({status})" for kind, status in kinds if f"| {status} | `{kind}` |" not in page)
    assert not (found := said(missing)), found
