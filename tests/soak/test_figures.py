"""The arithmetic of a soak."""

from random import Random

import pytest

from soak.figures import MIB, Sample, memory, quantile


def samples(*sizes: float, every: float = 5.0) -> list[Sample]:
    return [Sample(number * every, int(size * MIB), 20, 8) for number, size in enumerate(sizes)]


def test_a_slope_is_by_the_hour_and_without_the_warm_up() -> None:
    rising = memory(samples(*range(100), *(100 + number / 720 for number in range(720))), 500.0)
    assert rising.slope == pytest.approx(1.0, rel=0.01)
    assert rising.first == pytest.approx(100.0, abs=0.01) and rising.last == pytest.approx(101.0, abs=0.01)
    assert rising.growth == pytest.approx(1.0, abs=0.01) and rising.samples == 720


def test_what_is_level_has_no_slope_however_it_trembles() -> None:
    random = Random(1)
    level = memory(samples(*(50 + random.uniform(-0.3, 0.3) for _ in range(720))), 0.0)
    assert abs(level.slope) < 0.1 and abs(level.growth) < 0.3 and 50.2 < level.highest < 50.4


def test_a_peak_at_an_end_is_no_growth() -> None:
    assert memory(samples(*[50.0] * 20, 90.0), 0.0).growth == 0.0


def test_too_few_samples_are_no_measurement() -> None:
    with pytest.raises(ValueError, match="1 samples after 5 s"):
        memory(samples(1, 2), 5.0)


@pytest.mark.parametrize(("share", "value"), [(0.0, 1), (0.5, 51), (0.99, 100), (1.0, 100)])
def test_quantiles(share: float, value: float) -> None:
    shuffled = list(range(1, 101))
    Random(1).shuffle(shuffled)
    assert quantile(shuffled, share) == value
    assert quantile([], share) == 0.0
