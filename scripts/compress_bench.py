"""What compression saves on recorded conversations, what it costs, and what is lost: `make compress-bench`.

Tokens are o200k's. A bill is what the prompt costs in units of an input token, where everything that was sent
before is read from the provider's cache and the rest is written to it; that nothing shrinks below what a
provider caches at all is the policy's business, and not simulated.
"""

import argparse
import json
import platform
import re
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple

from compress_corpus import Call, Conversation, Output, Said, conversations
from llm_gateway.compression.block import STRICT, WIDE, History, Result, Setting, decoded, encoded, seen
from llm_gateway.compression.segments import segments
from llm_gateway.compression.tokenizer import load

__all__ = ["Session", "bills", "main", "measured"]

CORPUS = Path(__file__).resolve().parents[2] / "shared" / "corpus"
SETTINGS = {"strict": STRICT, "wide": WIDE}
# What writing to the cache costs and reading from it, in units of an input token.
PRICES = ((1.25, 0.1), (1.25, 0.05), (1.25, 0.025), (2.0, 0.1), (1.0, 0.5), (1.0, 0.25), (1.0, 0.1))
IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_./-]{5,}")
_KB = 1024


class Session(NamedTuple):
    """A conversation that was measured."""

    kind: str
    half: int
    counts: Counter[str]
    times: list[float]  # µs for a KB of each result; one smaller than a KB counts as one


def measured(conversation: Conversation, setting: Setting, tokens: Callable[[str], int]) -> Session:
    """Send a conversation, read it back, and look for what was in it."""
    there, back, sight = History(), History(), _Sight()
    counts: Counter[str] = Counter()
    times: list[float] = []
    sent: list[str] = []
    prompts: list[tuple[int, int]] = []
    calls = 0
    for step in conversation.steps:
        match step:
            case Said(text, answer):
                if answer:
                    prompts.append((counts["raw"], counts["sent"]))
                _count(counts, tokens(text), tokens(text))
            case Call(arguments, text):
                calls += 1
                sight.used(arguments, counts)
                _count(counts, tokens(text), tokens(text))
                _called(calls, arguments, (there, back))
            case Output(text, shell):
                result = Result(text, len(sent) + 1, shell)
                begun = time.process_time()
                sent.append(encoded(result, there, setting))
                times.append((time.process_time() - begun) * 1e6 / (max(len(text), _KB) / _KB))
                counts["undecoded"] += not _comes_back(result, sent[-1], back)
                before, after = tokens(text), tokens(sent[-1])
                counts["grown"] += after > before
                _count(counts, before, after)
                sight.told(text, sent[-1])
    prompts.append((counts["raw"], counts["sent"]))
    counts["failures"] = there.failures
    counts["prefix changes"] = _changes(conversation, setting, sent)
    counts["dearer"] = sum(after > before for before, after in bills(prompts))
    return Session(conversation.kind, conversation.half, counts, times)


def bills(prompts: list[tuple[int, int]]) -> list[tuple[float, float]]:
    """Return what prompts cost raw and as sent, for each pair of prices."""
    return [
        (_bill([raw for raw, _ in prompts], pair), _bill([sent for _, sent in prompts], pair))
        for pair in PRICES
    ]


def _bill(prompts: list[int], prices: tuple[float, float]) -> float:
    write, read = prices
    cost, cached = 0.0, 0
    for prompt in prompts:
        cost += cached * read + (prompt - cached) * write
        cached = prompt
    return cost


def _count(counts: Counter[str], raw: int, sent: int) -> None:
    counts["raw"] += raw
    counts["sent"] += sent


def _called(number: int, arguments: dict[str, object], histories: tuple[History, ...]) -> None:
    for name, text in arguments.items():
        if isinstance(text, str):
            for history in histories:
                history.called(number, name, text)


def _comes_back(result: Result, sent: str, back: History) -> bool:
    if sent == result.text:
        back.passed(result.number, sent)
        return True
    return decoded(sent, back, result.number) == seen(result)


def _changes(conversation: Conversation, setting: Setting, sent: list[str]) -> int:
    """Return of how many beginnings of the conversation something is sent otherwise than in all of it."""
    results = sum(isinstance(step, Output) for step in conversation.steps)
    changed = 0
    for until in range(1, results):
        history, calls, done = History(), 0, 0
        for step in conversation.steps:
            if isinstance(step, Call):
                calls += 1
                _called(calls, step.arguments, (history,))
            elif isinstance(step, Output):
                done += 1
                if encoded(Result(step.text, done, step.shell), history, setting) != sent[done - 1]:
                    changed += 1
                    break
                if done == until:
                    break
    return changed


