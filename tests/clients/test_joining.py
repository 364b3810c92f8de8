"""Which reported answers are turns of ours: by id, by conversation, by time, and never counted twice."""

from itertools import count

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_gateway.canonical.usage import Usage
from llm_gateway.clients.joining import NEAR_US, Joined, join_up
from llm_gateway.ledger.sightings import Answered, Kept, Sighting, Source

AT = 1_700_000_000_000_000
TURN = "0006a1b2c3d4e5f680123456789abcde"
USED = Usage(uncached=10, cache_read=5, output=7)


def turn(
    name: str = TURN, session: str = "", client: str = "codex-cli", usage: Usage | None = USED
) -> Answered:
    return Answered(name, client, AT, AT + 1_000_000, session, "m", "resp_up", "req_up", usage)


def told(seq: int, source: Source = "log", /, **fields: object) -> Kept:
    values: dict[str, object] = {
        "client": "codex-cli",
        "machine": "",
        "mark": str(seq),
        "at_us": AT,
        "usage": USED,
    }
    return Kept(seq, Sighting(source=source, **{**values, **fields}))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "fields",
    [
        {"answer_id": "resp_up"},
        {"request_id": "req_up"},
        {"request_id": f"req_{TURN}"},
        {"answer_id": f"msg_{TURN}"},
        {"answer_id": TURN, "at_us": AT - 10 * NEAR_US, "usage": Usage()},
    ],
)
def test_an_id_says_which_turn_it_is(fields: dict[str, object]) -> None:
    assert join_up([told(1, **fields)], [turn()]) == [Joined(1, TURN)]


def looked_at(kept: list[Kept], turns: list[Answered]) -> list[Kept]:
    """Return them as they are kept after a look."""
    found = {each.seq: each for each in join_up(kept, turns)}
    return [
        Kept(one.seq, one.sighting, found[one.seq].turn_id, found[one.seq].twin) if one.seq in found else one
        for one in kept
    ]


def test_an_id_of_somebody_else_says_that_it_passed_us_by() -> None:
    assert join_up([told(1, answer_id="other", session="s")], [turn(session="s")]) == []


def test_without_an_id_the_conversation_and_the_tokens_say_it() -> None:
    assert join_up([told(1, session="s", at_us=AT + 9 * NEAR_US)], [turn(session="s")]) == [Joined(1, TURN)]
    assert join_up([told(1, session="s", usage=Usage(1))], [turn(session="s")]) == []
    assert join_up([told(1, session="t")], [turn(session="s")]) == []


def test_how_input_is_cut_into_parts_does_not_matter() -> None:
    parts = Usage(uncached=15, output=7, reasoning=3)
    assert join_up([told(1, session="s", usage=parts)], [turn(session="s")]) == [Joined(1, TURN)]


def test_without_a_conversation_client_tokens_and_time_say_it() -> None:
    assert join_up([told(1, client="codex-ide")], [turn()]) == [Joined(1, TURN)], "a part of the same program"
    assert join_up([told(1, client="gemini-cli")], [turn()]) == []
    assert join_up([told(1, at_us=AT + 2 * NEAR_US)], [turn()]) == []


def test_what_was_only_estimated_is_no_evidence() -> None:
    assert (
        join_up([told(1, session="s")], [turn(session="s", usage=Usage(10, 5, output=7, estimated=True))])
        == []
    )


def test_a_turn_is_one_answer() -> None:
    reported = [told(1, session="s"), told(2, session="s"), told(3, session="s")]
    turns = [turn(session="s"), turn(TURN[:-1] + "f", session="s")]
    assert [each.seq for each in join_up(reported, turns)] == [1, 2]


def test_two_sources_tell_of_one_answer_once() -> None:
    both = [told(1, "otlp", request_id="req_1"), told(2, "log", request_id="req_1", answer_id="msg_1")]
    assert join_up(both, []) == [Joined(2, "", 1)]
    assert join_up([told(1, "otlp", session="s"), told(2, "log", session="s", answer_id="a")], []) == [
        Joined(2, "", 1)
    ]


def test_two_answers_are_not_taken_for_one() -> None:
    assert (
        join_up([told(1, "otlp", answer_id="a", session="s"), told(2, answer_id="b", session="s")], []) == []
    )


def test_who_knows_the_turn_tells_its_twin() -> None:
    """The source without an id counts otherwise than we do: only its twin can say which turn it is."""
    kept = [told(1, "otlp", session="s"), told(2, "log", session="s", answer_id="resp_up")]
    other = turn(session="s", usage=Usage(99))
    assert sorted(join_up(kept, [other]), key=lambda each: each.seq) == [Joined(1, TURN), Joined(2, TURN, 1)]


def test_a_second_look_finds_nothing_new() -> None:
    kept = [
        told(1, "otlp", session="s"),
        told(2, "log", session="s", answer_id="resp_up"),
        told(3, session="t"),
    ]
    found = {each.seq: each for each in join_up(kept, [turn(session="s")])}
    after = [
        Kept(one.seq, one.sighting, found[one.seq].turn_id, found[one.seq].twin) if one.seq in found else one
        for one in kept
    ]
    assert join_up(after, [turn(session="s")]) == []


Truth = tuple[bool, int, int]
"""Routed or not, the conversation, the tokens: few of each, so that many answers are alike."""


@given(
    truth=st.lists(st.tuples(st.booleans(), st.integers(0, 1), st.integers(1, 2)), max_size=12),
    named=st.sets(st.sampled_from(["log", "otlp"])),
    sources=st.sets(st.sampled_from(["log", "otlp"]), min_size=1),
    sessions=st.booleans(),
    split=st.integers(0, 24),
    otlp_first=st.booleans(),
)
def test_what_passed_us_by_is_counted_exactly(
    truth: list[Truth],
    named: set[Source],
    sources: set[Source],
    sessions: bool,
    split: int,
    otlp_first: bool,
) -> None:
    """Whatever the sources know, and in however many looks it is found out."""
    turns = []
    kept: list[Kept] = []
    number = count(1)
    for at, (routed, session, tokens) in enumerate(truth):
        usage = Usage(tokens, output=tokens)
        name = f"s{session}" if sessions else ""
        if routed:
            turns.append(Answered(f"turn{at}", "codex-cli", AT, AT, name, "m", f"id{at}", "", usage))
        for source in sorted(sources, reverse=otlp_first):
            answer_id = f"id{at}" if source in named else ""
            fields = {"answer_id": answer_id, "session": f"s{session}", "usage": usage, "mark": f"{at}"}
            kept.append(told(next(number), source, **fields))
    for until in (split, len(kept)):
        kept = looked_at(kept[:until], turns) + kept[until:]
    passed = sum(1 for one in kept if not one.turn_id and not one.twin)
    assert passed == sum(1 for routed, _, _ in truth if not routed)
