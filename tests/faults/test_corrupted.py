"""Bytes turned over anywhere in a stream or an answer: what reads them says that it is broken, no more."""

from collections.abc import Callable
from random import Random

import pytest

from llm_gateway.dialects.registry import DIALECTS
from llm_gateway.errors import UpstreamFault
from scripted import chat, gemini, messages, ollama, responses

_STREAMS: dict[str, bytes] = {
    "chat": b"".join(chat.events("m", tool_calls=[chat.tool_call("lookup", {"city": "Köln"})])),
    "responses": b"".join(responses.events("m")),
    "messages": b"".join(messages.events("m", [messages.thinking(), messages.text()])),
    "gemini": b"".join(gemini.events("m", [gemini.thought(), gemini.text()])),
    "ollama": b"".join(ollama.lines("m")),
}
_WHOLE: dict[str, bytes] = {
    "chat": chat.completion("m"),
    "messages": messages.message("m"),
}


def corrupted(data: bytes, random: Random) -> bytes:
    spoilt = bytearray(data)
    for at in random.sample(range(len(spoilt)), random.choice((1, 2, 5))):
        spoilt[at] ^= random.choice((0xFF, 0x80, 0x20, 0x08, 0x01))
    return bytes(spoilt)


def survives(read: Callable[[bytes], object], data: bytes) -> None:
    try:
        read(data)
    except UpstreamFault:
        pass


@pytest.mark.fault("U9")
@pytest.mark.parametrize("dialect", _STREAMS)
def test_a_corrupted_stream_is_read_or_broken(dialect: str, random: Random, full: bool) -> None:
    def decode(data: bytes) -> None:
        decoder = DIALECTS[dialect].decoder()
        decoder.feed(data)
        decoder.close()

    for _ in range(20_000 if full else 1_000):
        survives(decode, corrupted(_STREAMS[dialect], random))


@pytest.mark.fault("U9")
@pytest.mark.parametrize("dialect", _WHOLE)
def test_a_corrupted_answer_is_read_or_broken(dialect: str, random: Random, full: bool) -> None:
    for _ in range(20_000 if full else 1_000):
        survives(DIALECTS[dialect].decode_response, corrupted(_WHOLE[dialect], random))
