"""What is to be connected, and how, without anything of a machine."""

import pytest

from llm_gateway.clients.catalog import Client, Way, catalog
from llm_gateway.clients.connect.wishing import connectable, models_to_name, row_for, wish_for, words_for
from llm_gateway.clients.connections import CannotConnect

HERE = "http://127.0.0.1:8787"


def test_a_part_has_the_row_that_holds_its_settings() -> None:
    assert row_for("claude-code") == (catalog()["claude-code"], "")
    row, said = row_for("codex-ide")
    assert row.id == "codex-cli" and said == "Codex in an editor has its settings from Codex CLI"


@pytest.mark.parametrize(
    ("client", "near"), [("claude", "did you mean claude-code?"), ("aidr", "aider?"), ("???", "is known")]
)
def test_what_is_near_is_said(client: str, near: str) -> None:
    with pytest.raises(CannotConnect) as refused:
        row_for(client)
    assert refused.value.kind == "unknown" and near in refused.value.message and refused.value.hint


def test_one_that_cannot_says_why_and_what_is_left() -> None:
    assert connectable(catalog()["zed"]) is catalog()["zed"]
    with pytest.raises(CannotConnect) as refused:
        connectable(catalog()["cursor"])
    row = catalog()["cursor"]
    assert refused.value.kind == "refused" and row.cannot in refused.value.message
    assert refused.value.hint == row.instead


def test_a_way_that_it_has_not_is_refused() -> None:
    only = Client("x", "X", "nobody", ways={"login": Way()})
    assert wish_for(only, None, telemetry=True).telemetry and wish_for(only, None).name == "login"
    assert wish_for(catalog()["claude-code"], None).name == "key"
    with pytest.raises(CannotConnect, match="X takes no key") as refused:
        wish_for(only, "key")
    assert refused.value.hint == "`llm-gateway connect x --way login`"
    with pytest.raises(CannotConnect, match="no way is known to connect X"):
        wish_for(Client("x", "X", "nobody", source="https://example.com"), None)


def test_words_have_the_models_that_are_served() -> None:
    wish = wish_for(catalog()["opencode"], None)
    words = words_for(wish, "k", HERE, ["demo/echo", "a/b", "c/d"], None)
    assert (words.base, words.key, words.client) == (HERE, "k", "opencode")
    assert words.models == ("a/b", "c/d") and words.model == "a/b"
    assert words_for(wish, "k", HERE, ["a/b"], "mine").models == ("mine", "a/b")
    assert models_to_name(["demo/echo"]) == ("demo/echo",)
    with pytest.raises(CannotConnect, match="which models there are") as refused:
        words_for(wish, "k", HERE, None, None)
    assert refused.value.kind == "offline"
    assert words_for(wish_for(catalog()["claude-code"], None), "k", HERE, None, None).models == ()


def test_an_address_that_it_does_not_take_is_refused() -> None:
    wish = wish_for(catalog()["claude-desktop"], None)
    assert words_for(wish, "k", "https://gateway.example", None, None).base == "https://gateway.example"
    with pytest.raises(CannotConnect, match="by number") as refused:
        words_for(wish, "k", "http://localhost:8787", None, None)
    assert refused.value.kind == "failed"
