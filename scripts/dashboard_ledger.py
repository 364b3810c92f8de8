"""A ledger as a team has one after three months, made up: for looking at the dashboard, and for measuring it.

    python scripts/dashboard_ledger.py HOME TURNS

The same turns each time, but for when the last of them was: that is now. They come as people work, by day
more than by night, from a dozen keys, through bridges, hosted providers and local models, and are reckoned as
the gateway reckons. Some applications pass the gateway by. No gateway is started.
"""

import math
import random
import shutil
import sys
import time
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path

import msgspec

from llm_gateway.canonical.usage import Usage
from llm_gateway.clock import SystemClock
from llm_gateway.ledger.accounting import Basis, Used, cached, has_lines, reckon
from llm_gateway.ledger.ids import Ids
from llm_gateway.ledger.keys import KeyRow, insert
from llm_gateway.ledger.opening import offline
from llm_gateway.ledger.prices import PriceBook
from llm_gateway.ledger.records import (
    Attempt,
    Compressed,
    Intent,
    Noted,
    Outcome,
    Record,
    Removed,
    Settlement,
)
from llm_gateway.ledger.rows import merge
from llm_gateway.ledger.sightings import Sighting, put
from llm_gateway.ledger.store import Store

__all__ = ["DAYS", "KEYS", "fill", "turns"]

DAYS = 90
_HOUR_US = 3_600_000_000
_AT_ONCE = 2000
_CHAT, _RESPONSES, _MESSAGES = "chat", "responses", "messages"
_PATHS = {_CHAT: "chat/completions", _RESPONSES: "responses", _MESSAGES: "messages"}


class Seat(msgspec.Struct, frozen=True):
    """A key in somebody's hands: with which client on which machine, in which dialect, for which models."""

    name: str
    client: str
    machine: str
    dialect: str
    targets: tuple[tuple[str, str], ...]
    weight: int
    person: str = ""
    kept_days: int = 0


_CLAUDE = (("claude", "claude-opus-5"), ("claude", "claude-sonnet-5"), ("anthropic", "claude-haiku-4-5"))
_CODEX = (("codex", "gpt-5.5"), ("codex", "gpt-5-mini"), ("openai", "gpt-5.5"))
_LOCAL = (("ollama", "qwen2.5:14b"), ("ollama", "llama3.3:70b"), ("llamacpp", "gemma-3-4b"))
_HOSTED = (("openai", "gpt-5-mini"), ("gemini", "gemini-3.5-flash"), ("deepseek", "deepseek-chat"))

KEYS = (
    Seat("ada-laptop", "claude-code", "ada-mbp", _MESSAGES, _CLAUDE, 22, "ada"),
    Seat("ada-codex", "codex-cli", "ada-mbp", _RESPONSES, _CODEX, 14, "ada", 7),
    Seat("ben-desktop", "codex-desktop", "ben-pc", _RESPONSES, _CODEX, 9, "ben"),
    Seat("ben-claude", "claude-code", "ben-pc", _MESSAGES, _CLAUDE, 10, "ben"),
    Seat(
        "chloe-editor", "copilot-vscode", "chloe-mbp", _CHAT, (("copilot", "gpt-5.5"), *_HOSTED), 8, "chloe"
    ),
    Seat("chloe-claude", "claude-desktop", "chloe-mbp", _MESSAGES, _CLAUDE[:2], 5, "chloe"),
    Seat("dev-opencode", "opencode", "dev-box", _CHAT, (*_HOSTED, *_LOCAL[:1]), 7, "dev"),
    Seat("dev-gemini", "gemini-cli", "dev-box", _CHAT, (("gemini", "gemini-3.5-flash"),), 4, "dev"),
    Seat("nightly-eval", "openai-compatible", "ci-1", _CHAT, (*_LOCAL, *_HOSTED), 9),
    Seat("docs-search", "", "web-1", _CHAT, (("openai", "text-embedding-3-small"),), 6),
    Seat("support-bot", "openai-compatible", "web-1", _CHAT, _HOSTED, 5, "", 30),
    Seat("kiosk", "ollama-app", "kiosk", _CHAT, _LOCAL[:2], 3),
)

