"""What is encoded of a conversation, from when on, until when; what was sent is never sent otherwise."""

import json
from collections.abc import Mapping, Sequence

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llm_gateway.canonical.slots import Slots
from llm_gateway.compression.block import STRICT, WIDE
from llm_gateway.compression.conversation import Compressed, Compressor, Plan, Wish, rewritten
from llm_gateway.compression.decisions import RAW, STOPPED, Decision, Decisions
from llm_gateway.dialects.registry import DIALECTS
from llm_gateway.wire.jsonedit import Document
from tool_talk import MEMBERS, Call, Result, Said, Turn, body

STRICTLY, WIDELY, OFF = Wish("strict"), Wish("wide"), Wish("off")


def file(first: int, lines: int = 120) -> str:
    numbers = range(first, first + lines)
    return "\n".join(f"{number:6d}\t    value_{number} = compute({number}, 'of it')" for number in numbers)


def step(number: int) -> list[Turn]:
    return [Call("Read", {"n": number}, f"c{number}"), Result(file(number * 7 + 1), "Read", f"c{number}")]


def talk(steps: int) -> list[Turn]:
    return [Said("user", "fix it"), *(turn for number in range(steps) for turn in step(number))]


class Book:
    """Decisions that outlast a compressor."""

    def __init__(self) -> None:
        self.held: dict[bytes, Decision] = {}

    def find(self, chains: Sequence[bytes]) -> Mapping[bytes, Decision]:
        return {chain: self.held[chain] for chain in chains if chain in self.held}

    def keep(self, decided: Mapping[bytes, Decision]) -> None:
        for chain, decision in decided.items():
            self.held.setdefault(chain, decision)


def planned(compressor: Compressor, turns: Sequence[Turn], wish: Wish, dialect: str = "messages") -> Plan:
    document = Document.parse(body(dialect, turns))
    return compressor.plan(DIALECTS[dialect].slots(document, compressor.recall), wish)


def send(
    compressor: Compressor, turns: Sequence[Turn], wish: Wish = STRICTLY
) -> tuple[list[object], Compressed]:
    """Return the messages as they are sent."""
    plan = planned(compressor, turns, wish)
    compressed = compressor.compress(plan)
    return json.loads(rewritten(plan.slots, compressed))[MEMBERS["messages"]], compressed


def messages(turns: Sequence[Turn]) -> list[object]:
    told: list[object] = json.loads(body("messages", turns))["messages"]
    return told


def encoded(compressed: Compressed) -> list[int]:
    return [each.slot for each in compressed.replacements]


def test_what_is_new_is_encoded_and_stays_so() -> None:
    compressor, before = Compressor(), list[object]()
    for steps in range(1, 6):
        now, compressed = send(compressor, talk(steps))
        assert now[: len(before)] == before
        assert encoded(compressed) == list(range(steps))
        assert compressed.decisions == [STRICT.version] * steps
        before = now
    assert len(json.dumps(before)) < len(json.dumps(messages(talk(5)))) * 0.7


@pytest.mark.parametrize("wish", [OFF, STRICTLY])
def test_what_has_nothing_to_encode_is_the_same_object(wish: Wish) -> None:
    turns: list[Turn] = [
        Said("user", "hi"),
        Call("Read", {}),
        Result("short", "Read"),
        Said("assistant", "hm"),
        Said("user", file(1)),
    ]
    plan = planned(Compressor(), turns, wish)
    assert rewritten(plan.slots, Compressor().compress(plan)) is plan.slots.body
    plan = planned(Compressor(), turns[:1], wish)
    assert rewritten(plan.slots, Compressor().compress(plan)) is plan.slots.body


def test_only_the_literals_change() -> None:
    compressor = Compressor()
    plan = planned(compressor, talk(3), STRICTLY, "chat")
    text = rewritten(plan.slots, compressor.compress(plan))
    literals = plan.slots.literals()
    for each in compressor.compress(plan).replacements:
        text = text.replace(each.literal, literals[each.slot])
    assert text == plan.slots.body


