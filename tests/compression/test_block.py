"""Results encoded one after the other: nothing is lost, nothing changes, and whatever happens is sent raw."""

import json
import os
import random
import subprocess
import sys
import uuid
from functools import partial
from pathlib import Path

import pytest

from compression_cases import conversation, wrong
from llm_gateway.compression.block import STRICT, WIDE, History, Result, Setting, decoded, encoded, seen
from llm_gateway.compression.numbered import Numbering

PATHS = {**os.environ, "PYTHONPATH": os.pathsep.join([*sys.path, str(Path(__file__).parents[1])])}
CODE = [f"    value_{number} = compute(value_{number - 1}, {number})" for number in range(80)]
FILE = "\n".join(Numbering(1, 6, "→").put(CODE))
LISTING = json.dumps([{"name": f"package-{n}", "version": f"1.{n}", "ok": True} for n in range(12)], indent=2)
LOG = "\n".join(f"2026-11-27 10:00:{n:02} worker {n % 3} has done its part of the work" for n in range(40))
TYPED = "".join(f"\r\x1b[32m{n:3}%\x1b[0m" for n in range(101)) + "\r\ndone\r\n" + LOG.replace("\n", "\r\n")
KINDS = {"file": FILE, "json": LISTING, "log": LOG, "terminal": TYPED, "lines": "\n".join(CODE)}
NEEDLES = (
    "needle {0}",
    "ERR_{1}: connection 0x{0:.8} refused",
    "/srv/data/{0}/part-{1}.parquet",
    "2026-11-27 10:00:07 worker 1 has done its part of the work {1}",
    "    value_7 = compute(value_6, 7){1}",
    "鍵 {0} · naïve — 🔑",
    "[lines 1-3] {0}",
    '[same as result 1 lines 1-40: "{0}" … "x"]',
)


def send(results: list[Result], setting: Setting, history: History | None = None) -> list[str]:
    before = history or History()
    sent = [encoded(result, before, setting) for result in results]
    assert before.failures == 0
    return sent


@pytest.mark.parametrize("setting", [STRICT, WIDE])
@pytest.mark.parametrize("kind", KINDS)
def test_results_come_back_and_become_shorter(kind: str, setting: Setting) -> None:
    results = [Result(KINDS[kind], number, kind in ("log", "terminal", "lines")) for number in (1, 2, 3)]
    back = History()
    for result, sent in zip(results, send(results, setting), strict=True):
        if sent == result.text:
            back.passed(result.number, sent)
        else:
            assert decoded(sent, back, result.number) == seen(result)
            assert len(sent) < len(result.text)
    assert len(send(results, setting)[2]) < 120


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("needle", NEEDLES)
def test_needles_are_found_word_for_word(kind: str, needle: str) -> None:
    rng = random.Random(needle)
    shell = kind in ("log", "terminal", "lines")
    sent: list[str] = []
    history = History()
    needles: list[str] = []
    for number in range(1, 9):
        told = needle.format(str(uuid.UUID(int=rng.getrandbits(128))), rng.randrange(10**6))
        needles.append(told)
        if kind == "json":
            value = json.loads(LISTING)
            value[rng.randrange(len(value))]["note"] = told
            text = json.dumps(value, indent=2, ensure_ascii=False)
            needles[-1] = json.dumps(told, ensure_ascii=False)
        else:
            lines = KINDS[kind].split("\n")
            lines.insert(rng.randrange(2, len(lines)), told)
            text = "\n".join(lines)
        sent.append(encoded(Result(text, number, shell), history, STRICT))
    assert all(any(told in text for text in sent) for told in needles)


def test_what_an_edit_quotes_stays_in_one_piece() -> None:
    history = History()
    encoded(Result(FILE, 1, False), history, STRICT)
    rng = random.Random(3)
    code = list(CODE)
    sent = [encoded(Result(FILE, 1, False), History(), STRICT)]
    for number in range(2, 30):
        at = rng.randrange(4, len(code) - 4)
        code[at] = f"    changed_{number} = {rng.random()}"
        text = "\n".join(Numbering(1, 6, "→").put(code))
        sent.append(encoded(Result(text, number, False), history, STRICT))
        quoted = "\n".join(code[at - rng.randrange(5) : at + 1 + rng.randrange(4)])
        assert any(quoted in each for each in sent), quoted


