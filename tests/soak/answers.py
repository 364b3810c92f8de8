"""What an upstream of each dialect answers to an order, and how it goes wrong: a script for each try.

A fault is drawn for a try, not for an order: whoever is asked next may be well. How it looks to the client is
not said here but in `judging`.
"""

from collections.abc import Callable, Sequence
from random import Random
from typing import Literal

from scripted import Close, Drip, Hang, Pause, Reset, Script, Send, chat, gemini, messages, ollama, responses
from scripted.script import Step
from scripted.wording import LAST_CHUNK, chunk, head, response
from soak.orders import Order
from upstream_answers import UPSTREAMS

__all__ = ["EARLY", "IN_STREAMS", "IN_WHOLE", "SHARE", "STATUSES", "Fault", "answer", "fault_of"]

Fault = Literal[
    "",
    "reset",
    "429",
    "429 later",
    "500",
    "503",
    "529",
    "hang",
    "drip",
    "inside",
    "truncated JSON",
    "wrong length",
    "malformed event",
    "hang inside",
    "no end",
]
"""How an answer goes wrong, "" for not at all. `later`: it says when to come again; `inside`: the connection
is reset in the middle; `no end`: a stream's framing ends before its last event."""
EARLY: Sequence[Fault] = ("reset", "429", "429 later", "500", "503", "529", "hang")
IN_WHOLE: Sequence[Fault] = ("drip", "inside", "truncated JSON", "wrong length")
IN_STREAMS: Sequence[Fault] = ("drip", "inside", "malformed event", "hang inside", "no end")
STATUSES: dict[Fault, int] = {"429": 429, "429 later": 429, "500": 500, "503": 503, "529": 529}
"""What an upstream answers that says itself that something is wrong."""
SHARE = 0.05
"""How many of all answers go wrong."""
RETRY_AFTER_S = 1

_PACE_S = 0.015
_DRIP_PIECES, _DRIP_S = 20, 0.05
_LACKING = 40


def fault_of(seed: str, number: int, tried: int, *, stream: bool) -> Fault:
    """Return what goes wrong with the try of this number at this order."""
    random = Random(f"{seed}/fault/{number}/{tried}")
    if random.random() >= SHARE:
        return ""
    # Hangs keep their connection for as long as the gateway has patience: a few of them are enough.
    return random.choice((*EARLY, *(IN_STREAMS if stream else IN_WHOLE)))


def answer(kind: str, order: Order, fault: Fault) -> Script:
    """Return what an upstream of this dialect does."""
    if fault == "reset":
        return (Reset(),)
    if fault == "hang":
        return (Hang(),)
    if fault in STATUSES:
        fields = (("retry-after", str(RETRY_AFTER_S)),) if fault == "429 later" else ()
        body = UPSTREAMS[kind].error(f"scripted {fault}")
        return (Send(_failing(STATUSES[fault], body, fields)),)
    if order.stream:
        return _spoilt_stream(kind, _stream(kind, order), fault)
    return _spoilt_whole(whole(kind, order), fault)


def whole(kind: str, order: Order) -> bytes:
    """Return the body of the right answer that is no stream."""
    return _WHOLE[kind](order)


def _failing(status: int, body: bytes, fields: Sequence[tuple[str, str]]) -> bytes:
    if status != 529:
        return response(status, body, fields)
    lines = b"HTTP/1.1 529 \r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n"
    return lines % len(body) + body