def test_after_a_restart_what_was_sent_is_sent() -> None:
    book, steady = Book(), Compressor()
    for steps in range(1, 6):
        told = send(Compressor(Decisions(book)), talk(steps))[0]
        assert told == send(steady, talk(steps))[0]
    assert list(book.held.values()) == [STRICT.version]


def test_a_conversation_that_had_begun_elsewhere_stays_as_it_came_so_far() -> None:
    compressor = Compressor()
    now, compressed = send(compressor, talk(3))
    assert encoded(compressed) == [2] and now[:-1] == messages(talk(3))[:-1]
    assert compressed.decisions == [RAW, RAW, STRICT.version]
    assert encoded(send(compressor, talk(5))[1]) == [2, 3, 4]


def test_on_off_and_on_again_only_for_what_is_new() -> None:
    book = Book()
    wishes = [OFF, STRICTLY, STRICTLY, OFF, OFF, WIDELY, STRICTLY]
    decided = [RAW, STRICT.version, STRICT.version, RAW, RAW, STRICT.version, STRICT.version]
    steady, before = Compressor(), list[object]()
    for steps, wish in enumerate(wishes, 1):
        now, compressed = send(Compressor(Decisions(book)), talk(steps), wish)
        assert now[: len(before)] == before
        assert compressed.decisions == decided[:steps]
        assert now == send(steady, talk(steps), wish)[0]
        before = now
    assert list(book.held.values()) == [STRICT.version, RAW, STRICT.version]


def test_another_policy_is_for_other_conversations() -> None:
    compressor = Compressor()
    send(compressor, talk(1), WIDELY)
    assert send(compressor, talk(2), STRICTLY)[1].decisions == [WIDE.version] * 2
    assert send(compressor, [Said("user", "other"), *step(0)], STRICTLY)[1].decisions == [STRICT.version]


def test_a_request_that_is_repeated_is_sent_as_before() -> None:
    compressor = Compressor()
    first = send(compressor, talk(2))[0]
    assert send(compressor, talk(2), OFF)[0] == first
    assert send(compressor, talk(2), WIDELY)[0] == first
    assert encoded(send(compressor, talk(3), OFF)[1]) == [1]


def test_what_is_stopped_stays_so() -> None:
    book = Book()
    send(Compressor(Decisions(book)), talk(1))
    compressor = Compressor(Decisions(book))
    compressor.compress(planned(compressor, talk(2), STRICTLY), stopped=True)
    send(Compressor(Decisions(book)), talk(3))
    compressed = send(Compressor(Decisions(book)), talk(4), WIDELY)[1]
    assert compressed.decisions == [STRICT.version, STOPPED, STOPPED, STOPPED]
    assert encoded(compressed) == [0]


def test_a_conversation_stays_with_the_version_it_began_with() -> None:
    book, newer = Book(), STRICT._replace(version="strict-2")
    send(Compressor(Decisions(book)), talk(1))
    after = Compressor(Decisions(book), {"strict": (newer, STRICT), "wide": (WIDE,)})
    assert send(after, talk(2))[1].decisions == [STRICT.version] * 2
    assert send(after, [Said("user", "other"), *talk(1)[1:]])[1].decisions == ["strict-2"]
    without = Compressor(Decisions(book), {"strict": (newer,)})
    now, compressed = send(without, talk(3))
    assert compressed.decisions == [STRICT.version, STRICT.version, "strict-2"]
    assert encoded(compressed) == [2] and now[:3] == messages(talk(1))


def test_nothing_shrinks_below_what_a_provider_caches() -> None:
    size = len(body("messages", talk(1)))
    compressor, book = Compressor(), Book()
    assert encoded(send(compressor, talk(1), Wish("strict", least=size - 1))[1]) == []
    one, two = len(rewritten(*_sent(talk(1)))), len(rewritten(*_sent(talk(2))))
    assert encoded(send(Compressor(), talk(1), Wish("strict", least=one))[1]) == [0]
    assert encoded(send(Compressor(), talk(1), Wish("strict", least=one + 1))[1]) == []
    for steps in (1, 2):
        assert (
            send(Compressor(Decisions(book)), talk(steps), Wish("strict", least=two))[1].decisions[0] == RAW
        )
    now, compressed = send(Compressor(Decisions(book)), talk(3), Wish("strict", least=two))
    assert compressed.decisions[0] == RAW
    assert compressed.decisions[1:] == [STRICT.version] * 2
    assert now[:3] == messages(talk(1))


