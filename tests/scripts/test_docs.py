"""The documents say what the program does: their written parts are those that the program gives."""

import re

import pytest

from docs import DOCS, PARTS, replaced
from house import ROOT, python_files, text
from references import commands, exit_codes, providers, routes

OURS = re.compile(r"x-llm-gateway-[a-z-]*[a-z]")


@pytest.mark.parametrize(("page", "name"), PARTS, ids=[" ".join(part) for part in PARTS])
def test_every_part_is_up_to_date(page: str, name: str) -> None:
    written = text(DOCS / page)
    assert replaced(written, name, PARTS[page, name]()) == written, "run `python scripts/docs.py`"


def test_a_part_is_put_between_its_marks_and_nowhere_else() -> None:
    page = "before\n<!-- begin a: by x -->\nold\n<!-- end a -->\nafter\n"
    assert replaced(page, "a", "new") == "before\n<!-- begin a: by x -->\n\nnew\n\n<!-- end a -->\nafter\n"
    with pytest.raises(ValueError, match="not found"):
        replaced(page, "b", "new")


def test_every_part_of_every_page_is_known() -> None:
    marks = re.compile(r"<!-- begin ([^:]+): written by scripts/docs\.py -->")
    found = {(page.name, name) for page in DOCS.glob("*.md") for name in marks.findall(text(page))}
    assert found == PARTS.keys()


def test_parts_hold_what_they_are_asked_for() -> None:
    assert "### `requests show ID`" in commands() and "| `--port INTEGER` | " in commands()
    assert "| 130 | interrupted |" in exit_codes()
    assert "| `POST /v1/chat/completions` | " in routes() and "`/v1/v1/embeddings`" in routes()
    assert "| `ollama` | " in providers() and "`GEMINI_API_KEY` or `GOOGLE_API_KEY`" in providers()


def test_every_header_of_ours_is_explained() -> None:
    used = {name for path in python_files("src") for name in OURS.findall(text(path))}
    assert len(used) > 5
    assert used <= set(OURS.findall(text(ROOT / "docs" / "http.md")))
