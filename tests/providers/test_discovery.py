"""Model lists of the vendors, in one shape; what is odd in them is left out, what is no list is refused."""

import json

import pytest

from llm_gateway.providers.catalog import Shape
from llm_gateway.providers.discovery import ModelEntry, UnreadableModelList, model_names, read_models

OPENAI = {
    "object": "list",
    "data": [{"id": "gpt-5.5", "object": "model", "created": 1795424345, "owned_by": "openai"}],
}
VLLM = {"data": [{"id": "Qwen/Qwen3-8B", "max_model_len": 32768, "owned_by": "vllm"}]}
TOGETHER = [{"id": "meta/llama", "context_length": 131072, "organization": "Meta", "display_name": "Llama"}]
ANTHROPIC = {
    "data": [
        {
            "type": "model",
            "id": "claude-sonnet-5",
            "display_name": "Claude Sonnet 5",
            "created_at": "2026-02-19T00:00:00Z",
            "max_input_tokens": 1000000,
        }
    ],
    "has_more": False,
}
GEMINI = {
    "models": [
        {"name": "models/gemini-3-pro", "displayName": "Gemini 3 Pro", "inputTokenLimit": 1048576},
        {"name": "models/text-embedding-4"},
    ]
}
OLLAMA = {
    "models": [{"name": "qwen2.5:14b", "model": "qwen2.5:14b", "size": 1, "details": {"family": "qwen2"}}]
}
CLOUDFLARE = {"result": [{"id": "a-uuid", "name": "@cf/meta/llama-3.1-8b-instruct"}], "success": True}


@pytest.mark.parametrize(
    ("document", "shape", "prefix", "entries"),
    [
        (OPENAI, "openai", "", [ModelEntry("gpt-5.5", "openai", 1795424345)]),
        (VLLM, "openai", "", [ModelEntry("Qwen/Qwen3-8B", "vllm", context_length=32768)]),
        (TOGETHER, "openai", "", [ModelEntry("meta/llama", "Meta", context_length=131072, label="Llama")]),
        (
            ANTHROPIC,
            "anthropic",
            "",
            [ModelEntry("claude-sonnet-5", "", 1771459200, 1000000, "Claude Sonnet 5")],
        ),
        (
            GEMINI,
            "gemini",
            "models/",
            [
                ModelEntry("gemini-3-pro", context_length=1048576, label="Gemini 3 Pro"),
                ModelEntry("text-embedding-4"),
            ],
        ),
        (OLLAMA, "ollama", "", [ModelEntry("qwen2.5:14b")]),
        (CLOUDFLARE, "cloudflare", "", [ModelEntry("@cf/meta/llama-3.1-8b-instruct")]),
        ({"models": None}, "ollama", "", []),
        ({"data": []}, "openai", "", []),
    ],
)
def test_lists_are_read(document: object, shape: Shape, prefix: str, entries: list[ModelEntry]) -> None:
    got = read_models(json.dumps(document).encode(), shape, prefix=prefix)
    assert list(got) == entries
    assert model_names(got) == tuple(entry.id for entry in entries)


def test_entries_without_a_usable_name_are_left_out_and_twins_count_once() -> None:
    items = [
        None,
        "text",
        {},
        {"id": 5},
        {"id": ""},
        {"id": "a\nb"},
        {"id": "x" * 513},
        {"id": "ok"},
        {"id": "ok"},
    ]
    assert model_names(read_models(json.dumps({"data": items}).encode(), "openai")) == ("ok",)


@pytest.mark.parametrize(
    ("members", "entry"),
    [
        ({"created": "yesterday"}, ModelEntry("m")),
        ({"created": True, "owned_by": ["x"]}, ModelEntry("m")),
        ({"created": -5, "context_length": -1}, ModelEntry("m")),
        ({"created": 10**18, "context_length": 10**18}, ModelEntry("m")),
        ({"created_at": "2026-02-19"}, ModelEntry("m", created=1771459200)),
        ({"context_length": True, "max_model_len": 8}, ModelEntry("m", context_length=8)),
        ({"owned_by": "a\x00b", "display_name": "x" * 600}, ModelEntry("m", label="x" * 512)),
    ],
)
def test_odd_members_do_not_cost_the_entry(members: dict[str, object], entry: ModelEntry) -> None:
    assert read_models(json.dumps([{"id": "m", **members}]).encode(), "openai") == (entry,)


@pytest.mark.parametrize(
    ("body", "shape"),
    [
        (b"", "openai"),
        (b"<html>", "openai"),
        (b'"text"', "openai"),
        (b'{"error":{"message":"no"}}', "openai"),
        (b'{"data":{}}', "openai"),
        (b"7", "ollama"),
        (b'{"data":[]}', "ollama"),
        (b"[" * 100_000, "openai"),
    ],
)
def test_what_is_no_list_is_refused(body: bytes, shape: Shape) -> None:
    with pytest.raises(UnreadableModelList):
        read_models(body, shape)