def _sent(turns: Sequence[Turn]) -> tuple[Slots, Compressed]:
    compressor = Compressor()
    plan = planned(compressor, turns, STRICTLY)
    return plan.slots, compressor.compress(plan)


def test_what_is_new_may_carry_a_mark_and_what_is_old_stays_when_it_moves() -> None:
    compressor, before = Compressor(), list[object]()
    for steps in range(1, 5):
        told = msgspec.json.decode(body("messages", talk(steps)))
        told["messages"][-1]["content"][0]["cache_control"] = {"type": "ephemeral"}
        slots = DIALECTS["messages"].slots(Document.parse(msgspec.json.encode(told)), compressor.recall)
        assert slots.marked == steps
        compressed = compressor.compress(compressor.plan(slots, STRICTLY))
        now = json.loads(rewritten(slots, compressed))["messages"]
        del now[-1]["content"][0]["cache_control"]
        assert encoded(compressed) == list(range(steps)) and now[: len(before)] == before
        assert not compressed.changed
        before = now


def test_forks_share_what_they_share() -> None:
    compressor = Compressor()
    stem = send(compressor, talk(2))[0]
    left, right = [*talk(2), *step(8)], [*talk(2), *step(9)]
    told: dict[str, list[object]] = {}
    for name, fork in (
        ("left", left),
        ("right", right),
        ("left", [*left, *step(10)]),
        ("right", [*right, *step(10)]),
    ):
        now = send(compressor, fork)[0]
        assert now[: len(stem)] == stem
        assert now[: len(told.get(name, []))] == told.get(name, [])
        told[name] = now
    assert told["left"] != told["right"]
    alone = Compressor()
    for fork in (talk(2), right):
        send(alone, fork)
    assert send(alone, [*right, *step(10)])[0] == told["right"]


def test_what_the_client_has_summed_up_is_new_from_where_it_differs() -> None:
    compressor = Compressor()
    long = send(compressor, talk(4))[0]
    summed = [Said("user", "we had read four files"), *step(7)]
    now, compressed = send(compressor, summed)
    assert encoded(compressed) == [0] and now == send(Compressor(), summed)[0]
    cut = [*talk(2), *step(9)]  # two results taken back, and another one
    now, compressed = send(compressor, cut)
    assert compressed.changed and now[:4] == long[:4] and now[4:5] == messages(talk(2))[4:5]


def test_people_do_not_share() -> None:
    compressor = Compressor()
    send(compressor, talk(2), Wish("strict", scope=b"a"))
    assert encoded(send(compressor, talk(3), Wish("strict", scope=b"b"))[1]) == [2]


def test_a_small_error_is_seen_as_it_is() -> None:
    wrong = Result("\n".join([" the same line of a traceback"] * 30), "Bash", error=True)
    assert encoded(send(Compressor(), [Said("user", "x"), Call("Bash", {}), wrong])[1]) == []
    assert encoded(
        send(Compressor(), [Said("user", "x"), Call("Bash", {}), Result(wrong.text, "Bash")])[1]
    ) == [0]


def test_what_comes_on_top_of_very_much_goes_as_it_came() -> None:
    """How much is told by its size and never by the time that it takes: it is the same everywhere."""
    book, large = Book(), "\n".join(["the same line of a log, over and over again"] * 20_000)
    calls: list[Turn] = [Said("user", "x"), *(Call("Bash", {}, f"l{number}") for number in range(4))]
    results: list[Turn] = [Result(large, "Bash", f"l{number}") for number in range(4)]
    compressed = send(Compressor(Decisions(book)), [*calls, *results])[1]
    assert compressed.decisions == [STRICT.version, STRICT.version, RAW, RAW] and compressed.large == 2
    compressed = send(Compressor(Decisions(book)), [*calls, *results, *step(1)])[1]
    assert compressed.decisions == [STRICT.version, STRICT.version, RAW, RAW, STRICT.version]


