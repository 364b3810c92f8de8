"""House rules: files, functions and parameter lists stay small enough to be seen at once."""

import ast
from collections.abc import Iterator
from pathlib import Path

from house import ROOT, files, python_files, said, text, tree

FILE_LINES, FUNCTION_LINES, PARAMETERS = 400, 50, 6
CODE = (".py", ".c", ".h", ".sql", ".js", ".css", ".html")
Function = ast.FunctionDef | ast.AsyncFunctionDef


def functions(path: Path) -> Iterator[Function]:
    for node in ast.walk(tree(path)):
        if isinstance(node, Function):
            yield node


def lines(function: Function) -> int:
    return (function.end_lineno or function.lineno) - function.lineno + 1


def parameters(function: Function) -> int:
    """Return how many there are; the object or class itself is none."""
    told = function.args
    named = [*told.posonlyargs, *told.args, *told.kwonlyargs]
    own = bool(named) and named[0].arg in ("self", "cls")
    return len(named) - own + bool(told.vararg) + bool(told.kwarg)


def where(path: Path, line: int = 1) -> str:
    return f"{path.relative_to(ROOT)}:{line}"


def test_no_file_is_longer_than_its_subject() -> None:
    long = [(path, len(text(path).splitlines())) for path in files() if path.suffix in CODE]
    assert not (found := said(f"{where(path)} {n} lines" for path, n in long if n > FILE_LINES)), found


def test_a_function_fits_a_screen() -> None:
    every = [(path, function) for path in python_files() for function in functions(path)]
    assert len(every) > 500
    assert not (
        found := said(
            f"{where(path, function.lineno)} {function.name}: {lines(function)} lines"
            for path, function in every
            if lines(function) > FUNCTION_LINES
        )
    ), found


def test_a_function_takes_few_parameters() -> None:
    assert not (
        found := said(
            f"{where(path, function.lineno)} {function.name}: {parameters(function)} parameters"
            for path in python_files()
            for function in functions(path)
            if parameters(function) > PARAMETERS
        )
    ), found
