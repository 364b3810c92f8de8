"""The repository as the house rules see it: its files, their text, their syntax trees."""

import ast
import functools
from collections.abc import Iterator
from pathlib import Path

__all__ = ["ROOT", "SOURCE", "files", "module_name", "python_files", "said", "text", "tree"]

ROOT = Path(__file__).resolve().parents[1]
SOURCE = ROOT / "src" / "llm_gateway"
_OURS = (".ci", "bench", "docs", "news", "scripts", "src", "tests")
_MADE = ("__pycache__", "results", "node_modules")


@functools.cache
def files() -> tuple[Path, ...]:
    """Return every file of the repository that people write, not what tools leave behind."""
    top = [path for path in ROOT.iterdir() if path.is_file()]
    below = [path for folder in _OURS for path in (ROOT / folder).rglob("*") if path.is_file()]
    return tuple(sorted(path for path in top + below if not set(_MADE) & set(path.parts)))


def python_files(*folders: str) -> list[Path]:
    """Return the Python files of some folders; of all of them when none is named."""
    chosen = folders or ("src", "tests", "scripts", "bench")
    return [
        path
        for path in files()
        if path.suffix == ".py" and path.relative_to(ROOT).parts[0] in chosen and path.stat().st_size
    ]


@functools.cache
def text(path: Path) -> str:
    """Return a file's text; "" where it is none."""
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return ""


@functools.cache
def tree(path: Path) -> ast.Module:
    """Return a file's syntax tree."""
    return ast.parse(text(path), str(path))


def module_name(path: Path) -> str:
    """Return a source file's place among the rooms, such as `http/server`."""
    return path.relative_to(SOURCE).with_suffix("").as_posix()


def said(findings: Iterator[str]) -> str:
    """Return what was found, a line each, to be shown when there should be nothing."""
    return "".join(f"\n  {finding}" for finding in findings)