class Watches:
    """A clock that goes on by so many seconds whenever it is looked at."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.now = 0.0

    def __call__(self) -> float:
        self.now += self.seconds
        return self.now


def test_what_comes_after_what_took_long_goes_as_it_came_and_stays_so() -> None:
    book = Book()
    calls: list[Turn] = [Said("user", "x"), *(Call("Read", {}, f"c{number}") for number in range(4))]
    results: list[Turn] = [Result(file(number * 200 + 1), "Read", f"c{number}") for number in range(4)]
    slow = Compressor(Decisions(book), seconds=Watches(0.011))
    sent, compressed = send(slow, [*calls, *results])
    assert compressed.decisions == [STRICT.version, STRICT.version, RAW, RAW]
    assert (compressed.slow, compressed.large, compressed.failures) == (2, 0, 0)
    for elsewhere in (Compressor(Decisions(book)), Compressor(Decisions(book), seconds=Watches(9.0))):
        now, compressed = send(elsewhere, [*calls, *results, *step(1)])
        assert compressed.decisions == [STRICT.version, STRICT.version, RAW, RAW, STRICT.version]
        assert now[: len(sent)] == sent and compressed.slow == 0


def test_what_was_decided_is_gone_by_however_long_that_takes() -> None:
    book = Book()
    for steps in range(1, 6):
        told = send(Compressor(Decisions(book), seconds=Watches(5.0)), talk(steps))
        assert encoded(told[1]) == list(range(steps)) and told[1].slow == 0


def test_how_much_is_to_be_done_is_known_before() -> None:
    compressor = Compressor()
    first = planned(compressor, talk(1), STRICTLY)
    assert first.work > len(file(1))
    compressor.compress(first)
    compressor.compress(planned(compressor, talk(2), STRICTLY))
    assert planned(compressor, talk(2), STRICTLY).work == 0
    assert planned(compressor, talk(3), STRICTLY).work < 1.2 * first.work
    assert planned(Compressor(), talk(3), STRICTLY).work > 2.5 * first.work
    assert planned(Compressor(), talk(3), OFF).work == 0


MOVES = st.lists(
    st.tuples(
        st.sampled_from(["on", "on", "on", "again", "fork", "restart"]),
        st.sampled_from([OFF, STRICTLY, STRICTLY, WIDELY, Wish("strict", least=9_000)]),
        st.integers(0, 5),
    ),
    min_size=3,
    max_size=12,
)


@settings(max_examples=60, deadline=None)
@given(MOVES)
def test_whatever_happens_what_was_sent_is_never_sent_otherwise(moves: list[tuple[str, Wish, int]]) -> None:
    """Nothing but a request that is repeated after a restart, with another wish, is without a memory."""
    book = Book()
    compressor = Compressor(Decisions(book))
    sent: dict[bytes, bytes | None] = {}
    wishes: dict[bytes, Wish] = {}
    turns: list[Turn] = [Said("user", "fix it")]
    for move, wish, number in moves:
        match move:
            case "on":
                turns = [*turns, *step(number)]
            case "fork":
                turns = [*turns[: 1 + 2 * number], *step(number + 1)]
            case "restart":
                compressor = Compressor(Decisions(book))
        plan = planned(compressor, turns, wish)
        if plan.chains and plan.chains[-1] in wishes:
            plan = planned(compressor, turns, wishes[plan.chains[-1]])
        compressed = compressor.compress(plan)
        literals = {each.slot: each.literal for each in compressed.replacements}
        for slot, chain in enumerate(compressed.chains):
            assert sent.setdefault(chain, literals.get(slot)) == literals.get(slot)
            wishes.setdefault(chain, plan.wish)
