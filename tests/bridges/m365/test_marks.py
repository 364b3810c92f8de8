"""Copilot's own marks: cleaned wherever the text is cut, and code left alone."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_gateway.bridges.m365.marks import cited, cleaned

PIECES = (
    "[^1^]",
    "[^external^]",
    "<Person>",
    "</Person>",
    "<File>",
    "```",
    "[",
    "^",
    "]",
    "<",
    "</",
    "a b",
    "\n",
    "`",
)
texts = st.lists(st.sampled_from(PIECES) | st.text(max_size=3), max_size=12).map("".join)


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("<Person>John Doe</Person>[^1^] is in.", "John Doe is in."),
        ("In **<File>Plan.docx</File>**[^2^][^3^]", "In **Plan.docx**"),
        ("On January 1st**[^external^].", "On January 1st**."),
        ("<Person", "<Person"),
        ("a[1] < b <Persons> [^1]", "a[1] < b <Persons> [^1]"),
        ("```xml\n<File>x</File>\n```\n<File>y</File>", "```xml\n<File>x</File>\n```\ny"),
        ("", ""),
    ],
)
def test_marks_go_and_text_stays(text: str, clean: str) -> None:
    assert cleaned(text, more=False) == clean


@pytest.mark.parametrize("begun", ["[", "[^", "[^1", "[^1^", "<", "</", "<P", "</Person", "<Even"])
def test_what_may_become_a_mark_is_held_back(begun: str) -> None:
    assert cleaned(f"text {begun}", more=True) == "text "
    assert cleaned(f"text {begun}", more=False) == f"text {begun}"


@given(texts, st.data())
def test_a_cleaned_beginning_is_a_beginning_of_what_is_cleaned(text: str, data: st.DataObject) -> None:
    cut = data.draw(st.integers(0, len(text)))
    assert cleaned(text, more=False).startswith(cleaned(text[:cut], more=True))


def test_sources_are_links_and_nothing_else() -> None:
    assert cited([]) == ""
    assert cited([("Evil", "javascript:alert(1)"), ("", "https://a.example/\n")]) == ""
    assert cited([("A [b]\n(c)", "https://a.example/x(1) y"), ("", "http://b.example/")]) == (
        "\n\nSources:\n- [A (b) (c)](https://a.example/x%281%29%20y)\n- [http://b.example/](http://b.example/)"
    )
    assert cited([("n", f"https://a.example/{n}") for n in range(50)]).count("\n- ") == 20
