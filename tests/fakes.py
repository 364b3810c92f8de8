"""Fakes that every test may pass in: time that stands still until it is told otherwise."""

__all__ = ["FakeClock"]


class FakeClock:
    """A clock that the test moves."""

    def __init__(self, now_us: int = 1_700_000_000_000_000) -> None:
        self.now = now_us
        self.elapsed = 0.0

    def now_us(self) -> int:
        return self.now

    def monotonic(self) -> float:
        return self.elapsed

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        self.now += round(seconds * 1_000_000)
        self.elapsed += seconds
