"""The arithmetic of a soak: slopes, quantiles, and what of a process's memory grew. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import linear_regression, median

__all__ = ["MIB", "Memory", "Sample", "memory", "quantile"]

MIB = 1024 * 1024
_HOUR_S = 3600.0
# An end of a run is the middle of so many samples: one that a burst of long answers raised is none.
_AN_END = 6


@dataclass(frozen=True, slots=True)
class Sample:
    """How the gateway's process stood, `at` so many seconds after the load began."""

    at: float
    rss: int
    descriptors: int
    threads: int


@dataclass(frozen=True, slots=True)
class Memory:
    """What became of its memory after the warm-up, in MiB, and MiB an hour."""

    first: float
    last: float
    highest: float
    slope: float
    samples: int

    @property
    def growth(self) -> float:
        """Return how much more there was at the end."""
        return self.last - self.first


def memory(samples: Sequence[Sample], warm_up: float) -> Memory:
    """Return what became of the memory from `warm_up` seconds on, by least squares."""
    counted = [sample for sample in samples if sample.at >= warm_up]
    if len(counted) < 2:
        raise ValueError(f"{len(counted)} samples after {warm_up:g} s tell of no slope")
    sizes = [sample.rss / MIB for sample in counted]
    slope = linear_regression([sample.at / _HOUR_S for sample in counted], sizes).slope
    return Memory(median(sizes[:_AN_END]), median(sizes[-_AN_END:]), max(sizes), slope, len(sizes))


def quantile(values: Sequence[float], share: float) -> float:
    """Return the value that this share of the values does not exceed, 0 where there are none."""
    if not values:
        return 0.0
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]
