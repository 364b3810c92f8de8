"""Tokens are compared in constant time wherever one is: read in the source, for no clock here would tell."""

import ast
import inspect
from types import ModuleType

import pytest

from llm_gateway import vault
from llm_gateway.server import access, oidc_routes, sessions


def compared(module: ModuleType) -> list[str]:
    """Return what a module compares by == or != or `in`, but for words of its own."""
    found = []
    for node in ast.walk(ast.parse(inspect.getsource(module))):
        if isinstance(node, ast.Compare) and any(
            isinstance(op, ast.Eq | ast.NotEq | ast.In) for op in node.ops
        ):
            both = (node.left, *node.comparators)
            found += [ast.unparse(each) for each in both if not isinstance(each, ast.Constant)]
    return found


@pytest.mark.control("T5")
@pytest.mark.parametrize("module", [access, oidc_routes, sessions, vault], ids=lambda module: module.__name__)
def test_no_token_is_compared_letter_by_letter(module: ModuleType) -> None:
    told = [each for each in compared(module) if "token" in each or "secret" in each or "_owner" in each]
    assert told == []
    assert "compare_digest" in inspect.getsource(module)
