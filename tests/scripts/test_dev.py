"""The entry reads everywhere, and its verbs are those of the Makefile."""

import ast
import subprocess
import sys

import pytest

import verbs
from house import ROOT, text

DEV = ROOT / "scripts" / "dev.py"


def dev(*arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run([sys.executable, str(DEV), *arguments], check=False, capture_output=True, text=True)


def test_an_old_python_can_read_why_it_is_too_old() -> None:
    ast.parse(text(DEV), feature_version=(3, 6))


@pytest.mark.parametrize("arguments", [(), ("nonsense",), ("--help",)])
def test_without_a_verb_it_says_which_there_are(arguments: tuple[str, ...]) -> None:
    said = dev(*arguments)
    assert said.returncode == 2
    for verb in verbs.VERBS:
        assert f"\n    {verb} " in said.stderr


def test_every_verb_has_its_target() -> None:
    makefile = text(ROOT / "Makefile")
    for verb in verbs.VERBS:
        assert f"\t$(DEV) {verb}" in makefile, verb


def test_the_changelog_of_what_comes_next_can_be_shown() -> None:
    said = dev("changelog")
    assert said.returncode == 0, said.stderr
    assert said.stdout.startswith("## next (")