def _spoilt_whole(body: bytes, fault: Fault) -> Script:
    right = response(200, body)
    match fault:
        case "drip":
            return (Drip(right, -(-len(right) // _DRIP_PIECES), _DRIP_S),)
        case "inside":
            return (Send(right[: len(right) // 2]), Reset())
        case "truncated JSON":
            return (Send(response(200, body[:-_LACKING])),)
        case "wrong length":
            fields = (("content-type", "application/json"), ("content-length", str(len(body) + _LACKING)))
            return (Send(head(200, fields) + body), Close())
    return (Send(right),)


def _spoilt_stream(kind: str, steps: Script, fault: Fault) -> Script:
    half = 1 + len(steps) // 2
    begun = _paced(steps[:half])
    match fault:
        case "drip":
            data = b"".join(step.data for step in steps if isinstance(step, Send))
            return (Drip(data, -(-len(data) // _DRIP_PIECES), _DRIP_S),)
        case "inside":
            return (*begun, Reset())
        case "hang inside":
            return (*begun, Hang())
        case "no end":
            return (*begun, Send(LAST_CHUNK))
        case "malformed event":
            broken = b'{"broken": \n' if kind == "ollama" else b'data: {"broken": \n\n'
            return (*begun, Send(chunk(broken)), *_paced(steps[half:]))
    return _paced(steps)


def _paced(steps: Script) -> Script:
    """Return the steps with a pause after each: a stream that comes at once is no stream."""
    paced: list[Step] = []
    for step in steps:
        paced += [step, Pause(_PACE_S)]
    return tuple(paced)


# the right answers


def _chat_usage(order: Order) -> dict[str, object]:
    tokens_in, tokens_out = order.tokens
    return {
        "prompt_tokens": tokens_in,
        "completion_tokens": tokens_out,
        "total_tokens": tokens_in + tokens_out,
    }


def _token_usage(order: Order) -> dict[str, object]:
    tokens_in, tokens_out = order.tokens
    return {"input_tokens": tokens_in, "output_tokens": tokens_out}


def _responses_usage(order: Order) -> dict[str, object]:
    return {**_token_usage(order), "total_tokens": sum(order.tokens)}


def _gemini_usage(order: Order) -> dict[str, object]:
    tokens_in, tokens_out = order.tokens
    return {
        "promptTokenCount": tokens_in,
        "candidatesTokenCount": tokens_out,
        "totalTokenCount": tokens_in + tokens_out,
    }


def _ollama_ending(order: Order) -> dict[str, object]:
    tokens_in, tokens_out = order.tokens
    return {**ollama.COUNTS, "prompt_eval_count": tokens_in, "eval_count": tokens_out}


def _gemini_whole(order: Order) -> bytes:
    (sent,) = gemini.plain("m", [gemini.text(order.text)], usage=_gemini_usage(order))
    assert isinstance(sent, Send)
    return sent.data.partition(b"\r\n\r\n")[2]


def _responses_whole(order: Order) -> bytes:
    (sent,) = responses.plain("m", [responses.message(order.text)], usage=_responses_usage(order))
    assert isinstance(sent, Send)
    return sent.data.partition(b"\r\n\r\n")[2]


def _ollama_lines(order: Order) -> list[bytes]:
    last = ollama.answer("m", "", ending=_ollama_ending(order)) + b"\n"
    return [*ollama.lines("m", order.texts, done=False), last]


_WHOLE: dict[str, Callable[[Order], bytes]] = {
    "chat": lambda order: chat.completion("m", order.text, usage=_chat_usage(order)),
    "responses": _responses_whole,
    "messages": lambda order: messages.message("m", [messages.text(order.text)], usage=_token_usage(order)),
    "gemini": _gemini_whole,
    "ollama": lambda order: ollama.answer("m", order.text, ending=_ollama_ending(order)),
}


def _stream(kind: str, order: Order) -> Script:
    match kind:
        case "chat":
            return chat.stream(chat.events("m", order.texts, usage=_chat_usage(order)))
        case "responses":
            said = [responses.message(order.text)]
            return responses.stream(responses.events("m", said, usage=_responses_usage(order)))
        case "messages":
            said = [messages.text(order.text)]
            return messages.stream(messages.events("m", said, usage=_token_usage(order)))
        case "gemini":
            said = [gemini.text(order.text)]
            return gemini.stream(gemini.events("m", said, usage=_gemini_usage(order)))
        case _:
            return ollama.stream(_ollama_lines(order))
