"""Recorded conversations in every dialect, as they grow: what was sent begins what is sent next."""

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import pytest

from house import ROOT
from llm_gateway.canonical.slots import Slots
from llm_gateway.compression.conversation import Compressed, Compressor, Wish, rewritten
from llm_gateway.compression.decisions import Decision, Decisions
from llm_gateway.dialects.registry import DIALECTS
from llm_gateway.wire.jsonedit import Document
from slot_places import written_as_they_are
from tool_talk import MEMBERS, Call, Said, Turn, body, conversations

FILES = (
    "claude-code",
    "mini-swe-agent",
    "swe-agent",
    "tau-airline",
    "json-api",
    "terminal",
    "aider-chat",
    "tool-defs",
)
CHILD = Path(__file__).with_name("append_child.py")


def requests(turns: Sequence[Turn]) -> Iterator[int]:
    """Return after how many turns a model was asked."""
    for count, turn in enumerate(turns, 1):
        asks = not isinstance(turn, Call) and not (isinstance(turn, Said) and turn.role == "assistant")
        if asks or count == len(turns):
            yield count


def read(compressor: Compressor, dialect: str, turns: Sequence[Turn]) -> Slots:
    return DIALECTS[dialect].slots(Document.parse(body(dialect, turns)), compressor.recall)


def array(dialect: str, whole: bytes) -> bytes:
    """Return the messages of a body, as bytes, without the bracket that ends them."""
    document = Document.parse(whole)
    return bytes(document.fields[MEMBERS[dialect]])[:-1]


@pytest.mark.parametrize("dialect", MEMBERS)
@pytest.mark.parametrize("name", FILES)
def test_what_was_sent_is_never_sent_otherwise(name: str, dialect: str) -> None:
    saved = 0
    for turns in conversations(name):
        compressor, before = Compressor(), b""
        for count in requests(turns):
            slots = read(compressor, dialect, turns[:count])
            assert written_as_they_are(slots) == slots.body
            compressed = compressor.compress(compressor.plan(slots, Wish("strict")))
            sent = rewritten(slots, compressed)
            assert len(sent) <= len(slots.body) and (compressed.replacements or sent is slots.body)
            now = array(dialect, sent)
            assert now.startswith(before), f"request after {count} turns"
            before = now
            saved += len(slots.body) - len(sent)
    assert (saved > 0) == (name not in ("aider-chat", "tool-defs"))


class Book:
    def __init__(self) -> None:
        self.held: dict[bytes, Decision] = {}

    def find(self, chains: Sequence[bytes]) -> Mapping[bytes, Decision]:
        return {chain: self.held[chain] for chain in chains if chain in self.held}

    def keep(self, decided: Mapping[bytes, Decision]) -> None:
        self.held.update(decided)


def end(compressor: Compressor, turns: Sequence[Turn]) -> tuple[bytes, Compressed]:
    slots = read(compressor, "messages", turns)
    compressed = compressor.compress(compressor.plan(slots, Wish("strict")))
    return rewritten(slots, compressed), compressed


@pytest.mark.parametrize("name", ["claude-code", "swe-agent", "tau-airline"])
def test_a_restart_at_any_moment_changes_nothing(name: str) -> None:
    for index, turns in enumerate(conversations(name)):
        steady, book = Compressor(), Book()
        counts = list(requests(turns))
        restarts = set(counts[index % 3 :: 5])  # what is remembered is lost now and then, and at the end
        restless = Compressor(Decisions(book))
        for count in counts:
            if count in restarts or count == counts[-1]:
                restless = Compressor(Decisions(book))
            assert end(restless, turns[:count]) == end(steady, turns[:count])
        assert len(book.held) <= 1  # only where something changes is anything kept


def test_another_process_with_another_hash_seed_sends_the_same() -> None:
    told = set()
    for seed in ("0", "1234"):
        environ = {**os.environ, "PYTHONHASHSEED": seed}
        environ["PYTHONPATH"] = os.pathsep.join([str(ROOT / "src"), str(ROOT / "tests")])
        command = [sys.executable, str(CHILD), "tau-airline", "chat"]
        told.add(subprocess.run(command, env=environ, capture_output=True, check=True, text=True).stdout)
    assert len(told) == 1 and len(told.pop()) == 128


def test_conversations_with_one_beginning_do_not_mix() -> None:
    """All of them at once, request by request, and every one twice: each is sent as if it were alone."""
    several = list(conversations("tau-airline"))[:6]
    opening = several[0][0]
    several = [[opening, *turns[1:]] for turns in several]
    together, alone = Compressor(), [Compressor() for _ in several]
    for step in range(max(map(len, several))):
        for turns, own in zip(several, alone, strict=True):
            counts = list(requests(turns))
            if step < len(counts):
                first = end(together, turns[: counts[step]])
                assert first == end(own, turns[: counts[step]]) == end(together, turns[: counts[step]])
