"""House rules: what a module says of itself, what it imports and catches, and that it has its test."""

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import TypeGuard

from house import ROOT, SOURCE, module_name, python_files, said, text, tree

# Where anything may arrive and has to end: a connection, a stream, a task that nobody awaits.
EDGES = {
    "http/client": "the edge of a stream: what a sink cannot take is its owner's",
    "server/edge": "the edge of a request",
    "pipeline/handle": "the edge of a turn: it is settled whatever happened",
    "pipeline/relay": "the edge of a stream",
    "compression/block": "the edge of compression: what it cannot do is sent as it is, and counted",
    "pipeline/compress": "the same, around all of it",
    "ledger/writer": "the edge of the writer's thread",
    "tasks": "the edge of a background task",
}

# Who may touch what. A room is a folder, or a module of its own on the top floor.
RESERVED = {
    "sqlite3": {"ledger", "content", "clients"},  # clients: the logs of some are databases
    "cryptography": {"bridges", "companion", "content"},
    "asyncpg": {"ledger"},
    "httptools": {"http"},
    "wsproto": {"http"},
    "websockets": {"companion"},
    "ssl": {"http", "upstream", "server", "app", "cli", "companion"},
    "subprocess": {"cli", "clients", "bridges", "companion"},
    "psutil": {"clients", "bridges", "companion", "telemetry"},
    "asyncio.subprocess": {"engines", "clients", "bridges", "companion", "compression"},
    "xllamacpp": {"engines"},
    "tiktoken": {"compression"},
    "opentelemetry": {"telemetry"},
    "click": {"cli"},
}
NOT_OUR_WORDS = ("manager", "helper", "util", "utils", "base", "common", "misc")


def imports(path: Path) -> Iterator[tuple[str, int]]:
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module, node.lineno


def defined(path: Path) -> set[str]:
    """Return the public names that a module makes itself. A type variable is only spelling."""
    names: set[str] = set()
    for node in tree(path).body:
        match node:
            case ast.FunctionDef(decorator_list=[ast.Call(func=made), *_]) if is_of_a_group(made):
                pass  # a command: reached through its group, not by its name
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                names.add(name)
            case ast.Assign(value=ast.Call(func=ast.Name(id="TypeVar" | "ParamSpec"))):
                pass
            case ast.Assign(targets=targets):
                names.update(
                    name.id for target in targets for name in ast.walk(target) if isinstance(name, ast.Name)
                )
            case ast.AnnAssign(target=ast.Name(id=name)):
                names.add(name)
    return {name for name in names if not name.startswith("_")}


def is_of_a_group(decorator: ast.expr) -> bool:
    match decorator:
        case ast.Attribute(value=ast.Name(id=group), attr="command"):
            return group != "click"
    return False


def imported(path: Path) -> set[str]:
    return {
        alias.asname or alias.name
        for node in tree(path).body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }


def exported(path: Path) -> set[str] | None:
    for node in tree(path).body:
        match node:
            case ast.Assign(targets=[ast.Name(id="__all__")], value=value):
                return set(ast.literal_eval(value))
    return None


def behaves(path: Path) -> bool:
    """Whether a module does anything that could be wrong: more than fields and signatures."""
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            words = [word for word in node.body if not isinstance(word, ast.Expr)]
            calls = [word for word in ast.walk(node) if isinstance(word, ast.Call | ast.Await)]
            if words or calls:
                return True
    return False


def test_every_module_says_what_it_is() -> None:
    silent = (path for path in python_files() if not ast.get_docstring(tree(path)))
    assert not (found := said(str(path.relative_to(ROOT)) for path in silent)), found


def test_all_names_what_is_public() -> None:
    def wrong() -> Iterator[str]:
        for path in python_files("src"):
            own, told = defined(path), exported(path)
            if told is None:
                if own and path.stem != "__main__":
                    yield f"{module_name(path)} has no __all__"
                continue
            known = own | imported(path) if path.stem == "__init__" else own
            if missing := own - told - {"__version__"}:
                yield f"{module_name(path)}: public, but not in __all__: {sorted(missing)}"
            if foreign := told - known - {"__version__"}:
                yield f"{module_name(path)}: in __all__, but not its own: {sorted(foreign)}"

    assert not (found := said(wrong())), found