class _Sight:
    """What could be read in the results as they were, and what can in the prompt as it is sent."""

    def __init__(self) -> None:
        self._raw: list[str] = []
        self._sent: list[str] = []
        self._raw_names: set[str] = set()
        self._sent_names: set[str] = set()

    def told(self, text: str, sent: str) -> None:
        """Look at a result."""
        plain = [line for segment in segments(text, text.split("\n")) for line in segment.lines]
        self._raw.append("\n".join(plain))
        self._sent.append(sent)
        self._raw_names.update(IDENTIFIER.findall(self._raw[-1]))
        self._sent_names.update(IDENTIFIER.findall(sent))

    def used(self, arguments: dict[str, object], counts: Counter[str]) -> None:
        """Look for what a tool is called with: what an edit quotes, and every name."""
        texts = [text for text in arguments.values() if isinstance(text, str)]
        quoted = arguments.get("old_string")
        if isinstance(quoted, str) and any(quoted in raw for raw in self._raw):
            counts["spans"] += 1
            counts["spans found"] += any(quoted in sent for sent in self._sent)
        names = {name for text in texts for name in IDENTIFIER.findall(text)} & self._raw_names
        counts["names"] += len(names)
        counts["names found"] += len(names & self._sent_names)
        self._sent += texts
        self._sent_names.update(name for text in texts for name in IDENTIFIER.findall(text))


def _rows(sessions: list[Session]) -> Iterator[dict[str, object]]:
    """Return a row for each kind: everything, and its held-out half."""
    kinds: dict[tuple[str, str], list[Session]] = defaultdict(list)
    for session in sessions:
        kinds[session.kind, "all"].append(session)
        if session.half:
            kinds[session.kind, "held out"].append(session)
    for (kind, part), chosen in kinds.items():
        counts = sum((session.counts for session in chosen), Counter[str]())
        times = sorted(each for session in chosen for each in session.times)
        yield {
            "kind": kind,
            "part": part,
            "sessions": len(chosen),
            "results": len(times),
            "raw": counts["raw"],
            "sent": counts["sent"],
            "saved %": round(100 * (1 - counts["sent"] / max(1, counts["raw"])), 1),
            "undecoded": counts["undecoded"] + counts["failures"],
            "prefix changes": counts["prefix changes"],
            "grown": counts["grown"],
            "dearer": counts["dearer"],
            "spans": f"{counts['spans found']}/{counts['spans']}",
            "names": f"{counts['names found']}/{counts['names']}",
            "µs/KB p50": round(times[len(times) // 2]) if times else 0,
            "µs/KB p99": round(times[len(times) * 99 // 100]) if times else 0,
        }


def _versions() -> dict[str, str]:
    named = {name: setting.version for name, setting in SETTINGS.items()}
    return named | {
        "python": platform.python_version(),
        "tiktoken": version("tiktoken"),
        "seed": "none needed",
    }


def main(arguments: list[str] | None = None) -> int:
    """Measure, and print the table; 1 where anything was lost, changed or made dearer."""
    parser = argparse.ArgumentParser(prog="make compress-bench")
    parser.add_argument("folder", nargs="?", type=Path, default=CORPUS, help="of .jsonl files")
    parser.add_argument("--setting", choices=sorted(SETTINGS), action="append")
    parser.add_argument("--json", action="store_true")
    told = parser.parse_args(arguments)
    read = list(conversations(told.folder))
    if not read:
        print(f"error: no conversations are in {told.folder}; name a folder of .jsonl files", file=sys.stderr)
        return 2
    tokens = load()
    tables = {
        name: list(_rows([measured(each, SETTINGS[name], tokens) for each in read]))
        for name in told.setting or sorted(SETTINGS)
    }
    if told.json:
        print(json.dumps({"versions": _versions(), "tables": tables}, indent=2, ensure_ascii=False))
    else:
        _print(tables)
    bad = ("undecoded", "prefix changes", "dearer")
    return int(any(row[name] for rows in tables.values() for row in rows for name in bad))


def _print(tables: dict[str, list[dict[str, object]]]) -> None:
    print(", ".join(f"{name} {value}" for name, value in _versions().items()))
    pairs = ", ".join(f"{write:g}/{read:g}" for write, read in PRICES)
    print(
        f"dearer: bills above raw, over all sessions and the prices {pairs} of writing to and reading a cache"
    )
    for name, rows in tables.items():
        heads = list(rows[0])
        cells = [heads, *([str(value) for value in row.values()] for row in rows)]
        widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
        print(f"\n{name}")
        for line in cells:
            print("  ".join(cell.rjust(width) for cell, width in zip(line, widths, strict=True)))


if __name__ == "__main__":
    sys.exit(main())
