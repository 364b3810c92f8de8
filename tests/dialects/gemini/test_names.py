"""Names of tools: legal ones as they are, others so that they can be read back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_gateway.canonical.loss import Losses
from llm_gateway.dialects.gemini.names import made_up_id, read_name, write_name


def is_legal(name: str) -> bool:
    first = name[0].isalpha() or name[0] == "_"
    return name.isascii() and len(name) <= 128 and first and all(c.isalnum() or c in "_.:-" for c in name)


@pytest.mark.parametrize("name", ["a", "_a", "mcp__x.y:z-1", "a" * 128])
def test_legal_names_stay(name: str) -> None:
    assert write_name(name, Losses()) == name == read_name(name)


@given(
    st.text(min_size=1, max_size=18) | st.sampled_from(["a-lgw1", "_-lgw1", "_-2f--lgw1", "1a", "-a", "a/b"])
)
def test_other_names_can_be_read_back(name: str) -> None:
    losses = Losses()
    written = write_name(name, losses)
    assert is_legal(written)
    assert read_name(written) == name and not losses.found()


@given(st.text(min_size=129, max_size=300))
def test_what_is_too_long_is_lost(name: str) -> None:
    losses = Losses()
    assert is_legal(write_name(name, losses))
    assert [loss.what for loss in losses.found()] == ["tools.name"]


@pytest.mark.parametrize("name", ["-lgw1", "_-zz--lgw1", "_-110000--lgw1", "a-lgw1"])
def test_what_is_nothing_of_ours_stays(name: str) -> None:
    assert read_name(name) == name


def test_ids_are_made_of_what_every_dialect_takes() -> None:
    assert made_up_id("a-b_ä" + "1" * 30, 2) == f"call_{'1' * 24}_2"
    assert made_up_id("", 0) == "call_0"
