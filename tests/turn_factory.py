"""Turns of every kind, made up by the thousand, and reckoned as the gateway reckons: for tests of sums.

Not what really happens between a client and a provider (`pipeline_stage.py`): the records are made directly,
from a seed, the same ones each time.
"""

import random
from collections.abc import Iterator, Mapping
from decimal import Decimal

import msgspec

from fakes import FakeClock
from ledger_samples import NOON
from llm_gateway.canonical.usage import Special, Usage
from llm_gateway.ledger.accounting import Basis, Used, cached, has_lines, reckon
from llm_gateway.ledger.ids import Ids
from llm_gateway.ledger.records import (
    Attempt,
    Compressed,
    Counted,
    Intent,
    Noted,
    Outcome,
    Progress,
    Purpose,
    Record,
    Recount,
    Removed,
    Settlement,
)
from llm_gateway.ledger.tariff import Card, Steps, Tariff, TokenClass

__all__ = ["CARDS", "FATES", "SEATS", "Seat", "generated"]


class Seat(msgspec.Struct, frozen=True):
    """A target, and at what its tokens are reckoned, by service tier."""

    provider: str
    model: str
    bases: Mapping[str, Basis]
    demo: bool = False


_Prices = Mapping[TokenClass, str]


def _card(provider: str, model: str, prices: _Prices, **changes: object) -> Card:
    """Return a card; a price may have steps: `3 200000:6`."""
    rates = {name: _steps(text) for name, text in prices.items()}
    card = Card("genai-prices", provider, model, "exact", rates, version="0.2.3", sha256="6f" * 32)
    return msgspec.structs.replace(card, **changes)


def _steps(text: str) -> Steps:
    first, *more = text.split()
    steps = [(0, Decimal(first))]
    for each in more:
        start, _, price = each.partition(":")
        steps.append((int(start), Decimal(price)))
    return tuple(steps)


_OPUS: _Prices = {
    "input": "5",
    "output": "25",
    "cache_read": "0.5",
    "cache_write": "6.25",
    "cache_write_1h": "10",
}
_LONG: _Prices = {
    "input": "1.25 200000:2.5",
    "output": "10 200000:15",
    "cache_read": "0.31 200000:0.625",
    "audio_in": "1.375",
}
_MINI: _Prices = {"input": "0.4375", "output": "1.7501", "cache_read": "0.043701", "reasoning": "2.0003"}
_CHAT: _Prices = {"input": "0.135", "output": "0.5503", "cache_read": "0.035"}
_LOUD: _Prices = {"input": "2.5", "output": "10", "audio_in": "40", "audio_read": "2.51", "audio_out": "80"}


def _paid(provider: str, model: str, prices: _Prices, **changes: object) -> Seat:
    return Seat(provider, model, {"": Basis(Tariff(_card(provider, model, prices, **changes)))})


def _tiered(provider: str, model: str, prices: _Prices, **factors: str) -> Seat:
    """Return a model with its prices in the usual tier, and in others by a factor."""
    bases = {"": Basis(Tariff(_card(provider, model, prices)))}
    for tier, factor in factors.items():
        told: _Prices = {name: str(Decimal(price) * Decimal(factor)) for name, price in prices.items()}
        bases[tier] = Basis(Tariff(_card(provider, model, told, tier=tier)))
    return Seat(provider, model, bases)


def _worth(provider: str, model: str, card: Card, *, chosen: bool = False) -> Seat:
    return Seat(provider, model, {"": Basis(None, Tariff(card), chosen)})


