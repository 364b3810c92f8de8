"""Text completions of the demo models: the prompt again."""

import msgspec

from llm_gateway.engines.demo.reading import Unreadable, Wishes, read
from llm_gateway.engines.demo.wording import DONE, LABEL, Spoken, cut, event, new_id, usage, words

__all__ = ["reply"]


class _Request(Wishes, kw_only=True):
    prompt: str | list[str | int | list[int]]


_decoder = msgspec.json.Decoder(_Request)


def reply(body: bytes, model: str, created: int) -> Spoken:
    """Answer a request; Unreadable says what is wrong with it."""
    request = read(_decoder, body)
    asked = _only(request.prompt)
    text, limited = cut(f"{LABEL} You wrote: {asked}", request.max_tokens)
    finish = "length" if limited else "stop"
    envelope = {"id": new_id("cmpl"), "object": "text_completion", "created": created, "model": model}
    counts = usage(asked, text)
    if not request.stream:
        whole = {**envelope, "choices": [_choice(text, finish)], "usage": counts}
        return Spoken(body=msgspec.json.encode(whole), words=len(words(text)))
    told: dict[str, object] = {"usage": None} if request.wants_usage else {}
    events = [event({**envelope, "choices": [_choice(word, None)], **told}) for word in words(text)]
    events.append(event({**envelope, "choices": [_choice("", finish)], **told}))
    if request.wants_usage:
        events.append(event({**envelope, "choices": [], "usage": counts}))
    return Spoken(events=(*events, DONE))


def _choice(text: str, finish: str | None) -> dict[str, object]:
    return {"index": 0, "text": text, "logprobs": None, "finish_reason": finish}


def _only(prompt: str | list[str | int | list[int]]) -> str:
    """Return the one prompt: the demo answers no batches and knows no tokens."""
    match prompt:
        case str() as text:
            return text
        case [str() as text]:
            return text
        case _:
            raise Unreadable("`prompt` must be one text: the demo has no batches and no tokens", "prompt")
