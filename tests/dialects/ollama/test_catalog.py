"""What Ollama's clients ask beside answers, in the shapes that they read."""

import json

import pytest

from llm_gateway.dialects.contract import Asked, Call, Path
from llm_gateway.dialects.ollama.catalog import (
    VERSION,
    Offered,
    encode_loaded,
    encode_ps,
    encode_show,
    encode_tags,
    encode_version,
    is_load,
)
from llm_gateway.dialects.ollama.request import read_call

MODEL = Offered("openai/gpt-5.5", 400_000, 1_790_000_000, ("completion", "tools", "vision"))


def call(body: bytes, operation: str = "chat") -> Call:
    return read_call(body, Path(operation))


def test_models_are_listed() -> None:
    listed = json.loads(encode_tags([MODEL, Offered("b")]))["models"]
    assert (
        [model["model"] for model in listed] == [model["name"] for model in listed] == ["openai/gpt-5.5", "b"]
    )
    first = listed[0]
    assert first["modified_at"] == "2026-09-21T14:13:20Z"
    assert first["details"]["context_length"] == 400_000
    assert "context_length" not in listed[1]["details"]
    assert first["capabilities"] == ["completion", "tools", "vision"]
    digests = {model["digest"] for model in listed}
    assert len(digests) == 2 and all(len(digest) == 64 for digest in digests)
    assert json.loads(encode_tags([])) == {"models": []}


def test_a_model_is_shown_with_its_context() -> None:
    shown = json.loads(encode_show(MODEL))
    info = shown["model_info"]
    assert info[f"{info['general.architecture']}.context_length"] == 400_000
    assert info["general.basename"] == "openai/gpt-5.5"
    assert shown["capabilities"] == ["completion", "tools", "vision"]
    assert list(json.loads(encode_show(Offered("b")))["model_info"]) == [
        "general.architecture",
        "general.basename",
    ]


def test_the_version_is_new_enough_for_codex() -> None:
    assert json.loads(encode_version()) == {"version": VERSION}
    assert tuple(map(int, VERSION.split("."))) >= (0, 13, 4)


def test_nothing_runs_here() -> None:
    assert json.loads(encode_ps()) == {"models": []}


@pytest.mark.parametrize(
    ("operation", "body", "loads"),
    [
        ("chat", b'{"model":"m"}', True),
        ("chat", b'{"model":"m","messages":[]}', True),
        ("chat", b'{"model":"m","messages":[{"role":"user"}]}', False),
        ("generate", b'{"model":"m","keep_alive":-1}', True),
        ("generate", b'{"model":"m","prompt":""}', True),
        ("generate", b'{"model":"m","prompt":"x"}', False),
        ("embed", b'{"model":"m"}', False),
    ],
)
def test_loading_a_model_is_told_from_asking_it(operation: str, body: bytes, loads: bool) -> None:
    assert is_load(call(body, operation)) is loads


@pytest.mark.parametrize(
    ("keep", "reason"), [(b"0", "unload"), (b'"0s"', "unload"), (b'"5m"', "load"), (b"null", "load")]
)
def test_a_model_of_somebody_elses_is_always_loaded(keep: bytes, reason: str) -> None:
    asked = Asked("generate", "01K", "m", stream=True, wants_usage=True, now=1)
    assert json.loads(encode_loaded(call(b'{"model":"m","keep_alive":%b}' % keep, "generate"), asked)) == {
        "model": "m",
        "created_at": "1970-01-01T00:00:01Z",
        "response": "",
        "done": True,
        "done_reason": reason,
    }
