"""Equal beginnings have equal chains, however they were come by; what differs makes what follows differ."""

from collections.abc import Sequence

import pytest

from llm_gateway.compression.chains import Chained, Chains
from llm_gateway.dialects.chat.slots import slots as chat_slots
from llm_gateway.dialects.messages.slots import slots
from llm_gateway.wire.jsonedit import Document
from tool_talk import Call, Result, Said, Turn, body

TALK: list[Turn] = [
    Said("user", "fix it"),
    Call("Read", {"path": "a"}),
    Result("one", "Read"),
    Said("assistant", "hm"),
    Call("Bash", {"command": "ls"}, "call-2"),
    Result("two", "Bash", "call-2"),
    Call("Bash", {"command": "cat a"}, "call-3"),
    Result("three", "Bash", "call-3"),
]


def of(chains: Chains, turns: Sequence[Turn], scope: bytes = b"") -> Chained:
    return chains.of(slots(Document.parse(body("messages", turns)), chains.recall), scope)


def test_a_conversation_that_goes_on_has_the_chains_it_would_have_at_once() -> None:
    chains = Chains()
    assert of(chains, TALK[:3]).old == 0
    assert of(chains, TALK[:6]).old == 1
    grown = of(chains, TALK)
    assert (grown.old, grown.changed) == (2, False)
    assert grown.chains == of(Chains(), TALK).chains
    assert of(chains, TALK) == Chained(grown.chains, 3)  # said again
    assert of(chains, TALK[:6]) == Chained(grown.chains[:2], 2)  # and less of it
    assert of(chains, TALK).chains == grown.chains


@pytest.mark.parametrize(
    ("index", "turn", "same"),
    [
        (0, Said("user", "break it"), 0),
        (1, Call("Read", {"path": "b"}), 0),
        (2, Result("One", "Read"), 0),
        (2, Result("one", "Read", error=True), 0),
        (4, Call("Read", {"command": "ls"}, "call-2"), 1),  # another tool: what it printed is no shell's
        (5, Result("zwei", "Bash", "call-2"), 1),
        (3, Said("assistant", "well"), 3),
    ],
)
def test_what_differs_makes_the_rest_differ(index: int, turn: Turn, same: int) -> None:
    chains = Chains()
    before = of(chains, TALK).chains
    now = of(chains, [*TALK[:index], turn, *TALK[index + 1 :]])
    assert [one == other for one, other in zip(before, now.chains, strict=True)] == [True] * same + [
        False
    ] * (3 - same)
    assert now.chains == of(Chains(), [*TALK[:index], turn, *TALK[index + 1 :]]).chains


def test_everybody_has_chains_of_their_own() -> None:
    chains = Chains()
    assert not set(of(chains, TALK, b"a").chains) & set(of(chains, TALK, b"b").chains)
    assert of(chains, TALK, b"a").chains == of(Chains(), TALK, b"a").chains


def test_chains_are_the_same_for_ever() -> None:
    """Decisions are kept by them: with other ones every conversation would be out of its cache."""
    assert [chain.hex()[:8] for chain in of(Chains(), TALK).chains] == CHAINS


CHAINS = ["c7cc8d33", "c620f034", "47b73d19"]


def test_marks_change_nothing_and_other_words_are_told() -> None:
    chains = Chains()
    plain = body("messages", TALK)
    at = plain.rindex(b'"is_error"')
    marked = plain[:at] + b'"cache_control":{"type":"ephemeral","ttl":"1h"},' + plain[at:]
    first = chains.of(slots(Document.parse(marked), chains.recall), b"")
    assert of(chains, TALK) == Chained(first.chains, 3)
    assert of(chains, [*TALK[:3], Said("assistant", "well"), *TALK[4:]]).changed


def test_dialects_do_not_read_for_each_other() -> None:
    chains = Chains()
    text = b'{"messages":[{"role":"tool","tool_call_id":"c","content":"x"}]}'
    assert chains.of(chat_slots(Document.parse(text), chains.recall), b"").chains
    assert not slots(Document.parse(text), chains.recall).starts
