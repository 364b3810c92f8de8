"""The page that tells the scores is held to what was found; this runs after the suites."""

from collections.abc import Callable
from pathlib import Path

import pytest

from conformance_scores import Scores

pytestmark = pytest.mark.real_clients

PAGE = Path(__file__).resolve().parents[2] / "docs" / "conformance.md"
SUITES = ("llm-comply", "langchain-tests")


def test_the_page_tells_what_was_found(scores: Scores, report: Callable[[str], None]) -> None:
    assert scores.found.keys() == set(SUITES), "run the whole folder"
    tables = [scores.table(suite) for suite in SUITES]
    report("\n\n".join(tables))
    page = PAGE.read_text(encoding="utf-8")
    assert [table for table in tables if table not in page] == []
