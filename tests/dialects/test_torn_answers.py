r"""Half a character in what a model wrote, as `\ud83d`, or an odd form, costs nothing of what was counted.

Models end within an emoji where their output is bounded, and servers cut them in two between two events.
"""

import pytest

from llm_gateway.canonical.usage import Usage
from llm_gateway.dialects.chat import CHAT
from llm_gateway.dialects.chat.stream import ChatMeter
from llm_gateway.dialects.contract import Dialect, StreamMeter
from llm_gateway.dialects.gemini import GEMINI
from llm_gateway.dialects.gemini.stream import GeminiMeter
from llm_gateway.dialects.messages import MESSAGES
from llm_gateway.dialects.messages.stream import MessagesMeter
from llm_gateway.dialects.ollama import OLLAMA
from llm_gateway.dialects.ollama.stream import OllamaMeter
from llm_gateway.dialects.responses import RESPONSES
from llm_gateway.dialects.responses.stream import ResponsesMeter
from llm_gateway.pipeline.forwarded_answer import read_answer

HALF = rb'"a \ud83d"'
SIZE = len("a \ufffd".encode())
USED = Usage(10, output=7)

CHOICE = b'{"choices":[{"%b":{"content":%b},"finish_reason":"length"}],"usage":%b}'
CHAT_USAGE = b'{"prompt_tokens":10,"completion_tokens":7}'
RESPONSE = (
    b'{"object":"response","status":"completed","output":[{"type":"message","content":[{"type":"output_text",'
    b'"text":%b}]}],"usage":{"input_tokens":10,"output_tokens":7}}'
)
GEMINI_ANSWER = (
    b'{"candidates":[{"content":{"parts":[{"text":%b}]},"finishReason":"MAX_TOKENS"}],'
    b'"usageMetadata":{"promptTokenCount":10,"candidatesTokenCount":7}}'
)
OLLAMA_ANSWER = (
    b'{"message":{"content":%b},"done":true,"done_reason":"length","prompt_eval_count":10,"eval_count":7}'
)
MESSAGE = (
    b'{"content":[{"type":"text","text":%b}],"stop_reason":"max_tokens",'
    b'"usage":{"input_tokens":10,"output_tokens":7}}'
)


@pytest.mark.parametrize(
    ("dialect", "operation", "body"),
    [
        (CHAT, "chat/completions", CHOICE % (b"message", HALF, CHAT_USAGE)),
        (MESSAGES, "messages", MESSAGE % HALF),
        (RESPONSES, "responses", RESPONSE % HALF),
        (GEMINI, "generateContent", GEMINI_ANSWER % HALF),
        (OLLAMA, "chat", OLLAMA_ANSWER % HALF),
    ],
    ids=["chat", "messages", "responses", "gemini", "ollama"],
)
def test_a_whole_answer_keeps_its_counts(dialect: Dialect, operation: str, body: bytes) -> None:
    seen = dialect.read_answer(body, operation)
    assert (seen.usage, seen.content_bytes, seen.complete) == (USED, SIZE, True)
    assert seen.finish_reason != ""


@pytest.mark.parametrize(
    ("meter", "stream"),
    [
        (ChatMeter(strip_usage=False), b"data: %b\n\n" % (CHOICE % (b"delta", HALF, CHAT_USAGE))),
        (
            MessagesMeter(),
            b'event: message_start\ndata: {"type":"message_start","message":'
            b'{"usage":{"input_tokens":10}}}\n\n'
            b'event: content_block_delta\ndata: {"type":"content_block_delta","index":0,"delta":'
            b'{"type":"text_delta","text":%b}}\n\n'
            b'event: message_delta\ndata: {"type":"message_delta","delta":{"stop_reason":"end_turn"},'
            b'"usage":{"output_tokens":7}}\n\n' % HALF,
        ),
        (
            ResponsesMeter(),
            b'event: response.completed\ndata: {"type":"response.completed","response":%b}\n\n'
            % (RESPONSE % HALF),
        ),
        (GeminiMeter(events=True), b"data: %b\n\n" % (GEMINI_ANSWER % HALF)),
        (OllamaMeter(), OLLAMA_ANSWER % HALF + b"\n"),
    ],
    ids=["chat", "messages", "responses", "gemini", "ollama"],
)
def test_a_stream_keeps_its_counts(meter: StreamMeter, stream: bytes) -> None:
    assert meter.feed(stream) == stream
    meter.close()
    assert (meter.seen.usage, meter.seen.content_bytes) == (USED, SIZE)
    assert meter.seen.finish_reason != ""


@pytest.mark.parametrize("choices", [b'{"0":1}', b"[null]", b'"x"', b'[{"message":"x"}]'])
def test_choices_of_another_form_do_not_cost_the_usage_beside_them(choices: bytes) -> None:
    body = b'{"id":"x","choices":%b,"usage":%b}' % (choices, CHAT_USAGE)
    assert CHAT.read_answer(body, "chat/completions").usage == USED


@pytest.mark.parametrize("content", [b'"x"', b"[null]", b'["x"]', b'{"text":"x"}'])
def test_content_of_another_form_does_not_cost_the_usage_beside_it(content: bytes) -> None:
    body = b'{"id":"x","content":%b,"usage":{"input_tokens":10,"output_tokens":7}}' % content
    assert MESSAGES.read_answer(body, "messages").usage == USED


def test_what_is_passed_on_unread_keeps_its_counts() -> None:
    assert read_answer(b'{"id":%b,"usage":{"input_tokens":10,"output_tokens":7}}' % HALF).usage == USED
