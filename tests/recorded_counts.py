"""Recorded requests whose tokens their providers counted, and how far our own counts are from that."""

import json
from collections.abc import Callable, Iterator
from functools import cache, lru_cache

import msgspec

from house import ROOT
from llm_gateway.compression.asked import asked
from llm_gateway.compression.program import count_of
from llm_gateway.compression.tokenizer import load
from llm_gateway.compression.weights import weights_of

__all__ = ["CORPUS", "Exchange", "Recorded", "corpus", "exchanges"]

CORPUS = ROOT.parent / "shared" / "corpus"
_FIXTURES = ROOT / "tests" / "fixtures" / "counted"


class Exchange(msgspec.Struct, frozen=True):
    """One request, and what its provider counted of it and of its answer."""

    provider: str
    dialect: str
    model: str
    input: int
    output: int
    content: int
    body: str


class Recorded(msgspec.Struct, frozen=True):
    """An exchange, measured: the bytes of the request, and our count of it by its family's weights."""

    provider: str
    model: str
    bytes: int
    counted: float
    input: int
    content: int
    output: int


class _Usage(msgspec.Struct, frozen=True):
    model: str
    calls: list[list[int]]


class _Conversation(msgspec.Struct, frozen=True):
    id: str
    api: str
    messages: list[dict[str, object]]


@cache
def exchanges() -> tuple[Recorded, ...]:
    """Return the exchanges of the fixtures."""
    found = []
    decode = msgspec.json.Decoder(Exchange).decode
    for line in (_FIXTURES / "exchanges.jsonl").read_bytes().splitlines():
        one = decode(line)
        body = one.body.encode()
        found.append(
            Recorded(
                one.provider,
                one.model,
                len(body),
                _counted(one.dialect, body, one.model),
                one.input,
                one.content,
                one.output,
            )
        )
    return tuple(found)


@cache
def corpus(kind: str, every: int) -> tuple[tuple[str, tuple[Recorded, ...]], ...]:
    """Return every so manieth request of the conversations of one kind, by conversation."""
    usage = msgspec.json.decode((_FIXTURES / "corpus_usage.json").read_bytes(), type=dict[str, _Usage])
    lines = (CORPUS / f"{kind}.jsonl").read_bytes().splitlines()
    conversations = (msgspec.json.decode(line, type=_Conversation) for line in lines)
    return tuple(
        (one.id, tuple(_asked(one, usage[one.id], every))) for one in conversations if one.id in usage
    )


def _asked(one: _Conversation, usage: _Usage, every: int) -> Iterator[Recorded]:
    dialect = "messages" if one.api == "anthropic.messages" else "chat"
    for after, sent, *answered in usage.calls[::every]:
        request = {"model": usage.model, "max_tokens": 8192, "messages": one.messages[:after]}
        body = json.dumps(request, ensure_ascii=False, separators=(",", ":")).encode()
        answer = one.messages[after]["content"]
        content = len(answer.encode()) if isinstance(answer, str) else 0
        counted = _counted(dialect, body, usage.model)
        output = sum(answered[:1])
        yield Recorded(one.id, usage.model, len(body), counted, sent, content, output)


def _counted(dialect: str, body: bytes, model: str) -> float:
    found = asked(dialect, body)
    assert found is not None, body
    tokens = weights_of(model).tokens(count_of(found, _tokens()))
    assert tokens is not None
    return tokens


@cache
def _tokens() -> Callable[[str], int]:
    # A conversation is counted many times over, a message longer each time.
    return lru_cache(100_000)(load())
