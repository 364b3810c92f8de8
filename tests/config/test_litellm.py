"""Another gateway's configuration in our words: what can be said is said, and all else is named."""

import json
import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_gateway.config import check
from llm_gateway.config.litellm import Unreadable, translate

KNOWN = {
    "openai": "https://api.openai.com",
    "anthropic": "https://api.anthropic.com",
    "ollama": "x",
    "vllm": "x",
}

# In the shapes of docs.litellm.ai, "Config.yaml", "Fallbacks", "Load Balancing" and "Wildcard".
REALISTIC = """
model_list:
  - model_name: gpt-5.5 ### what clients ask for ###
    litellm_params:
      model: azure/gpt-5-5-eu
      api_base: https://my-endpoint-europe.openai.azure.com/
      api_key: "os.environ/AZURE_API_KEY_EU"
      api_version: "2026-02-01"
      rpm: 6
    model_info:
      mode: chat
  - model_name: gpt-5.5
    litellm_params: {model: openai/gpt-5.5, api_key: os.environ/OPENAI_API_KEY}
  - model_name: gpt-5.5
    litellm_params: {model: gpt-5.5, api_key: os.environ/OPENAI_API_KEY_TEAM_B}
  - model_name: claude
    litellm_params: {model: anthropic/claude-sonnet-5, api_key: sk-ant-api03-secret}
  - model_name: at-home
    litellm_params: {model: ollama_chat/qwen2.5:14b, api_base: "http://localhost:11434"}
  - model_name: on-the-shelf
    litellm_params: {model: hosted_vllm/facebook/opt-125m, api_base: "http://gpu.lan:8000/v1", api_key: none}
  - model_name: rented
    litellm_params:
      model: openai/deepseek-r1
      api_base: https://api.rented.example/v1
      api_key: os.environ/RENTED_KEY
  - model_name: mantle
    litellm_params: {model: bedrock/anthropic.claude-v5, aws_region_name: eu-central-1}
  - model_name: elsewhere
    litellm_params: {model: openai/m, api_base: os.environ/ELSEWHERE}
  - model_name: "anthropic/*"
    litellm_params: {model: "anthropic/*", api_key: os.environ/ANTHROPIC_API_KEY}
  - model_name: openai/gpt-5.5-mini
    litellm_params: {model: openai/gpt-5.5-mini, api_key: os.environ/OPENAI_API_KEY}
router_settings:
  routing_strategy: usage-based-routing-v2
  model_group_alias: {"gpt-5": "gpt-5.5", "o1": {"model": "claude", "hidden": true}, "lost": "nobody"}
  fallbacks: [{"at-home": ["claude", "at-home"]}]
litellm_settings:
  drop_params: true
  success_callback: ["langfuse"]
  fallbacks: [{"claude": ["at-home"]}, {"nobody": ["claude"]}]
general_settings:
  master_key: sk-1234
  database_url: "postgresql://somebody:something@host/db"
environment_variables:
  REDIS_HOST: "16337.example"
callback_settings: {}
"""


def test_what_can_be_said_is_said(tmp_path: Path) -> None:
    file = tmp_path / "gateway.toml"
    file.write_text(translate(REALISTIC, KNOWN).toml)
    settings = check(file)
    told = [(each.name, each.base_url, each.api_key_env) for each in settings.providers]
    assert told == [
        ("azure", "https://my-endpoint-europe.openai.azure.com/", "AZURE_API_KEY_EU"),
        ("openai", "", "OPENAI_API_KEY"),
        ("openai-2", "https://api.openai.com", "OPENAI_API_KEY_TEAM_B"),
        ("anthropic", "", ""),
        ("ollama", "http://localhost:11434", ""),
        ("vllm", "http://gpu.lan:8000/v1", ""),
        ("api.rented.example", "https://api.rented.example/v1", "RENTED_KEY"),
        ("openai-3", "https://api.openai.com", ""),
        ("anthropic-2", "https://api.anthropic.com", "ANTHROPIC_API_KEY"),
    ]
    everywhere = ("azure/gpt-5-5-eu", "openai/gpt-5.5", "openai-2/gpt-5.5")
    claude, at_home = "anthropic/claude-sonnet-5", "ollama/qwen2.5:14b"
    assert settings.aliases == {
        "gpt-5.5": everywhere,
        "claude": (claude, at_home),
        "at-home": (at_home, claude),
        "on-the-shelf": ("vllm/facebook/opt-125m",),
        "rented": ("api.rented.example/deepseek-r1",),
        "elsewhere": ("openai-3/m",),
        "gpt-5": everywhere,
        "o1": (claude, at_home),
    }


