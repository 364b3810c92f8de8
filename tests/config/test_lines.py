"""Every key is found on its line, whatever stands around it."""

import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_gateway.config.lines import Path, line_of, locate

TEXT = '''\
# a comment = "not a key"
top = 1
"quoted key" = "a # no comment"
'literal.key' = 'a " quote'
"\\u0061\\t\\U00000062" = 0

[server]  # comment
host = "127.0.0.1"
port=8787
nested.dotted . key = true

allow_from = [
  "10.0.0.0/8",  # ] not the end
  "x]y",
]
text = """
[not.a.table]
fake = 1 \\"""
"""
literal = \'\'\'
fake = \'\'2\'\'
\'\'\'
quotes = """"five"""""
inline = { a = 1, b = [ "}" ] }

  [[providers]]
  name = "one"
[[providers]]
name = "two"
[providers.extra]
key = 1
[aliases]
"a/b" = []
[[a.b]]
c = 1
[[a.b]]
c = 2'''

EXPECTED: dict[Path, int] = {
    ("top",): 2,
    ("quoted key",): 3,
    ("literal.key",): 4,
    ("a\tb",): 5,
    ("server",): 7,
    ("server", "host"): 8,
    ("server", "port"): 9,
    ("server", "nested"): 10,
    ("server", "nested", "dotted"): 10,
    ("server", "nested", "dotted", "key"): 10,
    ("server", "allow_from"): 12,
    ("server", "text"): 16,
    ("server", "literal"): 20,
    ("server", "quotes"): 23,
    ("server", "inline"): 24,
    ("providers",): 26,
    ("providers", 0): 26,
    ("providers", 0, "name"): 27,
    ("providers", 1): 28,
    ("providers", 1, "name"): 29,
    ("providers", 1, "extra"): 30,
    ("providers", 1, "extra", "key"): 31,
    ("aliases",): 32,
    ("aliases", "a/b"): 33,
    ("a", "b"): 34,
    ("a", "b", 0): 34,
    ("a", "b", 0, "c"): 35,
    ("a", "b", 1): 36,
    ("a", "b", 1, "c"): 37,
}


def test_every_key_is_on_its_line() -> None:
    tomllib.loads(TEXT)
    assert locate(TEXT) == EXPECTED


@pytest.mark.parametrize(
    ("path", "line"),
    [
        (("server", "inline", "a"), 24),
        (("server", "allow_from", 1), 12),
        (("server", "missing"), 7),
        (("missing",), 0),
        ((), 0),
    ],
)
def test_what_has_no_place_is_found_at_what_holds_it(path: Path, line: int) -> None:
    assert line_of(EXPECTED, path) == line


@pytest.mark.parametrize("text", ["", "\n\n", "# only a comment", "a = 1"])
def test_short_texts_end_well(text: str) -> None:
    assert locate(text) == ({("a",): 1} if text == "a = 1" else {})


VALUES = st.sampled_from(
    [
        "1",
        "true",
        '"text # no"',
        "'single'",
        '"""\nmany\n\nlines\n"""',
        "'''\nx = 1\n'''",
        "[\n1,\n2 # c\n]",
        "{ a = '}' }",
    ]
)


@given(st.lists(st.tuples(st.integers(0, 2), VALUES), max_size=12))
def test_keys_are_found_between_any_values(entries: list[tuple[int, str]]) -> None:
    lines: list[str] = []
    expected: dict[Path, int] = {}
    for number, (blank, value) in enumerate(entries):
        lines += [""] * blank
        expected[(f"key{number}",)] = len(lines) + 1
        lines += f"key{number} = {value}".split("\n")
    text = "\n".join(lines)
    assert set(tomllib.loads(text)) == {path[0] for path in expected}
    assert locate(text) == expected
