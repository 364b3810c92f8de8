"""How often a target may be asked a second time for one request, and when: a budget, and a growing wait."""

from collections.abc import Callable

__all__ = ["Budget", "backoff", "not_before"]

_SHARE = 0.1
_MOST = 10.0
_FIRST = 3.0
_SHORTEST = 0.25
_LONGEST = 8.0
_SPREAD = 0.1
_MOST_SPREAD = 1.0


class Budget:
    """Second tries, at most a tenth of the traffic: what fails anyway must not be asked twice as much.

    Every request earns a tenth of a try; a few may be saved up, and there are some at the start.
    """

    __slots__ = ("_left",)

    def __init__(self) -> None:
        self._left = _FIRST

    def earn(self) -> None:
        """Count a request."""
        if self._left < _MOST:
            self._left += _SHARE

    def take(self) -> bool:
        """Take one second try, if there is one."""
        if self._left < 1.0:
            return False
        self._left -= 1.0
        return True


def backoff(tried: int, chance: Callable[[], float]) -> float:
    """Return the seconds to wait after so many rounds: twice as long each time, and by chance shorter.

    Chance spreads out those that failed together, or they would come back together.
    """
    longest: float = min(_SHORTEST * 2.0 ** min(tried, 10), _LONGEST)
    return longest * (0.5 + 0.5 * chance())


def not_before(seconds: float, chance: Callable[[], float]) -> float:
    """Return when to come back to whoever said in how many seconds: by chance a little later, never earlier.

    All that were told the same come back over a tenth of that time, or a second, instead of at one instant.
    """
    return seconds + min(seconds * _SPREAD, _MOST_SPREAD) * chance()
