"""Names: an alias before all, then `provider/model`, then a bare name that one provider serves."""

import time

import pytest

from llm_gateway.errors import UnknownModel
from llm_gateway.providers.names import Directory, Target, candidates, read_target, resolve

DIRECTORY = Directory(
    providers={
        "ollama": ("qwen2.5:14b", "llama3.2:latest", "shared"),
        "openai": frozenset({"gpt-5.5", "gpt-5.5-mini", "shared"}),
        "openrouter": ("anthropic/claude-sonnet-5", "openai/gpt-5.5"),
    },
    aliases={
        "fast": (Target("ollama", "qwen2.5:14b"), Target("openai", "gpt-5.5-mini")),
        "gpt-5.5": (Target("ollama", "llama3.2:latest"),),
        "openai/cheap": (Target("openai", "gpt-5.5-mini"),),
        "half": (Target("groq", "llama"), Target("openai", "gpt-5.5")),
        "gone": (Target("groq", "llama"), Target("xai", "grok-5")),
    },
)


def names(name: str, directory: Directory = DIRECTORY) -> list[str]:
    return [str(target) for target in resolve(name, directory)]


def complaint(name: str, directory: Directory = DIRECTORY) -> str:
    with pytest.raises(UnknownModel) as caught:
        resolve(name, directory)
    assert (caught.value.status, caught.value.param) == (404, "model")
    return caught.value.message


def test_an_alias_gives_its_targets_in_order() -> None:
    assert names("fast") == ["ollama/qwen2.5:14b", "openai/gpt-5.5-mini"]


def test_an_alias_wins_over_a_model_and_over_a_provider() -> None:
    assert names("gpt-5.5") == ["ollama/llama3.2:latest"]
    assert names("openai/cheap") == ["openai/gpt-5.5-mini"]


def test_targets_of_providers_that_are_not_configured_are_skipped() -> None:
    assert names("half") == ["openai/gpt-5.5"]


def test_an_alias_without_any_provider_says_so() -> None:
    message = complaint("gone")
    assert "'gone'" in message and "`groq/llama`, `xai/grok-5`" in message
    assert "configured: ollama, openai, openrouter" in message


@pytest.mark.parametrize(
    ("name", "target"),
    [
        ("openai/gpt-5.5", Target("openai", "gpt-5.5")),
        ("openai/not-listed-yet", Target("openai", "not-listed-yet")),
        ("openrouter/openai/gpt-5.5", Target("openrouter", "openai/gpt-5.5")),
        ("ollama/hf.co/a/b:Q4", Target("ollama", "hf.co/a/b:Q4")),
        ("qwen2.5:14b", Target("ollama", "qwen2.5:14b")),
        ("gpt-5.5-mini", Target("openai", "gpt-5.5-mini")),
        ("anthropic/claude-sonnet-5", Target("openrouter", "anthropic/claude-sonnet-5")),
        ("llama3.2", Target("ollama", "llama3.2:latest")),
    ],
)
def test_one_name_one_target(name: str, target: Target) -> None:
    assert resolve(name, DIRECTORY) == (target,)


def test_a_bare_name_of_two_providers_lists_both() -> None:
    assert "`ollama/shared`, `openai/shared`" in complaint("shared")


@pytest.mark.parametrize(
    ("name", "near"),
    [
        ("gpt-5.5-mni", "openai/gpt-5.5-mini"),
        ("GPT-5.5-Mini", "openai/gpt-5.5-mini"),
        ("olama/qwen2.5:14b", "ollama/qwen2.5:14b"),
        ("fats", "fast"),
    ],
)
def test_a_misspelt_name_gets_what_is_near(name: str, near: str) -> None:
    message = complaint(name)
    assert near in message.partition("near it: ")[2]
    assert "GET /v1/models" in message


def test_a_name_near_nothing_points_at_the_list() -> None:
    assert (
        complaint("zzzzzz")
        == "nothing configured serves the model 'zzzzzz'; `GET /v1/models` lists what is there"
    )
    assert "there is no provider 'zzz' (configured: none)" in complaint("zzz/a", Directory({}))


@pytest.mark.parametrize("name", ["openai/", "/gpt-5.5-mini", "/", ""])
def test_half_a_name_is_no_name(name: str) -> None:
    complaint(name)


def test_candidates_are_those_who_serve_a_name_else_what_is_near() -> None:
    two = Directory({"a": ("m", "model-1"), "b": ("m",)})
    assert candidates("m", two) == ("a/m", "b/m")
    assert candidates("model-2", two) == ("a/model-1",)
    assert candidates("zzzzzz", two) == ()


def test_the_list_of_near_names_is_short_and_without_twins() -> None:
    many = Directory({"a": [f"model-{n}" for n in range(100)], "b": ["model-1"]})
    near = complaint("model-x", many).partition("near it: ")[2].partition(". `GET")[0].split(", ")
    assert len(near) == len(set(near)) <= 5


@pytest.mark.parametrize("name", ["vendor7/model-0123-instrct", "vendor/model-" * 39, "x" * 100])
def test_a_wrong_name_costs_little(name: str) -> None:
    """It happens on the event loop, and clients repeat their mistakes."""
    many = Directory({"a": [f"vendor{n % 20}/model-{n:04}-instruct" for n in range(1000)]})
    before = time.thread_time()
    complaint(name, many)
    assert time.thread_time() - before < 0.05


@pytest.mark.parametrize("text", ["", "model", "/model", "provider/"])
def test_a_target_needs_both_halves(text: str) -> None:
    with pytest.raises(ValueError, match="provider/model"):
        read_target(text)


def test_a_target_is_split_at_the_first_slash() -> None:
    assert read_target("openrouter/openai/gpt-5.5") == Target("openrouter", "openai/gpt-5.5")
    assert str(read_target("a/b/c")) == "a/b/c"
