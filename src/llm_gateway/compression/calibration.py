"""How many tokens providers count where we count so many, or see so many bytes: learned, by model.

A ratio is the median of the last ones seen. Its error is such that nine of ten of the next ones lie within
it: the distance within which of n past ratios the ⌈0.95 (n + 1)⌉ nearest lie, as conformal prediction has it
for nineteen of twenty, because tomorrow's prompts are not quite today's. Learning is a few operations on a
short sorted list, because it happens where a turn ends.
"""

from bisect import bisect_left, insort
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Literal

import msgspec

from llm_gateway.compression.weights import weights_of

__all__ = ["FEWEST", "MOST", "Calibrations", "Kept", "Method", "Model", "Ratio", "Side"]

Side = Literal["in", "out"]
Method = Literal["bytes", "tokenizer"]

FEWEST = 5
"""Fewer than so many ratios say nothing yet."""

MOST = 200
"""So many ratios are remembered, the last ones."""

# With fewer, not even the farthest is far enough to speak for nineteen of twenty.
_TELLING = 19
_MOST_MODELS = 1000
_LEAST_ERROR = 10
_MOST_ERROR = 99_999
# Tokens for a byte. Below are bodies that are mostly media in base64, beyond are prompts that the provider
# or a bridge adds to: neither says anything of text.
_LEAST_IN, _MOST_IN = 0.025, 1.5
# An answer's reasoning has tokens and no bytes where it is hidden; media of an answer is not in its bytes.
_LEAST_OUT, _MOST_OUT = 0.025, 25.0
_LEAST_COUNTED, _MOST_COUNTED = 0.2, 5.0


