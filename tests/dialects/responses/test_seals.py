"""Seals: each goes back to the dialect that made it, with what that one needs."""

import pytest

from llm_gateway.canonical.parts import Seal
from llm_gateway.dialects.responses.seals import (
    call_seal_text,
    open_call_seal,
    open_seal,
    own_seal,
    seal_text,
    with_id,
)


@pytest.mark.parametrize(("item_id", "kept"), [("rs_1", "rs_1"), ("", ""), ("other", ""), ("rs_a.b", "")])
def test_openais_own_seal_keeps_the_id_of_its_item(item_id: str, kept: str) -> None:
    seal = with_id("gAAAA=", item_id)
    assert seal.dialect == "responses"
    assert own_seal(seal) == ("gAAAA=", kept)
    assert seal_text(seal, redacted=False) == "gAAAA="


@pytest.mark.parametrize("data", ["rs_without a dot", "gAAAA.with.dots"])
def test_a_seal_without_an_id_is_all_content(data: str) -> None:
    assert own_seal(Seal("responses", data)) == (data, "")


@pytest.mark.parametrize("redacted", [True, False])
def test_a_foreign_seal_comes_back_as_it_was(redacted: bool) -> None:
    seal = Seal("messages", "a.b/c==")
    assert open_seal(seal_text(seal, redacted=redacted), "rs_1") == (seal, redacted)


def test_a_seal_that_a_client_sends_is_openais_where_nothing_else_is_said() -> None:
    assert open_seal("gAAAA=", "rs_1") == (Seal("responses", "rs_1.gAAAA="), False)
    assert open_seal("lgw1r.gAAAA=", "") == (Seal("responses", "lgw1r.gAAAA="), False)


def test_the_seal_of_a_call_is_told_from_that_of_thinking() -> None:
    seal = Seal("gemini", "sig")
    assert open_call_seal(call_seal_text(seal)) == seal
    assert open_call_seal(seal_text(seal, redacted=False)) is None
    assert open_call_seal("gAAAA=") is None
