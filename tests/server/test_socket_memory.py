"""What a connection remembers is bounded, whole, and forgotten from the oldest on."""

from hypothesis import given
from hypothesis import strategies as st

from llm_gateway.server.socket_memory import Memory


def test_what_was_kept_is_recalled_as_it_was() -> None:
    memory = Memory(100)
    memory.keep("a", (b"{}", b"[]"))
    assert memory.recall("a") == (b"{}", b"[]")
    assert memory.recall("b") is None
    assert memory.most == 100


def test_the_oldest_go_first_and_saying_it_again_makes_young() -> None:
    memory = Memory(10)
    memory.keep("a", (b"123",))
    memory.keep("b", (b"123",))
    memory.keep("a", (b"456",))
    memory.keep("c", (b"123",))
    assert (memory.recall("a"), memory.recall("b"), memory.recall("c")) == ((b"456",), None, (b"123",))


def test_what_is_too_large_alone_is_not_kept_and_costs_the_others_nothing() -> None:
    memory = Memory(10)
    memory.keep("a", (b"123",))
    memory.keep("b", (b"1234567890",))
    assert memory.recall("b") is None and memory.recall("a") == (b"123",)
    memory.keep("c", (b"123456789",))
    assert memory.recall("c") == (b"123456789",) and memory.recall("a") is None


def test_forgetting_makes_room() -> None:
    memory = Memory(10)
    memory.keep("a", (b"12345",))
    memory.forget("a")
    memory.forget("never there")
    memory.keep("b", (b"123",))
    memory.keep("c", (b"1234",))
    assert memory.recall("b") and memory.recall("c")


def test_answers_of_no_size_are_not_kept_without_end() -> None:
    memory = Memory(1_000_000)
    for number in range(1001):
        memory.keep(str(number), ())
    assert memory.recall("0") is None and memory.recall("1") == ()


ANSWERS = st.tuples(st.sampled_from("abcdef"), st.lists(st.binary(max_size=9), max_size=3))


@given(st.lists(ANSWERS, max_size=40))
def test_what_is_held_never_exceeds_the_bound(said: list[tuple[str, list[bytes]]]) -> None:
    memory = Memory(30)
    for name, items in said:
        memory.keep(name, tuple(items))
        held = [kept for each in "abcdef" if (kept := memory.recall(each)) is not None]
        assert sum(len(item) for items in held for item in items) + len(held) <= 30
