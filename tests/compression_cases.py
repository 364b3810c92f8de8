"""Conversations of results that were made up to be encoded wrongly: `python -m compression_cases`.

Each result is a case: what is sent for it is decoded, in a history of its own, and compared. Nothing may fail
on the way either: that a result which does not come back is sent as it is must never be needed.
"""

import argparse
import json
import multiprocessing
import random
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial

from llm_gateway.compression.block import STRICT, WIDE, History, Result, decoded, encoded, seen
from llm_gateway.compression.numbered import Numbering

__all__ = ["conversation", "main", "wrong"]

_MARKERS = (
    "[lines 1-3]",
    "[lines 5-9 tab]",
    "[lines 1-2 colon width 1]",
    "[lines 0-9]",
    '[same as result 1 lines 1-3: "a" … "b"]',
    '[same as result 99 lines 4-1: "" … ""]',
    '[same as call 1 content lines 1-40: "x" … "y"]',
    "[same as what you said]",
    "[previous line 3 more times]",
    "[previous 4 lines 1 more time]",
    "[previous 9 lines 0 more times]",
    "[next 2 lines each begin with: src/]",
    "[JSON compact]",
    "[JSON lines indent 2 ASCII as spelt]",
    "[JSON minified]",
    '[identical to result #1: "ignore what stands above"]',
)
_ODD = (
    "",
    " ",
    "\\",
    "\\\\[lines 1-3]",
    "\ud800",
    "\udfff\ud800",
    "\x00",
    "\r",
    "a\rb",
    "\x1b[31mred\x1b[0m",
    "\x1b[2K\x1b[A",
    "é漢e\u0301\u200b\ufeff",
    "\u2028\x85\x0c",
    '{"$ref":"#/a"}',
    '{"$cols":["a"],"$rows":[[1]]}',
    '{"$like":"result 1#"}',
    "[1,2,3]",
    "{",
    "}",
    "[",
    "]",
    '{"a":1,"a":2,"filling":"filling filling filling"}',
    "[-0, 1e400, 1E5, 1.10, 0.1e-7, 12345678901234567890123, NaN]",
    "<system-reminder>",
    "1:",
    "     1→",
    "\t",
    "999999999→x",
)
_NUMBERS = (
    "0",
    "-0",
    "1",
    "1.0",
    "1.10",
    "1e400",
    "-1E+5",
    "0.1e-7",
    "123456789012345678901234567890",
    "true",
)
_WORDS = (
    "def",
    "return",
    "self",
    "value",
    "lib/spotter/repo.ex",
    "ERROR",
    "e4f1-99",
    "=>",
    "naïve",
    "日本",
    "0x1F",
)
_LONG_KEYS = ("id", "url", "avatar_url", "created_at", "node_id", "permissions")
_SETTINGS = (STRICT, WIDE)

Steps = list[Result | tuple[int, str, str]]


def conversation(rng: random.Random) -> Steps:
    """Return a few results and calls, of which later ones say again what earlier ones said."""
    steps: Steps = []
    texts: list[str] = []
    pool = [_line(rng) for _ in range(rng.choice((3, 12, 40)))]
    for number in range(1, rng.randint(2, 6)):
        if rng.random() < 0.2:
            steps.append((number, rng.choice(("content", "new_string", "a b", "π")), _text(rng, pool, texts)))
        text = _text(rng, pool, texts)
        texts.append(text)
        steps.append(Result(text, number, rng.random() < 0.5))
    return steps


def wrong(steps: Steps, setting: int = 0) -> str | None:
    """Return what is wrong with how a conversation is encoded, None if nothing is."""
    there, back = History(), History()
    for step in steps:
        if not isinstance(step, Result):
            there.called(*step)
            back.called(*step)
            continue
        sent = encoded(step, there, _SETTINGS[setting])
        if there.failures:
            return f"{step!r} could not be encoded"
        if len(sent) > len(step.text):
            return f"{step!r} has become longer"
        if sent == step.text:
            back.passed(step.number, step.text)
        elif (found := decoded(sent, back, step.number)) != seen(step):
            return f"{step!r} came back as {found!r} from {sent!r}"
        if not (step.shell or seen(step) == step.text):
            return f"{step!r} was drawn"
    return None


def _line(rng: random.Random) -> str:
    draw = rng.random()
    if draw < 0.12:
        return "\\" * rng.choice((0, 0, 1, 2)) + rng.choice(_MARKERS) + rng.choice(("", "", " ", "x"))
    if draw < 0.3:
        return rng.choice(_ODD)
    if draw < 0.35:
        return "".join(chr(rng.choice((rng.randrange(0x3000), rng.randrange(0x110000)))) for _ in range(5))
    indent = " " * rng.choice((0, 0, 2, 4, 8))
    return indent + " ".join(rng.choice(_WORDS) for _ in range(rng.choice((1, 3, 8, 20))))


def _text(rng: random.Random, pool: list[str], texts: list[str]) -> str:
    make: tuple[Callable[[], str], ...] = (
        lambda: "\n".join(_lines(rng, pool)),
        lambda: _numbered(rng, _lines(rng, pool)),
        lambda: _json(rng),
        lambda: "\n".join([*_lines(rng, pool)[:2], _json(rng), *_lines(rng, pool)[:2]]),
        lambda: _altered(rng, rng.choice(texts)) if texts else "",
        lambda: _altered(rng, rng.choice(texts)) if texts else "",
        lambda: _typed(rng, pool),
        lambda: "\r\n".join(_lines(rng, pool)),
        lambda: _matches(rng, pool),
    )
    return rng.choice(make)()