SEATS = (
    _paid("anthropic", "claude-opus-5", _OPUS, search=Decimal(10)),
    _paid("google", "gemini-3-pro", _LONG),
    _tiered("openai", "gpt-6-mini", _MINI, batch="0.5", flex="0.5", priority="2.5"),
    _paid("openai", "gpt-audio", _LOUD, match="pattern", request=Decimal("0.0001")),
    _paid("deepseek", "chat", _CHAT, other="litellm: 0.14", hours="16:30-00:30"),
    _paid("house", "contract", {"input": "0.1", "output": "0.3"}, source="configuration", match="stated"),
    _paid("newcomer", "m-1", {"input": "15", "output": "75"}, match="assumed"),
    _worth("claude", "opus-5", _card("anthropic", "claude-opus-5", _OPUS, match="pattern")),
    _worth("ollama", "qwen2.5:14b", _card("openai", "gpt-6-mini", _MINI), chosen=True),
    Seat("llamacpp", "tiny", {"": Basis()}),
    Seat("demo", "echo", {"": Basis()}, demo=True),
)
"""Hosted ones with steps, tiers, hours and prices of their own; a bridge; local ones; a demo."""

CARDS = {
    tariff.id: tariff
    for seat in SEATS
    for basis in seat.bases.values()
    for tariff in (basis.tariff, basis.reference)
    if tariff is not None
}
"""Every card that any of them is reckoned with, by its id."""

FATES = {
    "answered": 600,
    "cached": 60,
    "cancelled": 60,
    "failed": 60,
    "failed late": 20,
    "truncated": 30,
    "smoke": 20,
    "interrupted": 10,
    "running": 5,
    "uncounted": 60,
    "recounted": 30,
    "free": 20,
}
"""What becomes of turns, and how often."""

_CLIENTS = ("codex-cli", "claude-code", "codex-desktop", "script", "")
_GUESSES: tuple[Counted, ...] = ("tokenizer", "calibrated", "bytes")
_OUTCOMES: Mapping[str, Outcome] = {
    "cancelled": "cancelled",
    "failed": "error",
    "failed late": "error",
    "truncated": "truncated",
    "interrupted": "interrupted",
}


def generated(
    count: int, seed: int = 7, *, start_us: int = NOON, apart_us: int = 60_000_000
) -> Iterator[list[Record]]:
    """Yield the records of each of so many turns in the order in which they are put on record.

    They begin `apart_us` from one another on average. A card is among the records of the first turn that is
    reckoned with it.
    """
    making = _Making(seed, start_us, apart_us)
    for _ in range(count):
        yield making.turn()


