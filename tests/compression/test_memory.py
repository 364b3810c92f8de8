"""What is remembered stays within its bounds, and what is asked for stays longest."""

from llm_gateway.compression.memory import Memory


def test_what_was_not_looked_for_longest_goes_first() -> None:
    memory: Memory[str, int] = Memory(1_000)
    for key in "abc":
        memory.keep(key, ord(key), 100)
    assert memory.find("a") == ord("a")
    memory.keep("d", 0, 100)
    assert memory.find("b") is None
    assert [memory.find(key) for key in "acd"] == [ord("a"), ord("c"), 0]
    assert (len(memory), memory.held) == (3, 900)


def test_what_is_taken_is_gone() -> None:
    memory: Memory[str, int] = Memory(1_000)
    memory.keep("a", 1)
    assert memory.take("a") == 1
    assert memory.take("a") is None and memory.find("a") is None
    assert (len(memory), memory.held) == (0, 0)


def test_what_is_kept_again_counts_once() -> None:
    memory: Memory[str, int] = Memory(1_000)
    memory.keep("a", 1, 700)
    memory.keep("a", 2, 100)
    assert (memory.find("a"), memory.held) == (2, 300)


def test_what_has_no_room_is_not_kept() -> None:
    memory: Memory[str, int] = Memory(1_000)
    memory.keep("a", 1)
    memory.keep("a", 2, 2_000)
    memory.keep("b", 3)
    assert memory.find("a") is None and memory.find("b") == 3
