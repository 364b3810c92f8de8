"""The table of faults, from what a run of the tests wrote down (`--junitxml`): `python -m faults.table FILE`.

Its figures are counted from that file alone. Exits with 1 when a fault failed or nobody tested it.
"""

import os
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree as ET

from faults.catalogue import FAULTS, LEFT_OUT

__all__ = ["Result", "main", "read", "table"]


@dataclass(frozen=True)
class Result:
    """One test of a fault."""

    fault: str
    test: str
    passed: bool
    seconds: float


def read(file: Path) -> list[Result]:
    """Return what became of every test that is about a fault."""
    return list(_results(ET.parse(file).getroot()))


def table(results: Iterable[Result], seed: str) -> tuple[str, bool]:
    """Return the table, and whether every fault that can happen was tested and passed."""
    told = list(results)
    lines = [f"{'id':<4} {'fault':<48} {'expected':<72} {'result':<12} {'tests':>7} {'seconds':>8}"]
    good = due = 0
    for fault in FAULTS:
        tests = [result for result in told if result.fault == fault.id]
        passed = sum(result.passed for result in tests)
        if fault.id in LEFT_OUT and not tests:
            verdict = "left out"
        else:
            due += 1
            good += bool(tests) and passed == len(tests)
            verdict = "no test" if not tests else "ok" if passed == len(tests) else "FAILED"
        seconds = sum(result.seconds for result in tests)
        lines.append(
            f"{fault.id:<4} {fault.what:<48} {fault.expected:<72} {verdict:<12} "
            f"{f'{passed}/{len(tests)}':>7} {seconds:>8.1f}"
        )
    failed = [f"failed: {result.fault} {result.test}" for result in told if not result.passed]
    left = [f"left out: {name}, because {why}" for name, why in LEFT_OUT.items()]
    return "\n".join([*lines, "", *failed, *left, f"{good}/{due} faults, seed {seed}"]), good == due


def main() -> int:
    """Print the table of the file that the first argument names."""
    text, good = table(read(Path(sys.argv[1])), os.environ.get("LLM_GATEWAY_TEST_SEED", "1"))
    print(text)  # noqa: T201 - what this program is for
    return 0 if good else 1


def _results(root: ET.Element) -> Iterator[Result]:
    for case in root.iter("testcase"):
        passed = case.find("failure") is None and case.find("error") is None and case.find("skipped") is None
        for each in case.iter("property"):
            if each.get("name") == "fault":
                test = f"{case.get('classname')}::{case.get('name')}"
                yield Result(each.get("value", ""), test, passed, float(case.get("time", "0")))


if __name__ == "__main__":
    sys.exit(main())
