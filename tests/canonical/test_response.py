"""An answer and its events: `fold` and `unfold` undo each other, and any way to cut an answer folds alike."""

from hypothesis import given
from hypothesis import strategies as st

from llm_gateway.canonical.events import (
    CallDelta,
    CallStarted,
    Event,
    Failed,
    Finished,
    Measured,
    RefusalDelta,
    Sealed,
    Started,
    TextDelta,
    ThinkingDelta,
)
from llm_gateway.canonical.parts import Refusal, Seal, Text, Thinking, ToolCall
from llm_gateway.canonical.response import AnswerPart, Folding, Response, fold, unfold
from llm_gateway.canonical.usage import Usage

S = Seal("messages", "s")


def parts(*events: Event) -> tuple[AnswerPart, ...]:
    return fold(events).parts


def test_nothing_folds_to_nothing() -> None:
    assert fold(()) == Response()


def test_what_is_said_about_an_answer_is_kept() -> None:
    events: list[Event] = [
        Started("x", "m"),
        Measured(Usage(1)),
        Measured(Usage(2)),
        Finished("stop_sequence", "END", "stop"),
    ]
    assert fold(events) == Response("x", "m", (), "stop_sequence", "END", Usage(2))


def test_deltas_of_a_kind_grow_one_block() -> None:
    assert parts(TextDelta("a"), TextDelta("b")) == (Text("ab"),)
    assert parts(TextDelta("a"), TextDelta("b", new=True)) == (Text("a"), Text("b"))
    assert parts(ThinkingDelta("a"), ThinkingDelta("b"), TextDelta("c")) == (Thinking("ab"), Text("c"))
    assert parts(TextDelta("a"), ThinkingDelta("b"), TextDelta("c")) == (Text("a"), Thinking("b"), Text("c"))
    assert parts(RefusalDelta("a"), RefusalDelta("b")) == (Refusal("ab"),)
    assert parts(TextDelta("a"), Measured(Usage(1)), TextDelta("b")) == (Text("ab"),)


def test_a_seal_closes_the_block_that_it_is_for() -> None:
    assert parts(ThinkingDelta("a"), Sealed(S), ThinkingDelta("b")) == (Thinking("a", S), Thinking("b"))
    assert parts(TextDelta("a"), Sealed(S)) == (Text("a"), Thinking("", S))
    hidden = Thinking("", S, redacted=True)
    assert parts(ThinkingDelta("a"), Sealed(S, redacted=True)) == (Thinking("a"), hidden)


def test_calls_may_come_in_turns() -> None:
    seal = Seal("gemini", "g")
    assert parts(
        TextDelta("a"),
        CallStarted(0, "c", "add", seal=seal),
        CallStarted(1, "d", "sh", custom=True),
        CallDelta(1, "l"),
        CallDelta(0, "{"),
        CallDelta(1, "s"),
        CallDelta(0, "}"),
        CallDelta(7, "nobody's"),
        TextDelta("b"),
    ) == (
        Text("a"),
        ToolCall("c", "add", "{}", seal=seal),
        ToolCall("d", "sh", "ls", custom=True),
        Text("b"),
    )


def test_a_failure_is_noticed_and_what_came_before_it_kept() -> None:
    folding = Folding()
    for event in (Started("x"), TextDelta("a"), Failed("gone", "overloaded")):
        folding.take(event)
    assert folding.failed == Failed("gone", "overloaded")
    assert folding.response() == Response("x", parts=(Text("a"),))


def test_a_seal_without_text_is_not_taken_for_the_block_before_it() -> None:
    told = (Thinking("a"), Thinking("", S))
    assert fold(unfold(Response(parts=told))).parts == told


words = st.text(max_size=5)
seals = st.none() | st.builds(Seal, st.sampled_from(("messages", "gemini")), words)
blocks: st.SearchStrategy[AnswerPart] = (
    st.builds(Text, words)
    | st.builds(Thinking, words, seals)
    | st.builds(Thinking, st.just(""), seals.filter(bool), st.just(True))
    | st.builds(ToolCall, words, words, words, st.booleans(), seals)
)


answers = st.builds(
    Response,
    words,
    words,
    st.lists(blocks, max_size=6).map(tuple),
    st.sampled_from(("stop", "length", "refusal", "other")),
    words,
    st.none() | st.builds(Usage, st.integers(0, 9)),
)


@given(response=answers)
def test_fold_undoes_unfold(response: Response) -> None:
    assert fold(unfold(response)) == response


@given(response=answers, refusal=st.text(min_size=1))
def test_a_refusal_is_kept_too(response: Response, refusal: str) -> None:
    told = Response(parts=(*response.parts, Refusal(refusal)))
    assert fold(unfold(told)) == told


def cut(event: Event, at: int) -> list[Event]:
    """Return the events that say the same in two pieces."""
    match event:
        case TextDelta(text, new):
            return [TextDelta(text[:at], new), TextDelta(text[at:])]
        case ThinkingDelta(text, new):
            return [ThinkingDelta(text[:at], new), ThinkingDelta(text[at:])]
        case CallDelta(index, text):
            return [CallDelta(index, text[:at]), CallDelta(index, text[at:])]
        case _:
            return [event]


@given(response=answers, at=st.integers(0, 5))
def test_any_cut_folds_alike(response: Response, at: int) -> None:
    pieces = [piece for event in unfold(response) for piece in cut(event, at)]
    assert fold(pieces) == response
