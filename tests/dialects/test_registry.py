"""The registry: every dialect under its own name, and nobody can change it."""

from typing import cast

import pytest

from llm_gateway.dialects.chat import CHAT
from llm_gateway.dialects.contract import Dialect
from llm_gateway.dialects.registry import DIALECTS


def test_dialects_are_found_by_their_names() -> None:
    assert DIALECTS["chat"] is CHAT
    assert all(dialect.name == name for name, dialect in DIALECTS.items())


def test_the_registry_cannot_be_changed() -> None:
    registry = cast("dict[str, Dialect]", DIALECTS)  # as somebody who does not ask the types would
    with pytest.raises(TypeError):
        registry["chat"] = CHAT