def test_what_a_tool_was_called_with_is_referred_to() -> None:
    history = History()
    history.called(4, "content", "\n".join(CODE))
    sent = encoded(Result(FILE, 1, False), history, STRICT)
    same = '[same as call 4 content lines 1-80: "value_0 = compute(va" … "value_79 = compute(v"]'
    assert sent == f"[lines 1-80]\n{same}"
    back = History()
    back.called(4, "content", "\n".join(CODE))
    assert decoded(sent, back, 1) == FILE


@pytest.mark.parametrize("name", ["a b", "", "π", "1st", 'x"]'])
def test_names_that_could_not_be_read_are_not_referred_to(name: str) -> None:
    history = History()
    history.called(1, name, "\n".join(CODE))
    assert "call" not in encoded(Result("\n".join(CODE), 1, True), history, STRICT)


def test_what_is_drawn_is_only_what_a_shell_wrote() -> None:
    assert seen(Result(TYPED, 1, True)) == "100%\ndone\n" + LOG
    assert seen(Result(TYPED, 1, False)) == TYPED
    imitation = "\x1b[31m[lines 1-3]\x1b[0m" * 8
    history = History()
    sent = encoded(Result(imitation, 1, True), history, STRICT)
    assert sent == "\\" + "[lines 1-3]" * 8
    assert decoded(sent, History(), 1) == "[lines 1-3]" * 8


@pytest.mark.parametrize(
    "text",
    [
        "",
        "short",
        "x" * 1_000_001,
        "a line of ten megabytes " * 420_000,
        "[" * 200_000 + "]" * 200_000,
        '{"a":' * 100_000 + "1" + "}" * 100_000,
        "\n" * 500_000,
        "{\n" * 200_000,
        "\ud800\x00\r" * 1000,
        "[lines 1-3]\n" * 4,
    ],
)
def test_what_is_too_much_or_no_use_is_sent_as_it_is(text: str) -> None:
    history = History()
    sent = encoded(Result(text, 1, False), history, STRICT)
    assert history.failures == 0
    if sent != text:
        assert len(text) <= 1_000_000 and decoded(sent, History(), 1) == text


def test_whatever_fails_is_sent_as_it_is_and_counted() -> None:
    history = History()
    history.lines.add("result 1", CODE)
    history.lines.add("result 1", ["another text of the same name"])
    sent = encoded(Result("\n".join(CODE), 2, True), history, STRICT)
    assert sent == "\n".join(CODE)
    assert history.failures == 1
    assert encoded(Result(LISTING, 3, False), history, STRICT).startswith("[JSON indent 2]")


@pytest.mark.parametrize("setting", [0, 1])
def test_results_that_were_made_up_come_back(setting: int) -> None:
    rng = random.Random(f"of {setting}")
    for _ in range(400):
        assert (found := wrong(conversation(rng), setting)) is None, found


def test_cases_are_counted() -> None:
    # In a process of its own: who starts others by multiprocessing is left with one that tracks resources.
    asked = [sys.executable, "-m", "compression_cases", "--cores", "1"]
    cases = partial(subprocess.run, env=PATHS, capture_output=True, text=True, check=False)
    found = cases([*asked, "--count", "2000", "--seed", "9"])
    assert found.returncode == 0 and "cases, seed 9" in found.stdout
    assert cases([*asked, "--count", "4000", "--seconds", "0"]).returncode == 1


AGAIN = """
import hashlib, random
from compression_cases import conversation
from llm_gateway.compression.block import STRICT, WIDE, History, Result, encoded
digest = hashlib.sha256()
rng = random.Random(11)
for _ in range(150):
    steps = conversation(rng)
    for setting in (STRICT, WIDE):
        history = History()
        for step in steps:
            if isinstance(step, Result):
                digest.update(encoded(step, history, setting).encode("utf-8", "surrogatepass"))
            else:
                history.called(*step)
print(digest.hexdigest())
"""


def test_other_processes_encode_alike() -> None:
    found = {
        subprocess.run(
            [sys.executable, "-c", AGAIN],
            env={**PATHS, "PYTHONHASHSEED": seed, "LC_ALL": locale},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed, locale in (("0", "C"), ("1", "C.UTF-8"), ("4242", "tr_TR.UTF-8"))
    }
    assert len(found) == 1


def test_settings_have_names_of_their_own() -> None:
    assert STRICT.version != WIDE.version
    assert not STRICT.least.groups
