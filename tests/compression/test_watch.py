"""Two misses that nothing explains stop a conversation; what is explained, or not ours, does not."""

import msgspec
import pytest

from llm_gateway.compression.watch import Seen, Watch, Watched, looked_at

MINUTE = 60_000_000
FIRST = Seen(at_us=0, read=0, written=20_000, where="a", encoded=True, changed=False, ttl_us=5 * MINUTE)
HIT = msgspec.structs.replace(FIRST, at_us=MINUTE, read=20_000, written=1_000)
MISS = msgspec.structs.replace(HIT, read=3_000, written=18_000)


def then(seen: Seen, **changes: object) -> Seen:
    return msgspec.structs.replace(seen, **changes)


def after(*all_seen: Seen) -> Watched:
    watched: Watched | None = None
    for seen in all_seen:
        watched = looked_at(watched, seen)
    assert watched is not None
    return watched


def test_two_misses_stop_it_and_say_why() -> None:
    once = after(FIRST, MISS)
    assert (once.misses, once.stopped) == (1, False)
    twice = looked_at(once, then(MISS, at_us=2 * MINUTE, read=0))
    assert twice.stopped
    assert twice.reason == (
        "the provider read 0 tokens from its prompt cache where 21000 were cached 60 s before; "
        "that was miss 2"
    )


def test_what_is_stopped_stays_so() -> None:
    stopped = after(FIRST, MISS, then(MISS, read=0), HIT)
    assert stopped.stopped and stopped.last == HIT and stopped.misses == 2


def test_a_hit_is_none_and_does_not_undo_a_miss() -> None:
    assert after(FIRST, HIT, then(HIT, at_us=2 * MINUTE, read=21_000)).misses == 0
    assert after(FIRST, HIT, then(HIT, read=19_500)).misses == 0  # cut to blocks
    assert after(FIRST, MISS, then(HIT, read=21_000)).misses == 1


@pytest.mark.parametrize(
    "seen",
    [
        then(MISS, at_us=5 * MINUTE),
        then(MISS, ttl_us=MINUTE),
        then(MISS, where="b"),
        then(MISS, changed=True),
    ],
    ids=["too late", "shorter lived", "elsewhere", "said otherwise"],
)
def test_what_explains_a_miss(seen: Seen) -> None:
    assert after(FIRST, seen).misses == 0


def test_what_was_asked_before_the_other_was_answered_could_not_read_what_that_wrote() -> None:
    first = then(FIRST, until_us=2 * MINUTE)
    assert after(first, MISS).misses == 0
    assert after(first, then(MISS, at_us=2 * MINUTE + 1)).misses == 1
    late = then(FIRST, at_us=MINUTE, until_us=MINUTE)  # asked later, answered earlier
    assert after(late, then(MISS, at_us=0)).misses == 0


def test_a_client_that_moves_its_mark_back_has_less_read() -> None:
    first = then(FIRST, marked=2)
    assert after(first, then(MISS, marked=0)).misses == 0
    assert after(first, then(MISS, marked=3)).misses == 1


def test_what_is_not_of_our_making() -> None:
    assert after(then(FIRST, encoded=False), then(MISS, encoded=False)).misses == 0
    assert (
        after(then(FIRST, encoded=False), MISS).misses == 1
    )  # we have begun: that must not cost what was there
    assert after(then(FIRST, written=0), then(MISS, read=0)).misses == 0  # nothing is cached there at all
    assert after(then(FIRST, written=900), then(MISS, read=0)).misses == 0


def test_a_conversation_is_found_by_its_last_result() -> None:
    watch = Watch()
    assert watch.look([b"1"], FIRST).misses == 0
    assert watch.look([b"1", b"2"], MISS).misses == 1
    assert watch.look([b"x"], MISS).misses == 0  # another one
    fork = watch.look([b"1", b"3"], HIT)  # goes on where the first left off
    assert fork.misses == 0
    again = watch.look([b"1", b"2", b"4"], then(MISS, read=0))
    assert again.stopped and watch.find([b"1", b"2", b"4", b"5"]) == again
    assert watch.look([], FIRST).misses == 0 and watch.find([]) is None