class Ratio:
    """A ratio that is learned, and what it is taken for until then.

    `assumed` is that ratio, how far off it may be in thousandths, and in tokens beside that: what a provider
    adds to a short prompt is more than the prompt.
    """

    __slots__ = ("_assumed", "_at", "_error", "_ring", "_sorted")

    def __init__(self, assumed: tuple[float, int, int]) -> None:
        self._assumed = assumed
        self._ring: list[float] = []
        self._sorted: list[float] = []
        self._at = 0
        self._error = 0

    def __len__(self) -> int:
        """Return how many ratios are remembered."""
        return len(self._ring)

    def __iter__(self) -> Iterator[float]:
        """Return what is remembered, the oldest first."""
        yield from self._ring[self._at :]
        yield from self._ring[: self._at]

    def learn(self, value: float) -> None:
        """Remember a ratio, for the oldest one when there are enough."""
        ring = self._ring
        if len(ring) < MOST:
            ring.append(value)
        else:
            at = self._at
            del self._sorted[bisect_left(self._sorted, ring[at])]
            ring[at] = value
            self._at = (at + 1) % MOST
        insort(self._sorted, value)
        self._error = 0

    @property
    def value(self) -> float:
        """Return the median."""
        known = len(self._sorted)
        return self._sorted[known // 2] if known >= FEWEST else self._assumed[0]

    def error_permille(self, tokens: float) -> int:
        """Return how far off so many tokens may be, in thousandths of them: nine of ten are within it."""
        if not self._error:
            self._error = self._measured()
        if len(self._sorted) >= _TELLING:
            return self._error
        # So few cannot tell: the farthest of them, and no less than was assumed.
        _, share, slack = self._assumed
        return min(max(share + round(1000 * slack / max(tokens, 1)), self._error), _MOST_ERROR)

    def _measured(self) -> int:
        known = len(self._sorted)
        if known < FEWEST:
            return _LEAST_ERROR
        middle = self.value
        nearest = min(-(-19 * (known + 1) // 20), known)
        windows = zip(self._sorted, self._sorted[nearest - 1 :], strict=False)
        error = min(max(1 - low / middle, high / middle - 1) for low, high in windows)
        return min(max(round(error * 1000), _LEAST_ERROR), _MOST_ERROR)


class Kept(msgspec.Struct, frozen=True):
    """What was learned, as it is stored: the ratios in millionths, the oldest first."""

    provider: str
    model: str
    side: Side
    method: Method
    ratios: tuple[int, ...]


# Until something is learned, a token is four bytes. Of recorded requests and answers nine of ten are within
# these errors (tests/compression/test_recorded.py); reasoning is billed that no byte of an answer shows.
_BYTES_IN = (0.25, 500, 250)
_BYTES_OUT = (0.25, 500, 300)


class Model:
    """What is known of one model of one provider."""

    __slots__ = ("answers", "bytes_in", "bytes_out", "counted", "news", "turns")

    def __init__(self, name: str) -> None:
        self.bytes_in = Ratio(_BYTES_IN)
        self.bytes_out = Ratio(_BYTES_OUT)
        self.counted = Ratio((1.0, *weights_of(name).error))
        self.news = False
        self.turns = self.answers = 0

    @property
    def is_full(self) -> bool:
        """Return whether of its bytes so much is known that only changes are news."""
        return len(self.bytes_in) == len(self.bytes_out) == MOST

    def ratios(self) -> tuple[tuple[Side, Method, Ratio], ...]:
        """Return every ratio with its side and method."""
        return (
            ("in", "bytes", self.bytes_in),
            ("out", "bytes", self.bytes_out),
            ("in", "tokenizer", self.counted),
        )


@lru_cache(_MOST_MODELS)
def _assumed(name: str) -> Model:
    """Return what is assumed of a model; nobody learns into it."""
    return Model(name)


class Calibrations:
    """What is known of all models; bounded, because clients name some of them."""

    def __init__(self, kept: Iterable[Kept] = ()) -> None:
        self._models: dict[tuple[str, str], Model] = {}
        for each in kept:
            model = self._meet(each.provider, each.model)
            for side, method, ratio in model.ratios():
                if (side, method) == (each.side, each.method):
                    for value in each.ratios:
                        ratio.learn(value / 1e6)

    def __len__(self) -> int:
        """Return of how many models something is known."""
        return len(self._models)

    def known(self, provider: str, model: str) -> Model:
        """Return what is known of a model, or what is assumed of it."""
        return self._models.get((provider, model)) or _assumed(model)

    def learn(
        self, names: tuple[str, str], request_bytes: int, tokens_in: int, content_bytes: int, tokens_out: int
    ) -> None:
        """Learn from what a provider counted, and of what; nothing where it cannot be of that alone."""
        model = self._models.get(names) or self._meet(*names)
        if request_bytes and _LEAST_IN < (ratio := tokens_in / request_bytes) < _MOST_IN:
            model.bytes_in.learn(ratio)
            model.news = True
        if content_bytes and _LEAST_OUT < (ratio := tokens_out / content_bytes) < _MOST_OUT:
            model.bytes_out.learn(ratio)
            model.news = True

    def learn_counted(self, names: tuple[str, str], tokens_in: int, counted: float) -> None:
        """Learn from what a provider counted where a tokenizer of ours counted so many."""
        if counted and _LEAST_COUNTED < (ratio := tokens_in / counted) < _MOST_COUNTED:
            model = self._models.get(names) or self._meet(*names)
            model.counted.learn(ratio)
            model.news = True

    def news(self) -> list[Kept]:
        """Return what is to be stored: all of each model of which something was learned since."""
        found: list[Kept] = []
        for (provider, name), model in self._models.items():
            if model.news:
                model.news = False
                found += (
                    Kept(provider, name, side, method, tuple(round(value * 1e6) for value in ratio))
                    for side, method, ratio in model.ratios()
                    if len(ratio)
                )
        return found

    def _meet(self, provider: str, name: str) -> Model:
        models = self._models
        known = models.get((provider, name))
        if known is None:
            if len(models) >= _MOST_MODELS:
                del models[next(iter(models))]
            known = models[provider, name] = Model(name)
        return known
