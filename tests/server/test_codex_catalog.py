"""The catalog for Codex: whole entries, one for each name, and nothing in the place of what Codex knows."""

import json

from llm_gateway.server.codex_catalog import codex_catalog
from llm_gateway.server.model_shapes import Listed

# The members without which codex-rs refuses an entry, and with it the whole catalog.
REQUIRED = {
    "slug": str,
    "display_name": str,
    "supported_reasoning_levels": list,
    "shell_type": str,
    "visibility": str,
    "supported_in_api": bool,
    "priority": int,
    "base_instructions": str,
    "support_verbosity": bool,
    "truncation_policy": dict,
    "supports_parallel_tool_calls": bool,
    "experimental_supported_tools": list,
}


def entries(*listed: Listed) -> dict[str, dict[str, object]]:
    catalog = json.loads(json.dumps(codex_catalog(listed)))
    assert catalog.keys() == {"models"}
    found = {entry["slug"]: entry for entry in catalog["models"]}
    assert len(found) == len(catalog["models"]), "a name is there once"
    return found


def test_an_entry_is_whole() -> None:
    found = entries(Listed("ollama/qwen3", "ollama", context_length=32768, label="Qwen 3"))
    (entry,) = found.values()
    assert all(isinstance(entry[name], kind) for name, kind in REQUIRED.items())
    assert (entry["display_name"], entry["context_window"]) == ("Qwen 3", 32768)
    assert entry["use_responses_lite"] is False
    assert entry["visibility"] == "list"
    assert len(str(entry["base_instructions"])) > 200, "a model is told what it is for"


def test_what_nobody_tells_is_not_made_up() -> None:
    (entry,) = entries(Listed("ollama/qwen3", "ollama")).values()
    assert entry["context_window"] is None
    assert entry["display_name"] == "ollama/qwen3"


def test_a_bare_name_has_an_entry_that_no_list_shows() -> None:
    found = entries(Listed("ollama/qwen3", "ollama", bare="qwen3", context_length=5))
    assert {slug: entry["visibility"] for slug, entry in found.items()} == {
        "ollama/qwen3": "list",
        "qwen3": "hide",
    }
    assert found["qwen3"]["context_window"] == 5


def test_models_that_codex_knows_itself_are_left_out() -> None:
    listed = [
        Listed("openai/gpt-5.5", "openai", bare="gpt-5.5"),
        Listed("openai/gpt-6-astra", "openai"),
        Listed("openai/codex-auto-review", "openai"),
        Listed("gpt-5.5-mini", "llm-gateway"),
        Listed("openai/gpt-4.1", "openai"),
        Listed("ollama/gpt-oss:20b", "ollama"),
        Listed("openrouter/openai/gpt-5.5", "openai", bare="openai/gpt-5.5"),
    ]
    assert list(entries(*listed)) == ["openai/gpt-4.1", "ollama/gpt-oss:20b", "openrouter/openai/gpt-5.5"]


def test_the_order_is_that_of_the_list_behind_codexs_own() -> None:
    found = entries(*(Listed(f"p/m{number}", "p") for number in range(3)))
    assert [entry["priority"] for entry in found.values()] == [1000, 1001, 1002]


def test_with_a_login_nothing_takes_the_place_of_what_codex_knows() -> None:
    catalog = json.loads(json.dumps(codex_catalog([Listed("ollama/qwen", "ollama")], login=True)))
    assert [(entry["slug"], entry["visibility"]) for entry in catalog["models"]] == [("ollama/qwen", "hide")]