class _Making:
    def __init__(self, seed: int, start_us: int, apart_us: int) -> None:
        self._dice = random.Random(seed)
        self._clock = FakeClock(start_us)
        self._apart_us = apart_us
        self._ids = Ids(self._clock, self._dice.randbytes)
        self._noted: set[str] = set()
        self._answers: list[tuple[Settlement, Seat]] = []

    def turn(self) -> list[Record]:
        dice = self._dice
        self._clock.now += dice.randrange(2 * self._apart_us)
        (fate,) = dice.choices(tuple(FATES), tuple(FATES.values()))
        if fate == "cached" and self._answers:
            return self._cached(*dice.choice(self._answers))
        seat = dice.choice(SEATS)
        intent = self._intent(seat, fate)
        match fate:
            case "running":
                return [intent, Progress(intent.id, dice.randrange(10_000))]
            case "interrupted":
                return [intent, self._interrupted(intent)]
            case "failed" | "free":
                return self._without_usage(intent, seat, fate)
            case _:
                return self._answered(intent, seat, fate)

    def _intent(self, seat: Seat, fate: str) -> Intent:
        dice = self._dice
        purpose: Purpose = "demo" if seat.demo else "smoke" if fate == "smoke" else "request"
        who = dice.randrange(4)
        return Intent(
            self._ids.new(),
            self._clock.now,
            f"key_{who}",
            ("ada", "bob", "nightly (self-declared)", "local")[who],
            dice.choice(_CLIENTS),
            dice.choice(("chat", "messages", "responses")),
            "messages/count_tokens" if fate == "free" else "chat/completions",
            "fast",
            seat.provider,
            seat.model,
            dice.random() < 0.7,
            purpose == "request" and dice.random() < 0.97,
            purpose,
            dice.randrange(200, 400_000),
            dice.choice((0, 0, dice.randrange(10**9))),
        )

    def _answered(self, intent: Intent, seat: Seat, fate: str) -> list[Record]:
        """Return a turn in which tokens were used, well or not."""
        dice, outcome = self._dice, _OUTCOMES.get(fate, "ok")
        guessed = fate in ("cancelled", "truncated", "uncounted", "recounted")
        tier = dice.choice(tuple(seat.bases))
        basis = seat.bases[tier]
        tries, cards = self._attempts(seat)
        used = Used(
            self._guess(intent) if guessed else self._usage(),
            has_lines(outcome, intent.purpose, counts=intent.counts),
            dice.choice(_GUESSES) if guessed else "provider",
            self._removed(),
            dice.random() < 0.5,
            _sum(tries),
        )
        cost, money = reckon(used, basis)
        end = msgspec.structs.replace(
            self._end(intent, outcome),
            usage=used.usage,
            attempts=tries,
            cost_nano=cost,
            tier=tier,
            counted=used.counted,
            error_permille=dice.randrange(1000) if guessed else None,
            removed=used.removed,
            money=money,
            compressed=self._compressed(used.removed),
        )
        if end.outcome == "ok":
            self._answers = [*self._answers[-100:], (end, seat)]
        records: list[Record] = [*cards, *self._cards(basis), intent, end]
        if fate == "recounted":
            used = msgspec.structs.replace(used, usage=self._guess(intent), counted="tokenizer")
            end = msgspec.structs.replace(end, error_permille=dice.randrange(99))
        if end.compressed is not None and dice.random() < 0.7:
            removed = None if used.removed is None else self._removed() or Removed(-3)
            records.append(_recount(end, msgspec.structs.replace(used, removed=removed), basis, counted=True))
        elif fate == "recounted":
            records.append(_recount(end, used, basis, counted=False))
        return records

    def _compressed(self, removed: Removed | None) -> Compressed | None:
        """Return what is told of compression: nothing was removed where it was only measured."""
        dice = self._dice
        if removed is None:
            return Compressed(2, 1, 900, 500, 100, shadow=True) if dice.random() < 0.1 else None
        return Compressed(9, 4, 90_000, 50_000, 9000, "strict-1", counted="bytes", error_permille=500)

    def _without_usage(self, intent: Intent, seat: Seat, fate: str) -> list[Record]:
        """Return a turn that failed before anything was used, or one that costs no tokens."""
        if fate == "free":
            return [intent, msgspec.structs.replace(self._end(intent, "ok"), usage=Usage())]
        tries, cards = self._attempts(seat)
        _, money = reckon(Used(Usage(), counts=False, retried_nano=_sum(tries)), Basis())
        return [
            *cards,
            intent,
            msgspec.structs.replace(self._end(intent, "error"), attempts=tries, money=money),
        ]

    def _cached(self, kept: Settlement, seat: Seat) -> list[Record]:
        """Return a turn that gets the answer of an earlier one."""
        intent, basis, saved = self._intent(seat, "cached"), seat.bases[kept.tier], kept.usage
        assert saved is not None
        counts = has_lines("ok", intent.purpose, counts=intent.counts)
        nano = basis.tariff.cost(saved) if basis.tariff is not None and counts else None
        end = msgspec.structs.replace(
            self._end(intent, "ok"),
            usage=Usage(),
            cost_nano=None if basis.tariff is None else 0,
            cached_from=kept.id,
            saved=saved,
            saved_nano=nano,
            tier=kept.tier,
            money=cached(nano, saved, basis),
        )
        return [intent, end]

    def _interrupted(self, intent: Intent) -> Settlement:
        """Return the end that the ledger gives to what was left running."""
        return Settlement(
            intent.id,
            "interrupted",
            provider=intent.provider,
            model=intent.model,
            usage=self._guess(intent),
            counted="bytes",
            cost_nano=intent.held_nano or None,
        )

    def _attempts(self, seat: Seat) -> tuple[tuple[Attempt, ...], list[Noted]]:
        """Return the tries of a turn; some of those before the last one may be billed."""
        dice = self._dice
        tries: list[Attempt] = []
        cards: list[Noted] = []
        for _ in range(dice.choice((0, 0, 0, 0, 0, 0, 0, 1, 1, 2))):
            other = dice.choice(SEATS)
            lost = Attempt(other.provider, "chat", other.model, 5, 70, status=503, error_kind="cancelled")
            tariff = other.bases[""].tariff
            if tariff is not None and dice.random() < 0.5:
                usage = Usage(dice.randrange(50_000), output=dice.randrange(500), estimated=True)
                lost = msgspec.structs.replace(
                    lost, usage=usage, cost_nano=tariff.cost(usage), tariff=tariff.id
                )
                cards += self._cards(other.bases[""])
            tries.append(lost)
        return (*tries, Attempt(seat.provider, "chat", seat.model, 80, 12_000, status=200)), cards

    def _cards(self, basis: Basis) -> list[Noted]:
        """Return the cards that are not on record yet."""
        tariffs = [each for each in (basis.tariff, basis.reference) if each is not None]
        fresh = [each for each in tariffs if each.id not in self._noted]
        self._noted |= {each.id for each in fresh}
        return [Noted(each.id, each.text) for each in fresh]

    def _end(self, intent: Intent, outcome: Outcome) -> Settlement:
        dice = self._dice
        latency_us = int(dice.lognormvariate(14, 1.2))
        return Settlement(
            intent.id,
            outcome,
            {"ok": 200, "cancelled": 499}.get(outcome, 502),
            "" if outcome == "ok" else "upstream_status",
            intent.provider,
            intent.model,
            latency_us=latency_us,
            ttft_us=latency_us // 3 if outcome == "ok" else None,
            response_bytes=dice.randrange(100_000),
            response_id=f"chatcmpl-{dice.randrange(10**9)}",
            finish_reason="stop" if outcome == "ok" else "",
        )

    def _guess(self, intent: Intent) -> Usage:
        sent = -(-intent.request_bytes // 4)
        return Usage(sent, output=self._dice.randrange(5000), estimated=True)

    def _usage(self) -> Usage:
        """Return what a provider counted: caches read and written, reasoning, and what is no text."""
        dice = self._dice
        read, write = (dice.choice((0, 0, dice.randrange(250_000))) for _ in range(2))
        output = dice.choice((0, dice.randrange(200), dice.randrange(60_000)))
        uncached = dice.choice((0, dice.randrange(3000), dice.randrange(240_000)))
        special = None
        if dice.random() < 0.15:
            special = Special(
                audio_in=dice.randint(0, uncached // 3),
                image_in=dice.randint(0, uncached // 3),
                audio_read=dice.randint(0, read // 3),
                image_read=dice.randint(0, read // 3),
                audio_out=dice.randint(0, output // 4),
                image_out=dice.randint(0, output // 4),
                searches=dice.randrange(4),
            )
        return Usage(
            uncached,
            read,
            write,
            output,
            dice.choice((0, dice.randint(0, output // 2))),
            cache_write_1h=dice.choice((0, write, dice.randint(0, write))),
            special=special,
        )

    def _removed(self) -> Removed | None:
        dice = self._dice
        if dice.random() < 0.8:
            return None
        new, read, written = (dice.choice((0, dice.randrange(20_000))) for _ in range(3))
        return Removed(new, read, written, dice.choice((0, dice.randrange(100))))


def _sum(tries: tuple[Attempt, ...]) -> int | None:
    """Return what the tries that were not the answer cost, None where none of them is billed."""
    costs = [each.cost_nano for each in tries if each.cost_nano is not None]
    return sum(costs) if costs else None


def _recount(end: Settlement, used: Used, basis: Basis, *, counted: bool) -> Recount:
    """Return what is known better of a turn: what it used, or what compression took out, or both."""
    cost, money = reckon(used, basis)
    told = (end.id, used.usage, used.counted, end.error_permille, cost, money)
    if not counted or end.compressed is None:
        return Recount(*told)
    tokens = 100 if used.removed is None else used.removed.uncached + used.removed.cache_read
    compressed = msgspec.structs.replace(
        end.compressed, tokens=tokens, counted="tokenizer", error_permille=20
    )
    return Recount(*told, used.removed, compressed)
