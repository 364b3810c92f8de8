"""The tables count what a run wrote down, and miss nothing of the catalogues."""

from pathlib import Path

import pytest

from controls.catalogue import CONTROLS, COUNTED
from faults.catalogue import FAULTS, LEFT_OUT
from faults.table import CATALOGUES, Catalogue, Result, counts, read, table

_RUN = """<testsuites><testsuite>
<testcase classname="a" name="one" time="1.5"><properties><property name="fault" value="U1"/></properties>
</testcase>
<testcase classname="a" name="two" time="0.5"><properties><property name="fault" value="U1"/>
<property name="control" value="T2"/></properties><failure message="no"/></testcase>
<testcase classname="a" name="three" time="9"><properties><property name="else" value="U1"/></properties>
</testcase>
<testcase classname="a" name="four" time="2"><properties><property name="counted" value="bind:16"/>
</properties></testcase>
</testsuite></testsuites>"""


def test_it_reads_what_a_run_wrote_down(tmp_path: Path) -> None:
    file = tmp_path / "run.xml"
    file.write_text(_RUN, encoding="utf-8")
    assert read(file) == [
        Result("fault", "U1", "a::one", True, 1.5),
        Result("fault", "U1", "a::two", False, 0.5),
        Result("control", "T2", "a::two", False, 0.5),
        Result("counted", "bind:16", "a::four", True, 2.0),
    ]


@pytest.mark.parametrize("catalogue", CATALOGUES, ids=lambda catalogue: catalogue.mark)
def test_each_is_good_when_all_its_tests_passed(catalogue: Catalogue) -> None:
    mark, first = catalogue.mark, catalogue.entries[0].id
    every = [
        Result(mark, entry.id, "t", True, 1.0)
        for entry in catalogue.entries
        if entry.id not in catalogue.left_out
    ]
    due = len(every)
    text, good = table(catalogue, every, "7")
    assert good and f"{due}/{due} {mark}s, seed 7" in text
    text, good = table(catalogue, [*every, Result(mark, first, "bad", False, 1.0)], "7")
    assert not good and f"failed: {first} bad" in text and f"{due - 1}/{due} {mark}s" in text
    text, good = table(catalogue, every[1:], "7")
    assert not good and "no test" in text


def test_cases_are_counted_and_a_missing_one_shows() -> None:
    parts = [Result("counted", "bind:16", "t", True, 1.0)] * 7
    text, good = counts(parts)
    assert good and "112/112" in text and "not run: ways in of a web page, Chromium" in text
    assert counts(parts[1:])[1] is False
    failed = [*parts[1:], Result("counted", "bind:16", "t", False, 1.0)]
    assert counts(failed)[1] is False
    assert counts([*parts, Result("counted", "chromium:8", "t", True, 1.0)])[1] is False
    assert {each.name for each in COUNTED} == {"bind", "chromium", "firefox"}


def test_the_catalogues_have_everything_once() -> None:
    ids = [fault.id for fault in FAULTS] + [control.id for control in CONTROLS]
    numbered = [(letter, count) for letter, count in (("U", 24), ("C", 12), ("P", 21), ("B", 10), ("T", 18))]
    assert ids == [f"{letter}{number}" for letter, count in numbered for number in range(1, count + 1)]
    assert set(LEFT_OUT) < set(ids)
