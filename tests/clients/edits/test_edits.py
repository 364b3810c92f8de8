"""Edits of settings in every format: taken back they leave each byte, they repeat, and nothing else moves."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edited_texts import DOTENV, JSON, PLACES, SHELL, TOML, YAML
from llm_gateway.clients.catalog import Edit, Format
from llm_gateway.clients.edits import (
    MISSING,
    CannotEdit,
    Setting,
    apply,
    put,
    read,
    remove,
    remove_item,
    wanted,
)

URL = "http://127.0.0.1:8787/v1"
_texts: dict[Format, st.SearchStrategy[str]] = {
    "json": JSON,
    "toml": TOML,
    "yaml": YAML,
    "dotenv": DOTENV,
    "shell": SHELL,
}
_words = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs", "Zl", "Zp"]), max_size=12)
_values = st.one_of(_words, st.just(URL), st.just('{base} it\'s "quoted" \\ # $HOME'))


@st.composite
def edited(draw: st.DrawFn, *formats: Format) -> tuple[Format, str, tuple[str, ...], object]:
    format = draw(st.sampled_from(formats or tuple(_texts)))
    text = draw(_texts[format])
    at = draw(st.sampled_from(PLACES[format]))
    value: object = draw(_values)
    if format in ("json", "toml", "yaml") and draw(st.booleans()):
        value = {"name": value, "on": True, "n": 3, "headers": {"x-a b": draw(_words)}, "l": [1, "b"]}
    return format, text, at, value


def _there(format: Format, text: str, at: tuple[str, ...]) -> int:
    """Return how many of the names of a place are there already."""
    return sum(read(format, text, at[:depth]) is not MISSING for depth in range(1, len(at) + 1))


@given(edited())
def test_what_is_put_is_read_and_putting_it_again_changes_nothing(
    case: tuple[Format, str, tuple[str, ...], object],
) -> None:
    format, text, at, value = case
    made = apply(format, text, [Edit(at, value)])
    assert read(format, made, at) == value
    assert apply(format, made, [Edit(at, value)]) == made


@given(edited())
def test_what_is_taken_out_again_leaves_every_byte(
    case: tuple[Format, str, tuple[str, ...], object],
) -> None:
    format, text, at, value = case
    kept = _there(format, text, at)
    if kept == len(at):
        return
    made = apply(format, text, [Edit(at, value)])
    left = remove(format, made, at, kept)
    assert left == text or (not text.strip("\ufeff\r\n ") and format == "json")


@given(edited("json", "toml", "yaml"))
def test_an_item_at_the_end_of_a_list_can_be_taken_out_again(
    case: tuple[Format, str, tuple[str, ...], object],
) -> None:
    format, text, at, _ = case
    item = {"name": "gateway", "url": URL}
    before = read(format, text, at)
    if before is not MISSING and not isinstance(before, list):
        return
    try:
        made = apply(format, text, [Edit(at, item, append=True)])
    except CannotEdit:
        return
    after = read(format, made, at)
    assert isinstance(after, list) and after == [*(before if isinstance(before, list) else []), item]
    assert apply(format, made, [Edit(at, item, append=True)]) == made
    left = remove_item(format, made, at, len(after) - 1, _there(format, text, at))
    assert left == text or (not text.strip("\ufeff\r\n ") and format == "json")


@given(edited())
def test_comments_and_other_settings_survive(case: tuple[Format, str, tuple[str, ...], object]) -> None:
    format, text, at, value = case
    made = apply(format, text, [Edit(at, value)])
    written = [line.strip() for line in text.splitlines() if line.strip().startswith(("#", "//"))]
    assert all(made.count(line) >= text.count(line) for line in written)
    assert made.startswith("\ufeff") == text.startswith("\ufeff")
    if "\r\n" in text and "\n" not in text.replace("\r\n", ""):
        assert "\n" not in made.replace("\r\n", "")


@pytest.mark.parametrize(
    "format, text",
    [
        ("json", '{"a": }'),
        ("json", "{'a': 1}"),
        ("json", '{"a": 1} x'),
        ("toml", "a = \n"),
        ("toml", "a = 1\na = 2\n"),
        ("yaml", "a: [1\n"),
        ("yaml", "a: 1\n--- \nb: 2\n"),
        ("yaml", "\x01"),
    ],
)
def test_what_cannot_be_read_is_never_edited(format: Format, text: str) -> None:
    with pytest.raises(CannotEdit) as refused:
        apply(format, text, [Edit(("key",), "value")])
    assert text.strip() not in str(refused.value)


def test_an_edit_that_would_change_more_is_refused() -> None:
    anchored = "a: &x\n  k: 1\nb: *x\n"
    with pytest.raises(CannotEdit):
        apply("yaml", anchored, [Edit(("a", "k"), "2")])
    with pytest.raises(CannotEdit, match="set it by hand"):
        apply("json", '{"k": 1, "k": 2}', [Edit(("k",), None)]) and remove("json", '{"k": 1, "k": 2}', ("k",))
    with pytest.raises(CannotEdit, match="a is no table"):
        apply("json", '{"a": "text"}', [Edit(("a", "b"), 1)])
    with pytest.raises(CannotEdit, match="a is no list"):
        apply("json", '{"a": "text"}', [Edit(("a",), 1, append=True)])


def test_edits_come_once_for_every_model() -> None:
    about: object = {"id": "{model}", "name": ["the {model}"], "n": 1}
    models = ("m", "demo/echo")
    values = wanted(
        [
            Edit(("list",), about, each_model=True),
            Edit(("table",), about, each_model=True, keyed=True),
            Edit(("more",), "{model}", each_model=True, append=True),
            Edit(("items",), {"id": "us", "models": [about], "n": 2}, append=True, models_in=("models",)),
            Edit(("as", "it"), "is {model}"),
        ],
        models,
    )
    first, second = ({"id": name, "name": [f"the {name}"], "n": 1} for name in models)
    assert values == [
        Setting(("list",), [first, second]),
        Setting(("table",), {"m": first, "demo/echo": second}),
        Setting(("more",), "m", append=True),
        Setting(("more",), "demo/echo", append=True),
        Setting(("items",), {"id": "us", "models": [first, second], "n": 2}, append=True),
        Setting(("as", "it"), "is {model}"),
    ]
    made = json.loads(put("json", "", values))
    assert made["table"]["demo/echo"] == second and made["more"] == ["m", "demo/echo"]


def test_what_is_set_in_a_table_of_ours_is_a_part_of_it() -> None:
    table: object = {"name": "us"}
    edits = [Edit(("p", "us"), table), Edit(("p", "us", "models"), "{model}", each_model=True)]
    assert wanted(edits, ["m"]) == [Setting(("p", "us"), {"name": "us", "models": ["m"]})]
    text = apply("json", '{"p": {}}', edits, ["m"])
    assert apply("json", text, edits, ["m"]) == text
    assert table == {"name": "us"}


def test_what_is_there_may_be_asked_to_stay() -> None:
    edits = [Edit(("name",), "Local", if_missing=True), Edit(("version",), "1", if_missing=True)]
    assert apply("yaml", "name: mine\n", edits) == 'name: mine\nversion: "1"\n'


def test_what_is_not_there_cannot_be_taken_out() -> None:
    assert remove("json", '{"a": 1}', ("b",)) == '{"a": 1}'
    assert remove_item("yaml", "a:\n  - 1\n", ("a",), 3) == "a:\n  - 1\n"


def test_what_was_there_before_stays_when_it_is_empty() -> None:
    made = apply("json", '{"env": {}}', [Edit(("env", "A"), "x")])
    assert remove("json", made, ("env", "A"), 1) == '{"env": {}}'
    assert remove("json", made, ("env", "A")) == "{}"
