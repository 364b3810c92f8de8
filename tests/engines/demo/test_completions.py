"""Text completions of the demo."""

import json

import pytest
from openai.types import Completion

from llm_gateway.dialects.chat import CHAT
from llm_gateway.dialects.contract import Path
from llm_gateway.engines.demo.completions import reply
from llm_gateway.engines.demo.reading import Unreadable

CALL = CHAT.read_call(b'{"model":"m","stream":true}', Path("chat/completions"))


def ask(prompt: object, **fields: object) -> bytes:
    return json.dumps({"prompt": prompt, **fields}).encode()


@pytest.mark.parametrize("prompt", ["Guten Tag", ["Guten Tag"]])
def test_repeats_the_prompt(prompt: object) -> None:
    answer = Completion.model_validate_json(reply(ask(prompt), "demo/echo", 7).body, strict=True)
    assert answer.choices[0].text == "This is the demo of LLM Gateway, not a model. You wrote: Guten Tag"
    assert (answer.model, answer.choices[0].finish_reason) == ("demo/echo", "stop")
    assert answer.usage is not None and answer.usage.prompt_tokens == 3


def test_a_stream_says_the_same() -> None:
    events = reply(ask("a b", stream=True, stream_options={"include_usage": True}), "demo/echo", 7).events
    parts = [json.loads(event[6:]) for event in events[:-1]]
    text = "".join(part["choices"][0]["text"] for part in parts if part["choices"])
    assert text.endswith("You wrote: a b")
    meter = CHAT.meter(CALL, strip_usage=False)
    meter.feed(b"".join(events))
    assert (meter.seen.complete, meter.seen.finish_reason) == (True, "stop")
    assert meter.seen.usage is not None and meter.seen.usage.input == 1


def test_a_stream_keeps_its_usage_to_itself_unless_asked() -> None:
    assert b"usage" not in b"".join(reply(ask("a", stream=True), "demo/echo", 7).events)


def test_keeps_to_the_limit() -> None:
    answer = json.loads(reply(ask("a", max_tokens=1), "demo/echo", 7).body)
    assert answer["choices"][0] == {"index": 0, "text": "This", "logprobs": None, "finish_reason": "length"}


@pytest.mark.parametrize("prompt", [["a", "b"], [1, 2], [], [[1]], 7, None])
def test_refuses_batches_and_tokens(prompt: object) -> None:
    with pytest.raises(Unreadable) as caught:
        reply(ask(prompt), "demo/echo", 7)
    assert caught.value.param == "prompt"
