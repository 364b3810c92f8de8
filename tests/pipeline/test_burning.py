"""How fast a window is used up, and when it will be: by hand, and for any window."""

from hypothesis import given
from hypothesis import strategies as st

from llm_gateway.pipeline.burning import Outlook, Point, outlook, running

HOUR = 3_600 * 1_000_000
T0 = 1_700_000_000_000_000
RESETS = T0 + 5 * HOUR


def points(*told: tuple[float, float], resets: int = RESETS) -> list[Point]:
    """Return points by hours since T0."""
    return [Point(T0 + int(hours * HOUR), used, resets) for hours, used in told]


def test_a_steady_use_hits_the_limit_where_it_says() -> None:
    seen = points((0, 0.0), (1, 0.3), (2, 0.6))
    assert outlook(seen, T0 + 2 * HOUR) == Outlook(0.3, T0 + 2 * HOUR + int(0.4 / 0.3 * HOUR))


def test_a_slow_use_hits_nothing_before_the_window_begins_anew() -> None:
    found = outlook(points((0, 0.0), (2, 0.2)), T0 + 2 * HOUR)
    assert (found.per_hour is not None and found.per_hour > 0, found.hits_us) == (True, 0)


def test_only_the_latest_fifth_of_a_window_counts() -> None:
    seen = points((0, 0.0), (1, 0.5), (3, 0.5), (3.5, 0.52), (4, 0.55))
    found = outlook(seen, T0 + 4 * HOUR)
    assert found.per_hour is not None and abs(found.per_hour - 0.05) < 1e-9


def test_an_idle_time_slows_it_down() -> None:
    seen = points((0, 0.0), (1, 0.4))
    busy, idle = outlook(seen, T0 + HOUR), outlook(seen, T0 + 3 * HOUR)
    assert busy.hits_us and busy.per_hour
    assert (idle.per_hour, idle.hits_us) == (0.0, 0)


def test_what_was_before_a_reset_is_another_window() -> None:
    before = points((-6, 0.2), (-1, 0.9), resets=T0 - HOUR // 2)
    after = points((0, 0.0), (1, 0.1))
    assert list(running([*before, *after])) == after
    assert outlook([*before, *after], T0 + HOUR) == outlook(after, T0 + HOUR)


def test_a_reset_that_was_told_by_the_share_alone_is_one_too() -> None:
    seen = points((0, 0.8), (1, 0.1), (2, 0.2), resets=0)
    assert [point.used for point in running(seen)] == [0.1, 0.2]


def test_a_correction_is_no_reset_and_no_negative_rate() -> None:
    seen = points((0, 0.50), (1, 0.49))
    assert running(seen) == seen
    assert outlook(seen, T0 + HOUR) == Outlook(0.0)


def test_a_sliding_end_is_no_reset() -> None:
    sliding = [Point(T0 + hour * HOUR, 0.1 * hour, T0 + (hour + 5) * HOUR) for hour in range(3)]
    assert running(sliding) == sliding


def test_too_little_is_known_of_a_moment() -> None:
    assert outlook([], T0) == Outlook()
    assert outlook(points((0, 0.3)), T0) == Outlook(None)
    assert outlook(points((0, 0.1), (0.05, 0.2)), T0 + HOUR // 20) == Outlook(None)


def test_a_window_that_is_used_up_was_so_since_then() -> None:
    seen = points((0, 0.5), (1, 1.0), (2, 1.0))
    assert outlook(seen, T0 + 2 * HOUR).hits_us == T0 + HOUR


def test_a_window_that_has_ended_says_nothing_of_the_one_that_runs() -> None:
    assert outlook(points((0, 0.5), (1, 0.9)), RESETS) == Outlook(over=True)


def test_without_an_end_a_day_counts() -> None:
    seen = points((-40, 0.0), (-30, 0.5), (0, 0.62), resets=0)
    found = outlook(seen, T0)
    assert found.per_hour is not None and abs(found.per_hour - 0.12 / 24) < 1e-9
    assert found.hits_us == T0 + int(0.38 / found.per_hour * HOUR)


shares = st.floats(0, 1, allow_nan=False)
steps = st.lists(st.tuples(st.integers(1, 4 * HOUR), st.floats(0, 0.3)), min_size=1, max_size=12)


def grown(told: list[tuple[int, float]], resets: int) -> list[Point]:
    """Return a window that only grows, a step after the other."""
    at, used, found = T0, 0.0, []
    for later, more in told:
        at, used = at + later, min(0.99, used + more)
        found.append(Point(at, used, resets))
    return found


@given(steps, st.integers(0, 48 * HOUR), st.integers(1, 200 * HOUR))
def test_a_limit_is_hit_in_the_future_and_before_the_window_ends(
    told: list[tuple[int, float]], later: int, left: int
) -> None:
    last = T0 + sum(step for step, _ in told)
    seen = grown(told, last + left)
    now = last + later
    found = outlook(seen, now)
    if found.over:
        assert now >= last + left and not found.hits_us and found.per_hour is None
    elif found.hits_us:
        assert now <= found.hits_us < last + left
    assert found.per_hour is None or found.per_hour >= 0


@given(steps, st.lists(shares, max_size=6))
def test_what_was_before_the_window_changes_nothing(
    told: list[tuple[int, float]], before: list[float]
) -> None:
    seen = grown(told, T0 + 500 * HOUR)
    old = [Point(T0 - (len(before) - i) * HOUR, used, T0 - 1) for i, used in enumerate(before)]
    now = seen[-1].at_us + HOUR
    assert outlook([*old, *seen], now) == outlook(seen, now)


@given(steps, st.integers(1, 30 * HOUR))
def test_waiting_never_brings_the_limit_nearer(told: list[tuple[int, float]], wait: int) -> None:
    seen = grown(told, 0)
    now = seen[-1].at_us + HOUR
    soon, late = outlook(seen, now), outlook(seen, now + wait)
    if soon.hits_us and late.hits_us:
        assert late.hits_us >= soon.hits_us - 1


@given(steps, st.floats(0.0001, 0.2))
def test_using_more_never_puts_it_off(told: list[tuple[int, float]], more: float) -> None:
    seen = grown(told, 0)
    last = seen[-1]
    now = last.at_us + HOUR
    dearer = [*seen[:-1], Point(last.at_us, min(0.999, last.used + more), 0)]
    soon, late = outlook(dearer, now), outlook(seen, now)
    if late.hits_us and len(seen) > 1:
        assert soon.hits_us and soon.hits_us <= late.hits_us + 1
