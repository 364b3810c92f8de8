"""Structs that are made ready: any thread reads them, and none that is read by its name is forgotten."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from house import ROOT, SOURCE, module_name, python_files, said, text, tree
from llm_gateway.wire.ready import decoder, ready

# What runs before there is a second thread, or in a process of its own.
_ALONE = ("cli", "config", "engines", "providers", "server")
_BUILT_IN = ("list", "dict", "tuple", "str", "int")
_RACE = """
import sys, threading, types
import msgspec
from llm_gateway.wire.ready import decoder, ready

sys.setswitchinterval(1e-6)
FIELDS = "".join(f"    f{n}: Inner | None = None\\n    g{n}: tuple[Inner, ...] = ()\\n" for n in range(8))
SOURCE = (
    "class Inner(msgspec.Struct):\\n    a: int = 0\\n"
    "@ready\\nclass Outer(msgspec.Struct):\\n" + FIELDS
)
for turn in range(200):
    module = types.ModuleType(f"m{turn}")
    sys.modules[module.__name__] = module
    module.__dict__.update(msgspec=msgspec, ready=ready)
    exec(SOURCE, module.__dict__)
    both = threading.Barrier(4)

    def read():
        both.wait()
        assert msgspec.convert({"f1": {"a": 1}}, module.Outer).f1.a == 1

    threads = [threading.Thread(target=read) for _ in range(4)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
"""


def readers(path: Path) -> Iterator[tuple[str, int]]:
    """Return the types that a module reads by their names, and where."""
    classes = [node for node in ast.walk(tree(path)) if isinstance(node, ast.ClassDef)]
    for node in ast.walk(tree(path)):
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
            continue
        kinds = [word.value for word in node.keywords if word.arg == "type"]
        if node.func.attr == "convert" and len(node.args) > 1:
            kinds.append(node.args[1])
        elif node.func.attr not in ("convert", "decode"):
            continue
        for kind in kinds:
            name = ast.unparse(kind)
            around = [each.name for each in classes if each.lineno < node.lineno <= (each.end_lineno or 0)]
            yield (around[-1] if name == "cls" and around else name), node.lineno


def made_ready() -> set[str]:
    """Return the types that have the mark, and those that a module makes a decoder of."""
    names: set[str] = set()
    for path in python_files("src"):
        for node in tree(path).body:
            match node:
                case ast.ClassDef(name=name, decorator_list=[*_, ast.Name(id="ready")]):
                    names.add(name)
                case ast.Assign(value=ast.Call(func=ast.Attribute(attr="Decoder"), args=[kind])):
                    names |= {each.id for each in ast.walk(kind) if isinstance(each, ast.Name)}
    return names


def test_what_is_read_by_its_name_was_made_ready() -> None:
    ours = [path for path in python_files("src") if module_name(path).split("/")[0] not in _ALONE]
    found = [(path, *each) for path in ours for each in readers(path)]
    assert len(found) > 12
    there = made_ready()
    unready = (
        f"{path.relative_to(ROOT)}:{line} reads a {name}, which is not made @ready"
        for path, name, line in found
        if name not in there and not name.startswith(_BUILT_IN)
    )
    assert not (missing := said(unready)), missing


def test_threads_read_it_at_once() -> None:
    done = subprocess.run(
        [sys.executable, "-c", _RACE], check=False, capture_output=True, text=True, cwd=SOURCE.parent
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_it_stays_what_it_is() -> None:
    class Two(msgspec.Struct, frozen=True):
        a: int
        b: str = ""

    assert ready(Two) is Two
    assert msgspec.convert({"a": 1}, Two) == Two(1)


def test_what_cannot_be_read_is_told_when_it_is_declared() -> None:
    with pytest.raises(TypeError, match="more than one"):

        @ready
        class Odd(msgspec.Struct):
            a: dict[str, int] | dict[str, str]


def test_the_word_is_used() -> None:
    assert "@ready" in text(SOURCE / "ledger" / "coverage.py")


def test_a_decoder_is_made_once() -> None:
    made = decoder(tuple[int, ...])
    assert made.decode(b"[1]") == (1,)
    assert decoder(tuple[int, ...]) is made
