"""How many cases of a kind a run has made, told at its end."""

from collections import Counter
from collections.abc import Callable, Iterator

import pytest

__all__ = ["cases"]


@pytest.fixture(scope="session")
def cases(report: Callable[[str], None]) -> Iterator[Counter[str]]:
    """Return a count to add to; it is shown when all have been made."""
    made: Counter[str] = Counter()
    yield made
    report("\n".join(f"{name:<40} {number:>7}" for name, number in made.items()))