def test_what_cannot_be_said_is_named(tmp_path: Path) -> None:
    notes = translate(REALISTIC, KNOWN).notes
    assert {
        "gpt-5.5: model_info",
        "gpt-5.5: api_version",
        "gpt-5.5: rpm",
        "gpt-5.5: its deployments are asked in their order; load is not balanced among them",
        "mantle: aws_region_name",
        "lost: an alias for nobody",
        "nobody: fallbacks to claude",
        "router_settings.routing_strategy",
        "litellm_settings.drop_params",
        "litellm_settings.success_callback",
        "general_settings.master_key",
        "general_settings.database_url",
        "environment_variables.REDIS_HOST",
        "callback_settings",
    } <= set(notes)
    for begin in (
        "gpt-5.5: what azure is",
        "claude: its API key stands in the file",
        "mantle: bedrock is not known here",
        "elsewhere: api_base is in ELSEWHERE",
        "anthropic/*: a pattern; every model of anthropic-2 is there as anthropic-2/NAME",
        "openai/gpt-5.5-mini: an alias has no slash; ask for openai/gpt-5.5-mini",
    ):
        assert any(note.startswith(begin) for note in notes), begin
    assert len(notes) == len(set(notes))


def test_no_secret_is_taken_over_or_repeated() -> None:
    translated = translate(REALISTIC, KNOWN)
    for secret in ("sk-ant-api03-secret", "sk-1234", "somebody:something"):
        assert secret not in translated.toml + "".join(translated.notes)


@pytest.mark.parametrize("text", ["", "{}", "model_list: []", "model_list:\nrouter_settings:\n", "# nothing"])
def test_nothing_is_an_empty_file(text: str) -> None:
    assert translate(text, KNOWN).toml == "\n"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("model_list: {", "this is not YAML"),
        ("!!python/object:os.system {}", "this is not YAML"),
        ("[1, 2]", "not a LiteLLM configuration"),
        ("model_list: 7", "not a LiteLLM configuration"),
        ("model_list: [{model_name: x}]", "litellm_params"),
        ("model_list: [{model_name: x, litellm_params: {}}]", "model_list, x: "),
        ("model_list: [{model_name: x, litellm_params: {model: 7}}]", "model_list, x: "),
        ("router_settings: {fallbacks: 7}", "not a LiteLLM configuration"),
        ("#" * (1024 * 1024 + 1), "over"),
    ],
)
def test_a_file_that_is_something_else_is_refused(text: str, why: str) -> None:
    with pytest.raises(Unreadable, match=why):
        translate(text, KNOWN)


def test_a_provider_never_takes_a_name_of_ours(tmp_path: Path) -> None:
    text = "model_list: [{model_name: x, litellm_params: {model: demo/m, api_base: 'http://x'}}]"
    assert tomllib.loads(translate(text, KNOWN).toml)["providers"][0]["name"] == "demo-provider"


NAMES = st.text(st.characters(codec="utf-8"), min_size=1, max_size=12)


@given(name=NAMES, vendor=NAMES, model=NAMES, base=st.sampled_from(["", "http://a.example/v1", "http://b"]))
def test_whatever_names_there_are_the_result_is_good(name: str, vendor: str, model: str, base: str) -> None:
    entry = {"model_name": name, "litellm_params": {"model": f"{vendor}/{model}", "api_base": base}}
    translated = translate(json.dumps({"model_list": [entry, entry]}), KNOWN)
    told = tomllib.loads(translated.toml)
    targets = [target for alias in told.get("aliases", {}).values() for target in alias]
    providers = [provider["name"] for provider in told.get("providers", ())]
    assert len(set(providers)) == len(providers)
    assert all(target.partition("/")[0] in providers for target in targets)
    assert targets or translated.notes, "taken over, or named"