def test_every_module_has_its_test() -> None:
    def untested() -> Iterator[str]:
        for path in python_files("src"):
            if not behaves(path) or path.stem == "__main__":
                continue
            folder = ROOT / "tests" / path.relative_to(SOURCE).parent
            test = "test_*.py" if path.stem == "__init__" else f"test_{path.stem}.py"
            if not any(folder.glob(test)):
                yield f"{module_name(path)} has no {folder.relative_to(ROOT)}/{test}"

    assert not (found := said(untested())), found


def test_reserved_modules_stay_in_their_rooms() -> None:
    def strays() -> Iterator[str]:
        for path in python_files("src"):
            room = module_name(path).split("/")[0]
            for name, line in imports(path):
                for reserved, rooms in RESERVED.items():
                    if (name == reserved or name.startswith(reserved + ".")) and room not in rooms:
                        yield f"{module_name(path)}:{line} imports {name}"

    assert not (found := said(strays())), found


def test_everything_is_caught_only_at_the_edges() -> None:
    def catches() -> Iterator[str]:
        for path in python_files("src"):
            if module_name(path) in EDGES:
                continue
            for node in ast.walk(tree(path)):
                if not isinstance(node, ast.ExceptHandler):
                    continue
                caught = "everything" if node.type is None else ast.unparse(node.type)
                last = node.body[-1]
                passed_on = isinstance(last, ast.Raise) and last.exc is None
                if caught in ("everything", "Exception", "BaseException") and not passed_on:
                    yield f"{module_name(path)}:{node.lineno} catches {caught}"

    assert not (found := said(catches())), found


def test_nothing_is_global_and_nothing_is_patched() -> None:
    def found_in(path: Path) -> Iterator[str]:
        for node in ast.walk(tree(path)):
            if isinstance(node, ast.Global):
                yield f"{path.relative_to(ROOT)}:{node.lineno} global"
            if isinstance(node, ast.arg) and node.arg == "monkey" + "patch":
                yield f"{path.relative_to(ROOT)}:{node.lineno} patches"
        yield from (
            f"{path.relative_to(ROOT)}:{line} imports {name}"
            for name, line in imports(path)
            if name.startswith("unittest")
        )

    assert not (found := said(finding for path in python_files() for finding in found_in(path))), found


def test_modules_and_classes_have_names_of_the_field() -> None:
    def vague() -> Iterator[str]:
        for path in python_files("src", "scripts"):
            if path.stem in NOT_OUR_WORDS or path.parent.name in NOT_OUR_WORDS:
                yield str(path.relative_to(ROOT))
            for node in ast.walk(tree(path)):
                if isinstance(node, ast.ClassDef) and node.name.lower().endswith(NOT_OUR_WORDS):
                    yield f"{path.relative_to(ROOT)}:{node.lineno} {node.name}"

    assert not (found := said(vague())), found


def test_any_and_cast_come_with_a_reason() -> None:
    def bare() -> Iterator[str]:
        for path in python_files("src"):
            written = text(path).splitlines()
            told = any("Any" in line.partition("#")[0] and "#" in line for line in written)
            if not told and any(is_any(node) for node in ast.walk(tree(path))):
                yield f"{module_name(path)} uses Any and does not say why"
            for node in ast.walk(tree(path)):
                if is_cast(node) and "#" not in "".join(written[node.lineno - 3 : node.lineno]):
                    yield f"{module_name(path)}:{node.lineno} casts and does not say why"

    assert not (found := said(bare())), found


def is_any(node: ast.AST) -> TypeGuard[ast.Name]:
    return isinstance(node, ast.Name) and node.id == "Any"


def is_cast(node: ast.AST) -> TypeGuard[ast.Call]:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "cast"
