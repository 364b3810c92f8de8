"""The catalogue of models: what is edited, what is kept, and what is known of a model."""

import json

import msgspec
import pytest

from bridges.codex.fake_codex import CATALOGUE
from llm_gateway.bridges.codex.catalogue import ENDLESS, Known, UnreadableCatalogue, edited

RAW = json.dumps(CATALOGUE).encode()


def test_a_model_is_plain_and_nothing_is_cut() -> None:
    catalogue = edited(RAW)
    first, second = msgspec.json.decode(catalogue.body)["models"]
    for model in (first, second):
        assert (model["tool_mode"], model["multi_agent_version"]) == ("direct", "disabled")
        assert model["experimental_supported_tools"] == []
        assert model["apply_patch_tool_type"] is None
        assert model["truncation_policy"]["limit"] == model["context_window"] == ENDLESS
    assert first["default_reasoning_level"] == "medium", "the rest is as it was"
    assert second["slug"] == "gpt-5"


def test_what_a_model_is_is_known_from_before_the_edits() -> None:
    assert edited(RAW).models == {
        "gpt-6": Known(272_000, "medium", ("low", "medium", "high")),
        "gpt-5": Known(),
    }


@pytest.mark.parametrize(
    "raw", [b"", b"[]", b"\xff", b'{"models": []}', b'{"models": [{}]}', b'{"models": [{"slug": 1}]}']
)
def test_anything_else_is_none(raw: bytes) -> None:
    with pytest.raises(UnreadableCatalogue):
        edited(raw)
