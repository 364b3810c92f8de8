"""A request as a command: what a shell and JSON read of it is what was meant, whatever a model is called."""

import json
import shlex

import pytest

from llm_gateway.dashboard.curl import ADDRESS, KEY, curl

ODD = (
    "a b",
    "x'; rm -rf ~ #",
    '"$(id)`id`"',
    "\\\n\r\x00\x9b31m",
    "\u202e\u2028é",
    "{{ 7 }}",
    "-d@/etc/passwd",
)


def words(command: str) -> list[str]:
    """Return what a shell makes of a command whose variables hold themselves."""
    return shlex.split(command.replace("\\\n", " "))


@pytest.mark.parametrize(
    ("dialect", "operation", "path"),
    [
        ("chat", "chat/completions", "/v1/chat/completions"),
        ("chat", "completions", "/v1/completions"),
        ("chat", "embeddings", "/v1/embeddings"),
        ("responses", "responses", "/v1/responses"),
        ("messages", "messages", "/v1/messages"),
        ("messages", "messages/count_tokens", "/v1/messages/count_tokens"),
        ("ollama", "chat", "/api/chat"),
        ("ollama", "generate", "/api/generate"),
        ("ollama", "embed", "/api/embed"),
    ],
)
@pytest.mark.parametrize("model", ["fast", *ODD])
def test_a_shell_reads_what_was_meant(dialect: str, operation: str, path: str, model: str) -> None:
    command = curl(dialect, operation, model, stream=True)
    told = words(command)
    assert told[:3] == ["curl", "-sN", f"{ADDRESS}{path}"] and f"authorization: Bearer {KEY}" in told
    body = json.loads(told[told.index("-d") + 1])
    assert body["model"] == model and ("stream" in body) == ("embed" not in path and "count" not in path)
    assert command.isprintable() or all(each.isprintable() or each == "\n" for each in command)


@pytest.mark.parametrize("model", ["gemini/gemini-3", *ODD])
def test_a_model_in_the_path_stays_in_it(model: str) -> None:
    told = words(curl("gemini", "streamGenerateContent", model, address="http://127.0.0.1:8787"))
    assert told[2].startswith("http://127.0.0.1:8787/v1beta/models/")
    assert told[2].endswith(":streamGenerateContent") and " " not in told[2] and "?" not in told[2]
    assert f"x-goog-api-key: {KEY}" in told


def test_what_was_said_takes_the_place_of_the_example() -> None:
    told = words(curl("responses", "responses", "m", fields={"input": ["it's", "\ud800"]}))
    assert json.loads(told[told.index("-d") + 1]) == {"model": "m", "input": ["it's", "\ud800"]}


@pytest.mark.parametrize("operation", ["files", "batches", "countTokens", "x'y"])
def test_what_is_no_question_has_none(operation: str) -> None:
    assert curl("chat", operation, "m") == "" and curl("gemini", "x", "m") == ""
