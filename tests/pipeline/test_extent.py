"""What a request may make a model write, read off its body in every dialect."""

import pytest

from llm_gateway.dialects.contract import Path
from llm_gateway.dialects.registry import DIALECTS
from llm_gateway.pipeline.extent import Extent, extent


@pytest.mark.parametrize(
    ("dialect", "operation", "body", "found"),
    [
        ("chat", "chat/completions", '"max_tokens":5', Extent(5)),
        ("chat", "chat/completions", '"max_tokens":5,"max_completion_tokens":7,"n":3', Extent(7, 3)),
        ("chat", "chat/completions", '"max_tokens":null', Extent()),
        ("chat", "chat/completions", '"max_tokens":"many","n":0', Extent()),
        ("chat", "chat/completions", '"max_tokens":-1,"n":true', Extent()),
        ("chat", "chat/completions", '"max_tokens":1e400', Extent()),
        ("responses", "responses", '"max_output_tokens":9', Extent(9)),
        ("messages", "messages", '"max_tokens":11', Extent(11)),
        ("ollama", "chat", '"options":{"num_predict":13}', Extent(13)),
        ("ollama", "chat", '"options":{"num_predict":-1}', Extent()),
        ("ollama", "chat", '"options":[]', Extent()),
        ("chat", "chat/completions", '"n":2,"service_tier":"priority"', Extent(None, 2, "priority")),
        ("responses", "responses", '"service_tier":null', Extent()),
        ("messages", "messages", '"service_tier":7', Extent()),
    ],
)
def test_what_a_request_bounds(dialect: str, operation: str, body: str, found: Extent) -> None:
    whole = b'{"model":"m",%b}' % body.encode()
    assert extent(DIALECTS[dialect].read_call(whole, Path(operation))) == found


@pytest.mark.parametrize(
    ("body", "found"),
    [
        ('"generationConfig":{"maxOutputTokens":17,"candidateCount":2}', Extent(17, 2)),
        ('"generation_config":{"max_output_tokens":19}', Extent(19)),
        ('"generationConfig":7', Extent()),
    ],
)
def test_what_a_request_of_gemini_bounds(body: str, found: Extent) -> None:
    path = Path("generateContent", "m")
    assert extent(DIALECTS["gemini"].read_call(b"{%b}" % body.encode(), path)) == found
