"""The cache never takes more than it may, forgets what is old, and keeps what was used last."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fakes import FakeClock
from llm_gateway.canonical.loss import Loss
from llm_gateway.pipeline.cache import Cache, Entry

BESIDE = Entry("", 200, b"", stream=False, body=b"").size
NAMES = st.sampled_from([b"a", b"b", b"c", b"d"])


def entry(body: bytes = b"", turn_id: str = "t") -> Entry:
    return Entry(turn_id, 200, b"application/json", stream=False, body=body)


def cache(most: int = 4 * BESIDE, ttl: float = 60) -> tuple[Cache, FakeClock]:
    clock = FakeClock()
    made = Cache(clock)
    made.use(ttl, most)
    return made, clock


def names(kept: Cache) -> set[bytes]:
    return {name for name in (b"a", b"b", b"c", b"d") if kept.find(name) is not None}


def test_an_answer_is_found_with_its_age_until_its_time_is_over() -> None:
    kept, clock = cache(ttl=60)
    assert kept.find(b"a") is None
    assert kept.keep(b"a", entry(b"x"))
    clock.advance(59)
    found = kept.find(b"a")
    assert found is not None and (found.entry.body, found.age) == (b"x", 59)
    clock.advance(1)
    assert kept.find(b"a") is None
    assert (len(kept), kept.size) == (0, 0), "it does not wait for its room to be needed"


def test_who_wants_a_younger_one_leaves_it_for_others() -> None:
    kept, clock = cache()
    kept.keep(b"a", entry())
    clock.advance(10)
    assert kept.find(b"a", 10) is None
    assert kept.find(b"a", 0) is None
    assert kept.find(b"a", 11) is not None


def test_a_newer_answer_takes_the_place_of_an_older_one() -> None:
    kept, clock = cache()
    kept.keep(b"a", entry(b"old"))
    clock.advance(10)
    kept.keep(b"a", entry(b"newer"))
    found = kept.find(b"a")
    assert found is not None and (found.entry.body, found.age) == (b"newer", 0)
    assert (len(kept), kept.size) == (1, BESIDE + 5)


def test_those_not_used_for_longest_make_room() -> None:
    kept, _ = cache(most=3 * BESIDE)
    for name in (b"a", b"b", b"c"):
        kept.keep(name, entry())
    kept.find(b"a")
    kept.keep(b"d", entry())
    assert names(kept) == {b"a", b"c", b"d"}


def test_what_is_too_large_by_itself_drives_nothing_out() -> None:
    kept, _ = cache(most=2 * BESIDE)
    kept.keep(b"a", entry())
    assert not kept.keep(b"b", entry(bytes(2 * BESIDE)))
    assert names(kept) == {b"a"}


def test_losses_and_bytes_count() -> None:
    lossy = Entry("t", 200, b"", stream=False, body=b"12345", losses=(Loss("top_k", "no such thing"),))
    assert lossy.size == BESIDE + 5 + len("top_k") + len("no such thing")


def test_settings_hold_at_once() -> None:
    kept, clock = cache()
    kept.keep(b"a", entry())
    kept.keep(b"b", entry())
    kept.use(60, BESIDE)
    assert names(kept) == {b"b"}
    clock.advance(5)
    kept.use(5, BESIDE)
    assert (len(kept), kept.size) == (0, 0)
    kept.use(60, 0)
    assert not kept.keep(b"a", entry())


def test_what_has_expired_goes_with_the_next_answer() -> None:
    kept, clock = cache(ttl=10)
    kept.keep(b"a", entry())
    kept.keep(b"b", entry())
    clock.advance(10)
    kept.keep(b"c", entry())
    assert len(kept) == 1


@given(
    st.integers(0, 6 * BESIDE),
    st.lists(
        st.one_of(
            st.tuples(st.just("keep"), NAMES, st.integers(0, 3 * BESIDE)),
            st.tuples(st.just("find"), NAMES, st.integers(0, 30)),
            st.tuples(st.just("wait"), st.just(b""), st.integers(0, 30)),
        ),
        max_size=40,
    ),
)
def test_whatever_happens_it_is_bounded_and_tells_the_truth(
    most: int, steps: list[tuple[str, bytes, int]]
) -> None:
    kept, clock = cache(most=most, ttl=40)
    last: dict[bytes, tuple[float, str]] = {}
    for number, (what, name, amount) in enumerate(steps):
        if what == "keep":
            if kept.keep(name, entry(bytes(amount), f"t{number}")):
                last[name] = clock.elapsed, f"t{number}"
            else:
                last.pop(name, None)
                assert amount + BESIDE > most
        elif what == "wait":
            clock.advance(amount)
        elif (found := kept.find(name, amount)) is not None:
            assert last[name] == (clock.elapsed - found.age, found.entry.turn_id)
            assert found.age < min(amount, 40)
        assert kept.size <= most
        assert (kept.size == 0) == (len(kept) == 0) or kept.size >= len(kept) * BESIDE


@pytest.mark.parametrize("count", [1, 5, 50])
def test_small_answers_do_not_go_uncounted(count: int) -> None:
    kept, _ = cache(most=4 * BESIDE)
    for number in range(count):
        kept.keep(b"%d" % number, entry())
    assert len(kept) == min(count, 4)
