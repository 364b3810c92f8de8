"""The table counts what a run wrote down, and misses nothing of the catalogue."""

from pathlib import Path

from faults.catalogue import FAULTS, LEFT_OUT
from faults.table import Result, read, table

_RUN = """<testsuites><testsuite>
<testcase classname="a" name="one" time="1.5"><properties><property name="fault" value="U1"/></properties>
</testcase>
<testcase classname="a" name="two" time="0.5"><properties><property name="fault" value="U1"/>
<property name="fault" value="U2"/></properties><failure message="no"/></testcase>
<testcase classname="a" name="three" time="9"/>
</testsuite></testsuites>"""


def test_it_reads_what_a_run_wrote_down(tmp_path: Path) -> None:
    file = tmp_path / "run.xml"
    file.write_text(_RUN, encoding="utf-8")
    assert read(file) == [
        Result("U1", "a::one", True, 1.5),
        Result("U1", "a::two", False, 0.5),
        Result("U2", "a::two", False, 0.5),
    ]


def test_a_fault_is_good_when_all_its_tests_passed() -> None:
    every = [Result(fault.id, "t", True, 1.0) for fault in FAULTS if fault.id not in LEFT_OUT]
    due = len(every)
    text, good = table(every, "7")
    assert good and f"{due}/{due} faults, seed 7" in text
    text, good = table([*every, Result("U1", "bad", False, 1.0)], "7")
    assert not good and "failed: U1 bad" in text and f"{due - 1}/{due} faults" in text
    text, good = table(every[1:], "7")
    assert not good and "no test" in text


def test_the_catalogue_has_every_fault_once() -> None:
    ids = [fault.id for fault in FAULTS]
    numbered = [(letter, count) for letter, count in (("U", 24), ("C", 12), ("P", 21))]
    assert ids == [f"{letter}{number}" for letter, count in numbered for number in range(1, count + 1)]
    assert set(LEFT_OUT) < set(ids)
