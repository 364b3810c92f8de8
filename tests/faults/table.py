"""The tables of faults and controls, from what a run of the tests wrote down (`--junitxml`).

`python -m faults.table FILE`. Its figures are counted from that file alone. Exits with 1 when one of them
failed or nobody tested it.
"""

import os
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol
from xml.etree import ElementTree as ET

from controls.catalogue import CONTROLS, COUNTED
from faults.catalogue import FAULTS, LEFT_OUT

__all__ = ["CATALOGUES", "Catalogue", "Result", "counts", "main", "read", "table"]


class _Entry(Protocol):
    @property
    def id(self) -> str: ...
    @property
    def what(self) -> str: ...
    @property
    def expected(self) -> str: ...


@dataclass(frozen=True)
class Catalogue:
    """What tests are about: `mark` is how a test says so."""

    mark: str
    entries: Sequence[_Entry]
    left_out: Mapping[str, str]


@dataclass(frozen=True)
class Result:
    """One test, and one thing that it is about: a mark and an id, or what it `counted`."""

    mark: str
    about: str
    test: str
    passed: bool
    seconds: float


CATALOGUES = (Catalogue("fault", FAULTS, LEFT_OUT), Catalogue("control", CONTROLS, {}))


def read(file: Path) -> list[Result]:
    """Return what became of every test that is about something."""
    return list(_results(ET.parse(file).getroot()))


def table(catalogue: Catalogue, results: Iterable[Result], seed: str) -> tuple[str, bool]:
    """Return the table of a catalogue, and whether all that can be tested was, and passed."""
    told = [result for result in results if result.mark == catalogue.mark]
    lines = [f"{'id':<4} {catalogue.mark:<48} {'expected':<72} {'result':<12} {'tests':>7} {'seconds':>8}"]
    good = due = 0
    for entry in catalogue.entries:
        tests = [result for result in told if result.about == entry.id]
        passed = sum(result.passed for result in tests)
        if entry.id in catalogue.left_out and not tests:
            verdict = "left out"
        else:
            due += 1
            good += bool(tests) and passed == len(tests)
            verdict = "no test" if not tests else "ok" if passed == len(tests) else "FAILED"
        seconds = sum(result.seconds for result in tests)
        lines.append(
            f"{entry.id:<4} {entry.what:<48} {entry.expected:<72} {verdict:<12} "
            f"{f'{passed}/{len(tests)}':>7} {seconds:>8.1f}"
        )
    failed = [f"failed: {result.about} {result.test}" for result in told if not result.passed]
    left = [f"left out: {name}, because {why}" for name, why in catalogue.left_out.items()]
    total = f"{good}/{due} {catalogue.mark}s, seed {seed}"
    return "\n".join([*lines, "", *failed, *left, total]), good == due


def counts(results: Iterable[Result]) -> tuple[str, bool]:
    """Return how many cases were counted, and whether none is missing."""
    told = [result for result in results if result.mark == "counted"]
    lines, whole = [], True
    for each in COUNTED:
        tests = [result for result in told if result.about.partition(":")[0] == each.name]
        found = sum(int(result.about.partition(":")[2]) for result in tests if result.passed)
        if each.needs and not tests:
            lines.append(f"not run: {each.what}: nothing here ran {each.needs}")
            continue
        whole = whole and found == each.due and all(result.passed for result in tests)
        lines.append(f"{found}/{each.due} {each.what}")
    return "\n".join(lines), whole


def main() -> int:
    """Print the tables of the file that the first argument names."""
    results = read(Path(sys.argv[1]))
    seed = os.environ.get("LLM_GATEWAY_TEST_SEED", "1")
    shown = [*(table(each, results, seed) for each in CATALOGUES), counts(results)]
    print("\n\n".join(text for text, _ in shown))  # noqa: T201 - what this program is for
    return 0 if all(good for _, good in shown) else 1


def _results(root: ET.Element) -> Iterator[Result]:
    marks = {catalogue.mark for catalogue in CATALOGUES} | {"counted"}
    for case in root.iter("testcase"):
        passed = case.find("failure") is None and case.find("error") is None and case.find("skipped") is None
        for each in case.iter("property"):
            mark = each.get("name", "")
            if mark in marks:
                test = f"{case.get('classname')}::{case.get('name')}"
                yield Result(mark, each.get("value", ""), test, passed, float(case.get("time", "0")))


if __name__ == "__main__":
    sys.exit(main())