_BRIDGES = {"claude": "anthropic", "codex": "openai", "copilot": "openai"}
_ADDRESSES = {
    "openai": "https://api.openai.com/v1",
    "anthropic": "https://api.anthropic.com",
    "gemini": "https://generativelanguage.googleapis.com",
    "deepseek": "https://api.deepseek.com",
}
_FATES = {"ok": 880, "cached": 28, "failed over": 18, "error": 34, "cancelled": 24, "truncated": 8}
_FATES |= {"smoke": 5, "interrupted": 1}
_OUTCOMES: dict[str, Outcome] = {
    "cancelled": "cancelled",
    "truncated": "truncated",
    "interrupted": "interrupted",
}
_KINDS = (
    ("upstream_status", 429),
    ("upstream_status", 502),
    ("upstream_timeout", 504),
    ("upstream_unreachable", 502),
    ("budget_reached", 429),
)
_LOSSES = ("tools.0.cache_control", "response_format.json_schema.strict", "reasoning.summary")
_PASSING = (("claude-code", "ada-mbp"), ("codex-cli", "ben-pc"), ("github-copilot", "chloe-mbp"))


def fill(home: Path, count: int, now_us: int | None = None) -> None:
    """Put so many turns into the ledger of a home that has none yet."""
    clock = SystemClock()
    now_us = clock.now_us() if now_us is None else now_us
    home.mkdir(parents=True, exist_ok=True)
    with offline(home, clock, _report) as store:
        for number, seat in enumerate(KEYS):
            insert(store, _key(number, seat, now_us))
        records = (record for turn in turns(count, now_us) for record in turn)
        position = 0
        while piece := list(islice(records, _AT_ONCE)):
            position += 1
            store.apply(merge(piece), position)
        _sighted(store, max(count // 50, 1), now_us)
        store.checkpoint()


def turns(count: int, now_us: int, seed: int = 9) -> Iterator[list[Record]]:
    """Yield the records of each of so many turns, the oldest first; the last ones have just ended."""
    making = _Making(seed, now_us)
    for at_us in _times(count, now_us, random.Random(seed)):
        yield making.turn(at_us)


def _report(where: str, error: BaseException) -> None:
    sys.stderr.write(f"{where}: {error}\n")


def _key(number: int, seat: Seat, now_us: int) -> KeyRow:
    dice = random.Random(number)
    return KeyRow(
        f"key_{number:02}",
        seat.name,
        dice.randbytes(32),
        f"…{dice.randbytes(2).hex()}",
        now_us - DAYS * 24 * _HOUR_US,
        keep_content_days=seat.kept_days,
        client=seat.client,
        machine=seat.machine,
        person=seat.person,
    )


def _times(count: int, now_us: int, dice: random.Random) -> Iterator[int]:
    """Yield when turns began: by day more than by night, on weekdays more than on others, more each month."""
    first = now_us // _HOUR_US - DAYS * 24 + 1
    hours = range(first, now_us // _HOUR_US + 1)
    weights = [_busy(hour) * (1 + (hour - first) / len(hours)) for hour in hours]
    whole, told, given = sum(weights), 0.0, 0
    for hour, weight in zip(hours, weights, strict=True):
        told += weight
        upto = round(count * told / whole)
        begin, end = hour * _HOUR_US, min((hour + 1) * _HOUR_US, now_us)
        yield from sorted(dice.randrange(begin, max(end, begin + 1)) for _ in range(upto - given))
        given = upto


def _busy(hour: int) -> float:
    of_day, day = hour % 24, hour // 24
    weekend = (day + 3) % 7 >= 5
    return (0.15 + math.exp(-(((of_day - 13) / 4.5) ** 2))) * (0.35 if weekend else 1.0)


class _At:
    """A clock that stands where it was put."""

    def __init__(self) -> None:
        self.at_us = 0

    def now_us(self) -> int:
        return self.at_us

    def monotonic(self) -> float:
        return self.at_us / 1e6


class _Making:
    def __init__(self, seed: int, now_us: int) -> None:
        self._dice = random.Random(seed)
        self._now_us = now_us
        self._clock = _At()
        self._ids = Ids(self._clock, self._dice.randbytes)
        self._book = PriceBook({}, _ADDRESSES, {"ollama/*": "openai/gpt-5-mini"}, vendors=_BRIDGES)
        self._bases: dict[tuple[str, str], Basis] = {}
        self._noted: set[str] = set()
        self._answers: list[tuple[Settlement, Basis]] = []
        self._sessions = [self._dice.randbytes(8).hex() for _ in KEYS]
        self._weights = [seat.weight for seat in KEYS]

    def turn(self, at_us: int) -> list[Record]:
        """Return the records of one turn."""
        dice = self._dice
        self._clock.at_us = at_us
        (number,) = dice.choices(range(len(KEYS)), self._weights)
        (fate,) = dice.choices(tuple(_FATES), tuple(_FATES.values()))
        if dice.random() < 0.03:
            self._sessions[number] = dice.randbytes(8).hex()
        seat = KEYS[number]
        target = dice.choices(seat.targets, [2**-place for place in range(len(seat.targets))])[0]
        intent = self._intent(number, target, fate)
        basis = self._basis(*target)
        if fate == "cached" and self._answers:
            return [intent, self._cached(intent)]
        if fate == "error":
            return [intent, self._failed(intent)]
        return [*self._cards(basis), intent, self._answered(intent, basis, fate)]

    def _intent(self, number: int, target: tuple[str, str], fate: str) -> Intent:
        dice, seat = self._dice, KEYS[number]
        embeds = "embedding" in target[1]
        return Intent(
            self._ids.new(),
            self._clock.at_us,
            f"key_{number:02}",
            seat.name,
            seat.client,
            seat.dialect,
            "embeddings" if embeds else _PATHS[seat.dialect],
            "fast" if dice.random() < 0.2 else f"{target[0]}/{target[1]}",
            target[0],
            target[1],
            stream=not embeds and dice.random() < 0.85,
            purpose="smoke" if fate == "smoke" else "request",
            request_bytes=int(dice.lognormvariate(10.5, 1.3)) + 200,
            session=self._sessions[number] if seat.client else "",
            label="title" if seat.client in ("codex-desktop", "claude-code") and dice.random() < 0.05 else "",
            told_by="key" if seat.client else "",
        )

    def _answered(self, intent: Intent, basis: Basis, fate: str) -> Settlement:
        """Return the end of a turn in which tokens were used."""
        dice = self._dice
        outcome = _OUTCOMES.get(fate, "ok")
        guessed = outcome != "ok"
        removed = self._removed(intent)
        used = Used(
            self._usage(intent, guessed),
            has_lines(outcome, intent.purpose, counts=intent.counts),
            "bytes" if guessed else "provider",
            removed,
        )
        cost, money = reckon(used, basis)
        end = msgspec.structs.replace(
            self._end(intent, outcome),
            usage=used.usage,
            attempts=self._attempts(intent, fate),
            losses=tuple(dice.sample(_LOSSES, 1)) if dice.random() < 0.04 else (),
            cost_nano=cost,
            counted=used.counted,
            error_permille=300 if guessed else None,
            removed=removed,
            money=money,
            compressed=_compressed(intent, removed),
        )
        if outcome == "ok" and intent.purpose == "request":
            self._answers = [*self._answers[-50:], (end, basis)]
        return end

    def _usage(self, intent: Intent, guessed: bool) -> Usage:
        dice, tokens = self._dice, intent.request_bytes // 4
        if intent.operation == "embeddings":
            return Usage(tokens, estimated=guessed)
        read = int(tokens * dice.choice((0, 0.5, 0.8, 0.9))) if intent.session else 0
        write = int((tokens - read) * 0.4) if read and intent.dialect == _MESSAGES else 0
        output = int(dice.lognormvariate(5.8, 1.1)) + 1
        reasoning = int(output * dice.choice((0, 0, 0.3, 0.6)))
        return Usage(tokens - read - write, read, write, output, reasoning, estimated=guessed)

    def _removed(self, intent: Intent) -> Removed | None:
        """Return what compression took out of a long request, for a third of them."""
        if intent.request_bytes < 30_000 or self._dice.random() < 0.4:
            return None
        return Removed(uncached=int(intent.request_bytes / 4 * self._dice.uniform(0.05, 0.45)))

    def _failed(self, intent: Intent) -> Settlement:
        kind, status = self._dice.choice(_KINDS)
        end = msgspec.structs.replace(self._end(intent, "error"), error_kind=kind, http_status=status)
        if kind == "budget_reached":
            return end
        tried = Attempt(intent.provider, intent.dialect, intent.model, 300, end.latency_us, status=status)
        return msgspec.structs.replace(end, attempts=(msgspec.structs.replace(tried, error_kind=kind),))

    def _cached(self, intent: Intent) -> Settlement:
        """Return the end of a turn that gets the answer of an earlier one."""
        kept, basis = self._dice.choice(self._answers)
        assert kept.usage is not None
        nano = basis.tariff.cost(kept.usage) if basis.tariff is not None else None
        return msgspec.structs.replace(
            self._end(intent, "ok"),
            usage=Usage(),
            provider=kept.provider,
            model=kept.model,
            latency_us=900,
            ttft_us=700,
            cost_nano=None if basis.tariff is None else 0,
            cached_from=kept.id,
            saved=kept.usage,
            saved_nano=nano,
            money=cached(nano, kept.usage, basis),
        )

    def _attempts(self, intent: Intent, fate: str) -> tuple[Attempt, ...]:
        dice = self._dice
        tries: list[Attempt] = []
        if fate == "failed over":
            kind, status = dice.choice(_KINDS[:4])
            lost = Attempt("openai", intent.dialect, "gpt-5.5", 400, dice.randrange(20_000, 900_000))
            tries.append(msgspec.structs.replace(lost, status=status, error_kind=kind, why="first choice"))
        begin = tries[-1].started_us + tries[-1].duration_us + 50_000 if tries else 450
        took = int(dice.lognormvariate(14.3, 0.9))
        last = Attempt(intent.provider, intent.dialect, intent.model, begin, took, dice.random() < 0.8, 200)
        return (*tries, msgspec.structs.replace(last, request_id=f"req_{dice.randbytes(8).hex()}"))

    def _end(self, intent: Intent, outcome: Outcome) -> Settlement:
        dice = self._dice
        latency_us = int(dice.lognormvariate(14.3, 0.9))
        return Settlement(
            intent.id,
            outcome,
            {"ok": 200, "cancelled": 499, "interrupted": 0}.get(outcome, 502),
            "upstream_truncated" if outcome == "truncated" else "",
            intent.provider,
            intent.model,
            latency_us=latency_us,
            ttft_us=latency_us // 4 if outcome in ("ok", "cancelled", "truncated") else None,
            response_bytes=dice.randrange(300, 60_000),
            upstream_request_id=f"req_{dice.randbytes(8).hex()}",
            response_id=f"resp_{dice.randbytes(10).hex()}",
            finish_reason="stop" if outcome == "ok" else "",
        )

    def _basis(self, provider: str, model: str) -> Basis:
        held = self._bases.get((provider, model))
        if held is None:
            tariff = self._book.tariff(provider, model, self._now_us) if provider in _ADDRESSES else None
            reference, chosen = self._book.reference(provider, model, self._now_us)
            held = Basis(tariff, None if tariff is not None else reference, chosen)
            self._bases[provider, model] = held
        return held

    def _cards(self, basis: Basis) -> list[Record]:
        """Return the cards that are not on record yet."""
        fresh = [each for each in (basis.tariff, basis.reference) if each is not None]
        fresh = [each for each in fresh if each.id not in self._noted]
        self._noted |= {each.id for each in fresh}
        return [Noted(each.id, each.text) for each in fresh]


def _compressed(intent: Intent, removed: Removed | None) -> Compressed | None:
    if removed is None:
        return None
    after = intent.request_bytes - removed.uncached * 4
    sizes = (7, 3, intent.request_bytes, max(after, 100), removed.uncached)
    return Compressed(*sizes, "strict-1", counted="tokenizer", error_permille=20)


def _sighted(store: Store, count: int, now_us: int) -> None:
    """Put what clients report that passed the gateway by, or never came near it."""
    dice, apart_us = random.Random(count), DAYS * 24 * _HOUR_US // count
    found: list[Sighting] = []
    for number in range(count):
        usage = Usage(dice.randrange(20_000), dice.randrange(60_000), 0, dice.randrange(2000))
        client, machine = dice.choice(_PASSING)
        at_us, mark = now_us - number * apart_us, f"line-{number}"
        found.append(Sighting(client, machine, "log", mark, at_us, usage, model="claude-sonnet-5"))
    for start in range(0, count, _AT_ONCE):
        store.write(put(found[start : start + _AT_ONCE]))


def main(arguments: Sequence[str]) -> int:
    """Fill the ledger of a home, which is emptied first."""
    if len(arguments) != 2 or not arguments[1].isdecimal():
        sys.stderr.write(f"{__doc__}\n")
        return 2
    home, count = Path(arguments[0]), int(arguments[1])
    shutil.rmtree(home / "ledger", ignore_errors=True)
    began = time.monotonic()
    fill(home, count)
    sys.stdout.write(f"{count} turns in {home}: {time.monotonic() - began:.0f} s\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