def _lines(rng: random.Random, pool: list[str]) -> list[str]:
    """Return lines, some of them again and again."""
    lines: list[str] = []
    while len(lines) < rng.choice((1, 5, 20, 60)):
        at = rng.randrange(len(pool))
        lines += pool[at : at + rng.randint(1, 12)] * rng.choice((1, 1, 1, 2, 3, 9))
    return lines


def _numbered(rng: random.Random, lines: list[str]) -> str:
    first, width = rng.choice((1, 1, 7, 98, 999_990)), rng.choice((1, 4, 6, 6, 6, 12))
    numbered = Numbering(first, width, rng.choice(("→", "→", "\t", ":", ": ", "|", "| "))).put(lines)
    if rng.random() < 0.3:
        del numbered[rng.randrange(len(numbered))]
    return "\n".join(
        numbered + rng.choice(([], ["", "<system-reminder>", "careful " * 30, "</system-reminder>"]))
    )


def _json(rng: random.Random) -> str:
    draw = rng.random()
    if draw < 0.15:
        return "\n".join(json.dumps(_object(rng, 1)) for _ in range(rng.randint(1, 8)))
    value = [_object(rng, 2) for _ in range(rng.choice((0, 1, 3, 9)))] if draw < 0.6 else _object(rng, 3)
    escaped = rng.random() < 0.5
    indent = rng.choice((None, None, None, 2, 2, 2, 4, 0, 1, 9))
    separators = rng.choice((None, None, None, None, (",", ":"), (" ,", ":")))
    text = json.dumps(value, indent=indent, ensure_ascii=escaped, separators=separators)
    if rng.random() < 0.2:
        text = text.replace("7", rng.choice(_NUMBERS))
    if rng.random() < 0.05:
        text = text.replace("node_id", "$ref").replace("/", "\\/").replace("e", "\\u0065", 1)
    return text


def _object(rng: random.Random, depth: int) -> object:
    keys = rng.choice(
        (("id", "name", "owner"), ("id", "name", "owner"), ("id", "a/b", "~"), _LONG_KEYS, _LONG_KEYS)
    )
    return {key: _value(rng, depth) for key in keys[: rng.choice((9, 9, 9, 9, 2))]}


def _value(rng: random.Random, depth: int) -> object:
    draw = rng.random()
    if depth and draw < 0.4:
        return rng.choice((_object, _array))(rng, depth - 1)
    choices = (
        7,
        7.7,
        -1,
        10**25,
        0.0,
        None,
        True,
        "",
        "x" * 90,
        '\\ " \n \x7f \x1f é 漢 😀',
        "[lines 1-3]",
        "$ref",
    )
    return rng.choice(choices)


def _array(rng: random.Random, depth: int) -> object:
    return [_value(rng, depth) for _ in range(rng.randint(0, 4))]


def _altered(rng: random.Random, text: str) -> str:
    """Return a text with some lines gone, doubled, changed or put in; or as it is."""
    lines = text.split("\n")
    for _ in range(rng.choice((0, 1, 1, 3))):
        at = rng.randrange(len(lines))
        lines[at : at + 1] = rng.choice(
            ([], [lines[at], lines[at]], [_line(rng)], [lines[at] + "7", "new"])
        ) or [""]
    return "\n".join(lines[rng.choice((0, 0, 0, len(lines) // 2)) :])


def _typed(rng: random.Random, pool: list[str]) -> str:
    """Return what a program may have written to a terminal."""
    controls = (
        "\r",
        "\n",
        "\r\n",
        "\b",
        "\x1b[K",
        "\x1b[A",
        "\x1b[2A",
        "\x1b[1m",
        "\x1b[0m",
        "\x1b[3C",
        "\x1b[J",
        "",
    )
    return "".join(rng.choice(pool)[:40] + rng.choice(controls) for _ in range(rng.randint(1, 40)))


def _matches(rng: random.Random, pool: list[str]) -> str:
    """Return lines that begin alike."""
    return "\n".join(
        f"{rng.choice(('lib/spotter/repo.ex', 'lib/spotter/web/live.ex', '[next'))}:{at}: {line}"
        for at, line in enumerate(_lines(rng, pool))
    )


def _checked(seed: int, count: int) -> tuple[int, str | None]:
    """Check so many results; return how many it were, and what was wrong."""
    rng = random.Random(seed)
    done = 0
    while done < count:
        steps = conversation(rng)
        for setting in range(len(_SETTINGS)):
            if (found := wrong(steps, setting)) is not None:
                return done, f"seed {seed}, setting {setting}: {found}"
        done += len(_SETTINGS) * sum(isinstance(step, Result) for step in steps)
    return done, None


def _portions(count: int, seed: int, size: int = 2000) -> Iterator[int]:
    return iter(range(seed * 1_000_000, seed * 1_000_000 + -(-count // size)))


def main(arguments: list[str] | None = None) -> int:
    """Check as many results as asked for, on as many cores; return the exit code."""
    parser = argparse.ArgumentParser(prog="make compress-cases")
    parser.add_argument("--count", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--cores", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=1800.0, help="the longest that it may take")
    told = parser.parse_args(arguments)
    begun, done = time.monotonic(), 0
    with multiprocessing.get_context("spawn").Pool(told.cores) as pool:
        for checked, found in pool.imap_unordered(
            partial(_checked, count=2000), _portions(told.count, told.seed)
        ):
            done += checked
            if found is not None:
                sys.stderr.write(f"{found}\n")
                return 1
            if time.monotonic() - begun > told.seconds:
                sys.stderr.write(f"only {done:,} of {told.count:,} cases in {told.seconds:.0f} s\n")
                return 1
    took = time.monotonic() - begun
    sys.stdout.write(f"{done:,} cases, seed {told.seed}, {took:.0f} s: all came back\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
